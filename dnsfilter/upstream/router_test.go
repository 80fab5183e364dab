package upstream

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

func routerFor(t testing.TB, zones ...Zone) *Router {
	t.Helper()
	for i := range zones {
		if zones[i].Servers == nil {
			zones[i].Servers = []Server{{Addr: netip.MustParseAddrPort("192.0.2.53:53")}}
		}
	}
	r, err := NewRouter(Routes{Servers: []Server{{Addr: netip.MustParseAddrPort("192.0.2.1:53")}}, Zones: zones}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wireOf(t testing.TB, name string) []byte {
	var b [256]byte
	n, err := dns.PackDomainName(dns.Fqdn(name), b[:], 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestPick(t *testing.T) {
	r := routerFor(t,
		Zone{Name: "closed.example"},
		Zone{Name: "deep.closed.example"},
		Zone{Name: "closed.example", Devices: []string{"xray", "ehr"}},
		Zone{Name: "vendor.example", Devices: []string{"xray"}})
	xray, ehr, pc := netip.MustParseAddr("192.168.10.41"), netip.MustParseAddr("fe80::32"), netip.MustParseAddr("192.168.10.20")
	r.SetDevices(map[string][]netip.Addr{"xray": {xray}, "ehr": {ehr}, "unknown": {pc}})
	for _, c := range []struct {
		client netip.Addr
		name   string
		group  uint8
	}{
		{pc, "www.example", 0}, {pc, "", 0}, {pc, "example", 0}, {netip.Addr{}, "example", 0},
		{pc, "closed.example", 1}, {pc, "a.b.closed.example", 1}, {netip.Addr{}, "a.closed.example", 1},
		{pc, "notclosed.example", 0}, {pc, "closed.example.com", 0},
		{pc, `a\.closed.example`, 0}, {pc, `a\.b.closed.example`, 1},
		{pc, "deep.closed.example", 2}, {xray, "x.deep.closed.example", 2},
		{xray, "closed.example", 3}, {ehr, "www.closed.example", 3}, {netip.MustParseAddr("fe80::32%lan0"), "www.closed.example", 3},
		{netip.MustParseAddr("::ffff:192.168.10.41"), "www.closed.example", 3},
		{xray, "vendor.example", 4}, {ehr, "vendor.example", 0}, {pc, "vendor.example", 0},
	} {
		client, group := r.Pick(c.client, c.name)
		if group != c.group || client != r.all[group] {
			t.Errorf("%s for %s: group %d, want %d", c.name, c.client, group, c.group)
		}
		if wired := r.PickWire(c.client, wireOf(t, c.name)); wired != group {
			t.Errorf("%s for %s: group %d by wire", c.name, c.client, wired)
		}
	}
	if _, err := r.ExchangeIn(t.Context(), 5, question); !errors.Is(err, ErrNoAnswer) || r.OKIn(5) || !r.OKIn(4) {
		t.Error("a fifth group", err)
	}
	// A device that moved takes its zones along.
	r.SetDevices(map[string][]netip.Addr{"xray": {pc}})
	if _, g := r.Pick(pc, "vendor.example"); g != 4 {
		t.Error("group", g)
	}
	if _, g := r.Pick(xray, "closed.example"); g != 1 {
		t.Error("group", g)
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	r := routerFor(t, Zone{Name: "closed.example", Devices: []string{"xray"}})
	client, name := netip.MustParseAddr("192.168.10.20"), "a.b.closed.example"
	wire := wireOf(t, name)
	if n := testing.AllocsPerRun(100, func() { r.Pick(client, name); r.PickWire(client, wire) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Questions of a zone never leave it, also when nobody there answers.
func TestZoneStaysClosed(t *testing.T) {
	main := serve(t, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
	own := serve(t, code(dns.RcodeServerFailure))
	dead := serve(t, silent)
	routes := Routes{Servers: []Server{{Addr: main.addr}}, Zones: []Zone{
		{Name: "some-name.example", Servers: []Server{{Addr: own.addr}}},
		{Name: "dead.example", Servers: []Server{{Addr: dead.addr}}},
	}}
	r, err := NewRouter(routes, Options{Patience: 300e6})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := r.Exchange(context.Background(), question); err != nil || m.Rcode != dns.RcodeServerFailure {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := r.Exchange(context.Background(), Question{Name: "www.DEAD.example.", Type: dns.TypeA}); !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
	if n := main.udp.Load() + main.tcp.Load(); n != 0 {
		t.Errorf("%d questions went to others", n)
	}
	if m, err := r.Exchange(context.Background(), Question{Name: "www.other.example.", Type: dns.TypeA}); err != nil || len(m.Answer) != 1 || !r.OK() {
		t.Errorf("%v, %v", m, err)
	}
}

func TestNewRouter(t *testing.T) {
	s := []Server{{Addr: netip.MustParseAddrPort("192.0.2.1:53")}}
	for what, r := range map[string]Routes{
		"nobody":              {},
		"the root":            {Servers: s, Zones: []Zone{{Name: "", Servers: s}}},
		"a dot":               {Servers: s, Zones: []Zone{{Name: ".", Servers: s}}},
		"upper case":          {Servers: s, Zones: []Zone{{Name: "Closed.example", Servers: s}}},
		"a dot at the end":    {Servers: s, Zones: []Zone{{Name: "closed.example.", Servers: s}}},
		"an empty label":      {Servers: s, Zones: []Zone{{Name: "closed..example", Servers: s}}},
		"nobody for the zone": {Servers: s, Zones: []Zone{{Name: "closed.example"}}},
		"too many":            {Servers: s, Zones: make([]Zone, MaxZones+1)},
	} {
		if _, err := NewRouter(r, Options{}); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	a := Routes{Servers: s, Zones: []Zone{{Name: "closed.example", Servers: s, Devices: []string{"xray"}}}}
	b := Routes{Servers: s, Zones: []Zone{{Name: "closed.example", Servers: s}}}
	if !a.Equal(a) || a.Equal(b) || a.Equal(Routes{Servers: s}) {
		t.Error("Equal is wrong")
	}
}

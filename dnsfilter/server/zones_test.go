package server

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/dnsfilter/upstream"
)

// zoned is an outside with a closed network that only member has to do with.
type zoned struct {
	*resolver // everybody's
	mu        sync.Mutex
	closed    *resolver
	member    netip.Addr
}

func (z *zoned) Zoned() bool { return true }

func (z *zoned) PickWire(client netip.Addr, name []byte) uint8 {
	z.mu.Lock()
	defer z.mu.Unlock()
	if client == z.member {
		return 1
	}
	return 0
}

func (z *zoned) of(group uint8) *resolver { return []*resolver{z.resolver, z.closed}[group] }

func (z *zoned) ExchangeIn(ctx context.Context, group uint8, q upstream.Question) (*dns.Msg, error) {
	return z.of(group).Exchange(ctx, q)
}

func (z *zoned) OKIn(group uint8) bool { return z.of(group).OK() }

func (z *zoned) move(to netip.Addr) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.member = to
}

var terminal, desk = netip.MustParseAddr("192.168.10.41"), netip.MustParseAddr("192.168.10.20")

// closedNet is a zoned server where www.closed.example is 203.0.113.1 to the
// terminal and 203.0.113.2 to all others.
func closedNet(t testing.TB, ttl string) (*Server, *zoned) {
	z := &zoned{resolver: newResolver(), closed: newResolver(), member: terminal}
	z.closed.set("www.closed.example.", "www.closed.example. "+ttl+" IN A 203.0.113.1")
	z.set("www.closed.example.", "www.closed.example. "+ttl+" IN A 203.0.113.2")
	return bench(t, z), z
}

// askedBy asks in the name of a client.
func askedBy(t testing.TB, s *Server, client netip.Addr, q *dns.Msg) *dns.Msg {
	t.Helper()
	packed, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	c := &tcpConn{out: make(chan []byte, 1)}
	var scratch question
	s.handle(nil, packed, &scratch, &asker{addr: netip.AddrPortFrom(client, 5353), conn: c})
	return parse(t, <-c.out)
}

// mustBe checks that each gets its own network's answer.
func mustBe(t testing.TB, s *Server, when string, old bool) {
	t.Helper()
	for client, want := range map[netip.Addr]string{terminal: "203.0.113.1", desk: "203.0.113.2"} {
		m := askedBy(t, s, client, ask("WWW.closed.example.", dns.TypeA))
		code, _, _ := ede(m)
		if len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != want || (code == dns.ExtendedErrorCodeStaleAnswer) != old {
			t.Errorf("%s: to %s\n%v", when, client, m)
		}
	}
}

// What the resolvers of a closed network say stays with its devices, and what
// others say does not reach these: asked, remembered, fetched again before its
// end, and out of date.
func TestZonesApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, z := closedNet(t, "100")
		defer settle(s)
		for range hotHits {
			mustBe(t, s, "asked", false)
		}
		if a, b := z.count(), z.closed.count(); a != 1 || b != 1 {
			t.Errorf("asked %d and %d times", a, b)
		}
		time.Sleep(95 * time.Second) // both are hot and near their end
		mustBe(t, s, "near the end", false)
		synctest.Wait()
		if a, b := z.count(), z.closed.count(); a != 2 || b != 2 {
			t.Errorf("asked %d and %d times", a, b)
		}
		mustBe(t, s, "fetched before its end", false)
		z.closed.kill(true) // each is stale for its own resolvers' sake
		time.Sleep(101 * time.Second)
		if m := askedBy(t, s, desk, ask("www.closed.example.", dns.TypeA)); m.Answer[0].Header().Ttl != 100 {
			t.Errorf("%v", m)
		}
		z.kill(true)
		time.Sleep(101 * time.Second)
		mustBe(t, s, "stale", true)
		// A device that is none any more gets none of it, and a new one does.
		z.move(desk)
		if m := askedBy(t, s, terminal, ask("www.closed.example.", dns.TypeA)); m.Answer[0].(*dns.A).A.String() != "203.0.113.2" {
			t.Errorf("%v", m)
		}
		if m := askedBy(t, s, desk, ask("www.closed.example.", dns.TypeA)); m.Answer[0].(*dns.A).A.String() != "203.0.113.1" {
			t.Errorf("%v", m)
		}
	})
}

// One question outside for many equal ones, and two for two groups.
func TestZonesFlyApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, z := closedNet(t, "100")
		defer settle(s)
		z.wait, z.closed.wait = time.Second, time.Second
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { mustBe(t, s, "together", false) })
		}
		all.Wait()
		if a, b := z.count(), z.closed.count(); a != 1 || b != 1 {
			t.Errorf("asked %d and %d times", a, b)
		}
	})
}

// The page that explains a name asks as the device would.
func TestZonesExplained(t *testing.T) {
	s, z := closedNet(t, "100")
	defer settle(s)
	z.closed.set("www.closed.example.", "www.closed.example. 100 IN A 192.168.200.1")
	for client, want := range map[netip.Addr]dnsfilter.Action{terminal: dnsfilter.Refuse, desk: dnsfilter.Forward, {}: dnsfilter.Forward} {
		if d, err := s.Explain(t.Context(), "www.closed.example", client); err != nil || d.Action != want {
			t.Errorf("%s: %+v, %v", client, d, err)
		}
	}
}

// New resolvers make the old ones' answers void, also those still to come; the
// same ones again do not.
func TestSetUpstream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newResolver()
		old.set("www.example.", "www.example. 300 IN A 203.0.113.1")
		old.wait = time.Second
		s := bench(t, old)
		defer settle(s)
		late := make(chan *dns.Msg)
		go func() { late <- put(t, s, ask("www.example.", dns.TypeA)) }()
		synctest.Wait()
		next := newResolver()
		next.set("www.example.", "www.example. 300 IN A 203.0.113.2")
		s.SetUpstream(next)
		// Who asks now does not board the flight to the old ones.
		if m := put(t, s, ask("www.example.", dns.TypeA)); m.Answer[0].(*dns.A).A.String() != "203.0.113.2" {
			t.Errorf("%v", m)
		}
		<-late
		if m := put(t, s, ask("www.example.", dns.TypeA)); m.Answer[0].(*dns.A).A.String() != "203.0.113.2" || next.count() != 1 {
			t.Errorf("%v", m)
		}
	})
}

// listed is a zoned outside that says whom it asks.
type listed struct {
	*zoned
	main string
}

func (l listed) Main() []upstream.Server {
	return []upstream.Server{{Addr: netip.MustParseAddrPort(l.main)}}
}

// A zone that is put up or taken away during an outage does not cost the
// answers of all other names.
func TestSameServersKeepStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, z := closedNet(t, "100")
		defer settle(s)
		s.SetUpstream(listed{z, "192.0.2.1:53"})
		mustBe(t, s, "first", false)
		z.kill(true)
		z.closed.kill(true)
		time.Sleep(time.Hour)
		s.SetUpstream(listed{z, "192.0.2.1:53"})
		m := askedBy(t, s, desk, ask("www.closed.example.", dns.TypeA))
		if code, _, _ := ede(m); code != dns.ExtendedErrorCodeStaleAnswer || len(m.Answer) != 1 {
			t.Errorf("%v", m)
		}
		// The group may be another zone's now.
		if m := askedBy(t, s, terminal, ask("www.closed.example.", dns.TypeA)); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("%v", m)
		}
		if n, bytes := s.uplink.Load().cache.size(); n != 2 || bytes == 0 {
			t.Errorf("%d entries in %d bytes", n, bytes)
		}
		s.SetUpstream(listed{z, "192.0.2.2:53"})
		if m := askedBy(t, s, desk, ask("www.closed.example.", dns.TypeA)); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("%v", m)
		}
	})
}

// The router of package upstream over a network.
func TestZonesRouted(t *testing.T) {
	closed, all := newResolver(), newResolver()
	closed.set("www.closed.example.", "www.closed.example. 300 IN A 203.0.113.1")
	all.set("www.closed.example.", "www.closed.example. 300 IN A 203.0.113.2")
	r, err := upstream.NewRouter(upstream.Routes{Servers: all.serve(t).Main(), Zones: []upstream.Zone{
		{Name: "closed.example", Servers: closed.serve(t).Main(), Devices: []string{"terminal"}}}}, upstream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.SetDevices(map[string][]netip.Addr{"terminal": {terminal}})
	s := bench(t, r)
	defer settle(s)
	mustBe(t, s, "first", false)
	mustBe(t, s, "again", false)
	if a, b := all.count(), closed.count(); a != 1 || b != 1 {
		t.Errorf("asked %d and %d times", a, b)
	}
}

// BenchmarkZones sets a server with 26 zones of some devices beside one without.
func BenchmarkZones(b *testing.B) {
	var zones []upstream.Zone
	to := []upstream.Server{{Addr: netip.MustParseAddrPort("192.0.2.1:53")}}
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		zones = append(zones, upstream.Zone{Name: string(c) + ".closed.example", Servers: to, Devices: []string{"terminal"}})
	}
	for what, zones := range map[string][]upstream.Zone{"none": nil, "26": zones} {
		r, err := upstream.NewRouter(upstream.Routes{Servers: to, Zones: zones}, upstream.Options{})
		if err != nil {
			b.Fatal(err)
		}
		out := newUplink(r, 1<<20)
		q := readQuestion(b, ask("www.some.example.", dns.TypeA))
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				out.pick(q, desk)
			}
		})
	}
}

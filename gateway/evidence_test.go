package gateway

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/checklist"
	"monban/gateway/selftest"
	"monban/gateway/window"
)

// proof is the evidence of a code as the checklist shows it; nil: unmeasured.
func (b *box) proof(code string) (checklist.State, *checklist.Evidence) {
	b.t.Helper()
	_, found, err := b.Checklist(b.t.Context(), inspector)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range found {
		for _, p := range f.Parts {
			for _, pr := range p.Proofs {
				if pr.Code == code {
					return pr.State, pr.Evidence
				}
			}
		}
	}
	b.t.Fatalf("nothing needs %s", code)
	return "", nil
}

// is checks how a piece of evidence stands.
func (b *box) is(code string, want checklist.State) *checklist.Evidence {
	b.t.Helper()
	got, e := b.proof(code)
	if got != want {
		b.t.Errorf("%s: %s %+v, want %s", code, got, e, want)
	}
	return e
}

// wanLinkLocal is the WAN port's own address of its link.
var wanLinkLocal = netip.MustParseAddr("fe80::5054:ff:fe12:3456")

// listens makes a box with an address of its link on the WAN port, on which
// these listen.
func listens(t *testing.T, all ...Listener) *box {
	b := newBoxIn(t, t.TempDir())
	local := b.o.LocalAddrs
	b.o.LocalAddrs = func(iface string) ([]netip.Addr, error) {
		as, err := local(iface)
		if iface == "wan0" {
			as = append(as, wanLinkLocal)
		}
		return as, err
	}
	b.o.Listeners = func() ([]Listener, error) {
		return append(all, Listener{firewall.UDP, netip.MustParseAddrPort("192.168.10.1:53")}), nil
	}
	return b
}

func TestWANExposure(t *testing.T) {
	for _, x := range []struct {
		proto   firewall.Proto
		listens string
		code    string // of the first observation
	}{
		{firewall.TCP, "192.168.10.1:443", "evidence.listens_not_wan"}, {firewall.TCP, "127.0.0.1:53", "evidence.listens_not_wan"},
		{firewall.TCP, "[fdc1:1c:10::1]:443", "evidence.listens_not_wan"}, {firewall.UDP, "[fe80::1]:546", "evidence.listens_not_wan"},
		// systemd-networkd's DHCP clients, as they stand in /proc/net.
		{firewall.UDP, "203.0.113.10:68", "evidence.listens_dhcp"}, {firewall.UDP, "[fe80::5054:ff:fe12:3456]:546", "evidence.listens_dhcp"},
		// What the packet rules do not let in for DHCP.
		{firewall.TCP, "203.0.113.10:68", "evidence.listens_wan"}, {firewall.UDP, "203.0.113.10:546", "evidence.listens_wan"},
		{firewall.UDP, "0.0.0.0:68", "evidence.listens_wan"}, {firewall.UDP, "[::]:546", "evidence.listens_wan"},
		{firewall.UDP, "[2001:db8:0:1::10]:546", "evidence.listens_wan"}, {firewall.TCP, "[fe80::5054:ff:fe12:3456]:546", "evidence.listens_wan"},
		{firewall.UDP, "[fe80::5054:ff:fe12:3456]:68", "evidence.listens_wan"}, {firewall.UDP, "203.0.113.10:67", "evidence.listens_wan"},
		{firewall.TCP, "0.0.0.0:22", "evidence.listens_wan"}, {firewall.TCP, "[::]:22", "evidence.listens_wan"},
		{firewall.TCP, "203.0.113.10:443", "evidence.listens_wan"}, {firewall.UDP, "[2001:db8:0:1::10]:53", "evidence.listens_wan"},
		{firewall.UDP, "0.0.0.0:51820", "evidence.listens_wan"}, // no window is open
	} {
		b := listens(t, Listener{x.proto, netip.MustParseAddrPort(x.listens)})
		g, err := New(b.o)
		if err != nil {
			t.Fatal(err)
		}
		g.start()
		e, ok := g.wanExposure(t.Context())
		if bad := x.code == "evidence.listens_wan"; !ok || (e.Result == checklist.Fail) != bad || len(e.Seen) == 0 || e.Seen[0].Code != x.code || e.Seen[0].Bad != bad {
			t.Errorf("%s %s: %+v", x.proto, x.listens, e)
		}
	}
}

// The kernel's end of a tunnel listens on every address, but only while a
// tunnel's window is open.
func TestWANExposureOfTunnel(t *testing.T) {
	t.Parallel()
	b := listens(t, Listener{firewall.UDP, netip.MustParseAddrPort("0.0.0.0:51820")}, Listener{firewall.UDP, netip.MustParseAddrPort("[::]:51820")})
	b.o.Tunnels = &fakeTunnels{}
	b.start()
	b.seen(rececom, "192.168.10.31")
	b.is("E-01", checklist.Partial)
	b.opened(time.Hour, 3389) // another kind of window explains nothing
	b.is("E-01", checklist.Partial)
	ask := want(time.Hour, 3390)
	ask.Kind = window.WireGuard
	w, err := b.AskWindow(t.Context(), staff, ask)
	if err != nil {
		t.Fatal(err)
	}
	if w, err = b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false); err != nil {
		t.Fatal(err)
	}
	e := b.is("E-01", checklist.Confirmed)
	if len(e.Seen) != 3 || e.Seen[0].Code != "evidence.listens_tunnel" || e.Seen[1].Code != "evidence.listens_tunnel" || e.Seen[2].Args["n"] != 1 {
		t.Errorf("%+v", e.Seen)
	}
	b.Gateway.o.Listeners = func() ([]Listener, error) {
		return []Listener{{firewall.TCP, netip.MustParseAddrPort("0.0.0.0:51820")}}, nil
	}
	b.is("E-01", checklist.Partial)
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	b.is("E-01", checklist.Partial)
}

// What cannot be measured is shown as that, never as a tick.
func TestUnmeasured(t *testing.T) {
	b := newBox(t)
	b.o.Watch = nil
	b.start()
	b.is("E-01", checklist.Unmeasured) // no Listeners
	b.is("E-03", checklist.Unmeasured) // no self-test yet
	b.is("E-06", checklist.Unmeasured)
	b.Gateway.o.Listeners = func() ([]Listener, error) { return nil, errors.New("no /proc") }
	b.is("E-01", checklist.Unmeasured)
	b.Gateway.o.Listeners = func() ([]Listener, error) { return nil, nil }
	b.is("E-01", checklist.Confirmed)
	b.Gateway.o.LocalAddrs = func(string) ([]netip.Addr, error) { return nil, errors.New("no such port") }
	b.is("E-01", checklist.Unmeasured)
	b.kill()
	b.o.Store = noStore
	b.start()
	b.is("E-04", checklist.Unmeasured)
	b.is("E-12", checklist.Unmeasured)
}

func TestRulesEvidence(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	e := b.is("E-02", checklist.Confirmed)
	found := false
	for _, o := range e.Seen {
		if o.Code == "evidence.open_window" {
			found = o.Args["id"] == w.ID && o.Args["approver"] == "院長" && o.Args["device"] == "レセコン" && !o.Bad
		}
	}
	if !found {
		t.Errorf("%+v", e.Seen)
	}
	// The kernel holds other rules and will not take ours.
	b.fw.set(func() { b.fw.rules = "table inet other {}"; b.fw.fail["Apply"] = errors.New("busy") })
	b.time.pass(time.Minute)
	if err := b.guardOnce(t.Context()); err == nil {
		t.Error("all is well, says the guard")
	}
	b.is("E-02", checklist.Partial)
	if _, ok := b.note("gateway.rules_wrong"); !ok {
		t.Error("no note")
	}
	b.fw.set(func() { delete(b.fw.fail, "Apply") })
	if err := b.guardOnce(t.Context()); err != nil {
		t.Error(err)
	}
	b.is("E-02", checklist.Confirmed)
}

// What a guard read before it stood still is no proof of now, and of nothing
// after a day.
func TestRulesEvidenceOfStalledGuard(t *testing.T) {
	b := running(t)
	read := b.o.Clock.Wall()
	b.time.pass(staleRules - time.Second)
	if e := b.is("E-02", checklist.Confirmed); !e.At.Equal(read) || !e.ValidUntil.Equal(read.Add(dayOld)) {
		t.Errorf("of %v until %v, read at %v", e.At, e.ValidUntil, read)
	}
	b.time.pass(time.Second)
	e := b.is("E-02", checklist.Partial)
	if e.Seen[0].Code != "evidence.rules_stale" || !e.Seen[0].Bad {
		t.Errorf("%+v", e.Seen)
	}
	b.time.pass(dayOld)
	b.is("E-02", checklist.Expired)
	if err := b.guardOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.is("E-02", checklist.Confirmed)
}

// A session that is not as its window was asked for is bad news, in whatever
// it is not.
func TestSessionEvidence(t *testing.T) {
	from := func(f *firewall.Flow) { f.Source = netip.MustParseAddrPort("203.0.113.77:4444") }
	to := func(f *firewall.Flow) { f.Target = netip.MustParseAddrPort("192.168.10.31:22") }
	before := func(f *firewall.Flow) { f.Start = noon.Add(-time.Minute) }
	for name, x := range map[string]struct {
		odd              []func(*firewall.Flow)
		n                int
		source, to, time int
	}{
		"as asked for": {}, "source": {odd: []func(*firewall.Flow){from}, n: 1, source: 1}, "target": {odd: []func(*firewall.Flow){to}, n: 1, to: 1},
		"both": {odd: []func(*firewall.Flow){from, to}, n: 2, source: 1, to: 1}, "time": {odd: []func(*firewall.Flow){before}, n: 1, time: 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := running(t)
			w := b.opened(time.Hour, 3389)
			flows := []firewall.Flow{flow(w)}
			for i, change := range x.odd {
				f := flow(w)
				f.ID = uint32(i + 2)
				change(&f)
				flows = append(flows, f)
			}
			b.fw.set(func() { b.fw.flows = flows })
			b.pollFlows(t.Context())
			if x.n == 0 {
				b.is("E-04", checklist.Confirmed)
				return
			}
			o := b.is("E-04", checklist.Partial).Seen[0]
			if a := o.Args; o.Code != "evidence.sessions_unlike" || !o.Bad || a["id"] != w.ID || a["n"] != x.n ||
				a["source"] != x.source || a["target"] != x.to || a["time"] != x.time {
				t.Errorf("%+v", o)
			}
		})
	}
}

// The self-test counts for a day, over a restart too; without its positive
// control it proves nothing.
func TestSelfTestEvidence(t *testing.T) {
	b := newBox(t)
	var asked selftest.Request
	result := selftest.Result{}
	failed := error(nil)
	b.o.SelfTest = func(_ context.Context, r selftest.Request) (selftest.Result, error) {
		asked = r
		result.At = b.o.Clock.Wall()
		return result, failed
	}
	b.start()
	b.seen(rececom, "192.168.10.31", "2001:db8:10::31")
	b.fw.counts.Named[firewall.Refused(true, 4, firewall.TCP)] = firewall.Count{Packets: 7}
	run := func(s selftest.State, passed, cut bool) {
		t.Helper()
		result = selftest.Result{State: s, Passed: passed, Cut: cut, Sent: 10, Counted: 10}
		if err := b.RunSelfTest(t.Context(), staff); err != nil {
			t.Fatal(err)
		}
	}
	run(selftest.Unmeasured, false, false)
	b.is("E-03", checklist.Unmeasured)
	run(selftest.Failed, true, true)
	b.is("E-03", checklist.Partial)
	if _, ok := b.note("gateway.proof_failed"); !ok {
		t.Error("no note of it")
	}
	run(selftest.OK, true, false)
	b.is("E-03", checklist.Partial)
	run(selftest.OK, true, true)
	e := b.is("E-03", checklist.Confirmed)
	for _, o := range e.Seen {
		if o.Code == "evidence.refused" && o.Args["box"] != uint64(7) {
			t.Errorf("%+v", o)
		}
	}
	if len(asked.WAN) != 2 || len(asked.LAN) != 3 || len(asked.Devices) != 2 {
		t.Errorf("asked for %+v", asked)
	}
	if s, _ := b.Status(t.Context()); !s.LastProof.Equal(noon) {
		t.Error(s.LastProof)
	}
	failed = errors.New("no such service")
	fails(t, b.RunSelfTest(t.Context(), staff), "selftest.not_here")
	b.time.pass(23 * time.Hour)
	b.kill().start()
	b.is("E-03", checklist.Confirmed)
	b.time.pass(time.Hour)
	b.is("E-03", checklist.Expired)
	if b.lines("selftest.ran."+string(selftest.OK)) != 2 {
		t.Error("not on record")
	}
}

func TestOtherEvidence(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.fw.set(func() { b.fw.flows = []firewall.Flow{flow(w)} })
	b.pollFlows(t.Context())
	e := b.is("E-04", checklist.Confirmed)
	if a := e.Seen[len(e.Seen)-1].Args; a["windows"] != 1 || a["sessions"] != 1 {
		t.Errorf("%+v", e.Seen)
	}
	b.is("E-06", checklist.Confirmed) // all have names
	b.seen(stranger, "192.168.10.200")
	b.is("E-06", checklist.Partial)
	b.is("E-11", checklist.Confirmed)
	b.time.set(noon, false)
	if e := b.is("E-11", checklist.Partial); e.Synced {
		t.Error("evidence of an unset clock says it was set")
	}
	b.is("E-12", checklist.Confirmed)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.dir, "monban.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{"DROP TRIGGER IF EXISTS audit_update", "UPDATE audit SET name = '別人' WHERE seq = 2"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	b.is("E-12", checklist.Partial)
	if c, err := b.CheckAudit(t.Context(), inspector); err != nil || c.Bad != 2 || c.Why == "" {
		t.Errorf("%+v, %v", c, err)
	}
}

package window_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/gateway/text"
	"monban/gateway/window"
)

// Each kind takes what it is about and nothing else.
func TestKinds(t *testing.T) {
	of := func(bend func(*window.Window)) window.Window {
		w := ask()
		w.Ports = nil
		bend(&w)
		return w
	}
	vpn := []window.Target{target(t, "203.0.113.5:4500/udp")}
	out := of(func(w *window.Window) { w.Kind, w.Targets = window.Outbound, vpn })
	tool := of(func(w *window.Window) { w.Kind, w.Tool = window.Tool, "AnyDesk" })
	tunnel := of(func(w *window.Window) {
		w.Kind, w.Ports = window.WireGuard, []window.Port{{Proto: window.TCP, Port: 22}}
	})
	for _, c := range []struct {
		name string
		w    window.Window
		bend func(*window.Window)
		want []string
	}{
		{"outbound", out, func(*window.Window) {}, nil},
		{"a tool", tool, func(*window.Window) {}, nil},
		{"a tool of a vendor without ranges", tool, func(w *window.Window) { w.Sources = nil }, nil},
		{"a tunnel", tunnel, func(*window.Window) {}, nil},
		{"another kind", out, func(w *window.Window) { w.Kind = "carrier pigeon" }, []string{"kind window.bad_kind"}},
		{"no target", out, func(w *window.Window) { w.Targets = nil }, []string{"target window.no_targets"}},
		{"17 targets", out, func(w *window.Window) {
			for i := range uint16(16) {
				w.Targets = append(w.Targets, window.Target{Addr: vpn[0].Addr, Proto: window.TCP, Port: i + 1})
			}
		}, []string{"target window.no_targets"}},
		{"a target twice", out, func(w *window.Window) { w.Targets = append(w.Targets, vpn[0]) }, []string{"target window.target_twice"}},
		{"one address, two protocols", out, func(w *window.Window) { w.Targets = append(w.Targets, target(t, "203.0.113.5:4500")) }, nil},
		{"somebody else's target", out, func(w *window.Window) { w.Targets = append(w.Targets, target(t, "203.0.113.16:4500/udp")) },
			[]string{"target window.target_outside"}},
		{"an IPv6 target of an IPv4 vendor", out, func(w *window.Window) { w.Targets = []window.Target{target(t, "[2001:db8::5]:443")} },
			[]string{"target window.target_outside"}},
		{"a target without a port", out, func(w *window.Window) { w.Targets = []window.Target{{Addr: vpn[0].Addr, Proto: window.TCP}} },
			[]string{"target window.bad_target"}},
		{"no address at all", out, func(w *window.Window) { w.Targets = []window.Target{{Proto: window.TCP, Port: 1}} },
			[]string{"target window.bad_target"}},
		{"a way in and out", out, func(w *window.Window) { w.Ports = ask().Ports }, []string{"port window.unused"}},
		{"a tool on the way out", out, func(w *window.Window) { w.Tool = "AnyDesk" }, []string{"tool window.unused"}},
		{"a way out and in", ask(), func(w *window.Window) { w.Targets = vpn }, []string{"target window.unused"}},
		{"no tool", tool, func(w *window.Window) { w.Tool = "" }, []string{"tool window.no_tool"}},
		{"a tool and more", tool, func(w *window.Window) { w.Ports, w.Targets = ask().Ports, vpn },
			[]string{"port window.unused", "target window.unused"}},
		{"a tool of nobody", tool, func(w *window.Window) { w.Vendor = "" }, []string{"vendor window.no_vendor"}},
		{"a tunnel from everywhere", tunnel, func(w *window.Window) { w.Sources = nil }, []string{"vendor window.no_sources"}},
		{"a tunnel to nothing", tunnel, func(w *window.Window) { w.Ports = nil }, []string{"port window.no_ports"}},
	} {
		w := c.w
		w.Targets = slices.Clone(w.Targets)
		c.bend(&w)
		if _, err := window.Ask(w, staff, now); !slices.Equal(codes(err), c.want) {
			t.Errorf("%s: %v, want %v", c.name, codes(err), c.want)
		}
	}
	tunnel.Ports = []window.Port{{Proto: window.TCP, Port: 22, WAN: 2222}}
	if w, err := window.Ask(tunnel, staff, now); err != nil || w.Ports[0].WAN != 22 {
		t.Error("a tunnel does not translate ports:", w.Ports, err)
	}
	if w, err := window.Ask(ask(), staff, now); err != nil || w.Kind != window.Inbound {
		t.Error("nothing said means inbound:", w.Kind, err)
	}
}

func TestPlannedStart(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*3600)
	for _, c := range []struct {
		name  string
		start time.Time
		want  []string
	}{
		{"now", now, nil},
		{"while the form was filled in", now.Add(-5 * time.Minute), nil},
		{"before", now.Add(-5*time.Minute - 1), []string{"start window.start_past"}},
		{"in Tokyo", now.Add(time.Hour).In(tokyo), nil},
		{"next quarter", now.Add(92 * 24 * time.Hour), nil},
		{"later", now.Add(92*24*time.Hour + 1), []string{"start window.start_far"}},
	} {
		a := ask()
		a.NotBefore = c.start
		w, err := window.Ask(a, staff, now)
		if !slices.Equal(codes(err), c.want) {
			t.Errorf("%s: %v", c.name, codes(err))
		}
		if err == nil && (!w.NotBefore.Equal(c.start) || w.NotBefore.Location() != time.UTC) {
			t.Errorf("%s: planned for %v", c.name, w.NotBefore)
		}
	}
	a := ask()
	a.NotBefore, a.Length = now.Add(-time.Minute), time.Minute
	if _, err := window.Ask(a, staff, now); !slices.Equal(codes(err), []string{"start window.start_past"}) {
		t.Errorf("over before it was asked for: %v", err)
	}
}

// A planned window lasts to its planned end, however late it begins.
func TestBeginAsPlanned(t *testing.T) {
	a := ask()
	a.NotBefore = now.Add(time.Hour)
	w, err := window.Ask(a, staff, now)
	if err != nil {
		t.Fatal(err)
	}
	late := director
	late.SteppedUp = now.Add(2 * time.Hour)
	if _, err := w.Approve(late, late.SteppedUp, window.Answer{}); !slices.Equal(codes(err), []string{"for window.too_late"}) {
		t.Error("approved after its time:", err)
	}
	if w, err = w.Approve(director, now, window.Answer{Length: 30 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	if w, err = w.Schedule(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after  time.Duration // of the planned start
		synced bool
		want   string
		lasts  time.Duration
	}{
		{-1, true, " window.too_early", 0},
		{0, false, " window.unsynced", 0},
		{0, true, "", 30 * time.Minute},
		{20 * time.Minute, true, "", 10 * time.Minute},
		{30*time.Minute - time.Second, true, "", time.Second},
		{30*time.Minute - time.Second + 1, true, " window.too_late", 0},
		{365 * 24 * time.Hour, true, " window.too_late", 0},
	} {
		s := start
		s.At, s.Synced = w.NotBefore.Add(c.after), c.synced
		n, err := w.Begin(s)
		if c.want != "" {
			if !slices.Equal(codes(err), []string{c.want}) || n.State != window.Scheduled {
				t.Errorf("after %v: %v", c.after, err)
			}
			continue
		}
		if err != nil || n.EndBoot-n.OpenBoot != c.lasts || !n.EndAt.Equal(w.NotBefore.Add(30*time.Minute)) {
			t.Errorf("after %v: %v, from %v to %v", c.after, err, n.OpenBoot, n.EndBoot)
		}
	}
	for after, want := range map[time.Duration]window.Due{-1: window.Nothing, 0: window.ToOpen, 30*time.Minute - time.Second: window.ToOpen,
		30*time.Minute - 1: window.Nothing, 30 * time.Minute: window.ToLapse} {
		if got := w.Due(w.NotBefore.Add(after), true); got != want {
			t.Errorf("due after %v: %v", after, got)
		}
	}
	back, err := w.Refuse(named, now, "休診になりました")
	if err != nil || back.State != window.Refused || back.Approver != director || back.Closer != named || back.Answer == "" {
		t.Errorf("taken back: %v, %+v", err, back)
	}
	if _, err := w.Refuse(staff, now, "x"); err == nil {
		t.Error("who may not approve took a window back")
	}
	if _, err := requested(t, staff).Schedule(); err == nil {
		t.Error("a window without a start waits for it")
	}
}

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.5:4500/udp": "203.0.113.5:4500/udp", " 203.0.113.5:443 ": "203.0.113.5:443/tcp",
		"[2001:db8::5]:443": "[2001:db8::5]:443/tcp", "[2001:DB8:0::5]:443/UDP": "[2001:db8::5]:443/udp",
	} {
		if to, err := window.ParseTarget(in); err != nil || to.String() != want {
			t.Errorf("%q: %s, %v", in, to, err)
		}
	}
	for _, in := range []string{"", ":", "203.0.113.5", "203.0.113.5:0", "203.0.113.5:65536", "203.0.113.5:443/icmp", "203.0.113.5:443/",
		"2001:db8::5:443", "[fe80::1%eth0]:443", "[::ffff:203.0.113.5]:443", "[::1]:443", "127.0.0.1:443", "0.0.0.0:443",
		"255.255.255.255:443", "224.0.0.1:443", "vpn.example:443", "203.0.113.5:443/tcp/udp", "203.0.113.5/24:443"} {
		if to, err := window.ParseTarget(in); !slices.Equal(codes(err), []string{"target window.bad_target"}) {
			t.Errorf("%q: %v, %v", in, to, err)
		}
	}
}

func FuzzParsePort(f *testing.F) {
	for _, s := range []string{"3389", "500/udp", "3389:13389/tcp", "0", "70000", "1:2:3", "\u202e22", "1/ICMP"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := window.ParsePort(s)
		if err != nil {
			short(t, err)
			return
		}
		if again, err := window.ParsePort(p.String()); err != nil || again != p {
			t.Errorf("%q: %v becomes %v, %v", s, p, again, err)
		}
	})
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"203.0.113.5:4500/udp", "[2001:db8::5]:443", "[fe80::1%eth0]:1", "203.0.113.5:0", "\u202e1", "[::ffff:1.2.3.4]:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		to, err := window.ParseTarget(s)
		if err != nil {
			short(t, err)
			return
		}
		if again, err := window.ParseTarget(to.String()); err != nil || again != to {
			t.Errorf("%q: %v becomes %v, %v", s, to, again, err)
		}
		w := ask()
		w.Kind, w.Ports, w.Targets, w.Sources = window.Outbound, nil, []window.Target{to}, []netip.Prefix{netip.PrefixFrom(to.Addr, to.Addr.BitLen())}
		if _, err := window.Ask(w, staff, now); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}

// short wants a fault that a page can show, whatever was typed.
func short(t *testing.T, err error) {
	t.Helper()
	if said := text.JA.Say(err.(*text.Fault).Code, err.(*text.Fault).Args); len([]rune(said)) > 300 {
		t.Errorf("a fault of %d characters", len([]rune(said)))
	}
}

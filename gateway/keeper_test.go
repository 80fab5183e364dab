package gateway

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/window"
)

// Whoever pressed the button need not press it again: what the kernel would
// not close is tried until it does, and is never given back.
func TestCloseIsKept(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.fw.set(func() { b.fw.fail["CloseWindow"] = errors.New("busy") })
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err == nil {
		t.Fatal("closed, says the gateway")
	}
	b.settleAll(t.Context())
	b.on(w.ID, window.Open, "")
	b.fw.set(func() { delete(b.fw.fail, "CloseWindow") })
	b.settleAll(t.Context())
	if got := b.on(w.ID, window.Closed, window.ByHand); got.Closer.Name != staff.Name {
		t.Errorf("closed by %+v", got.Closer)
	}
	if len(b.fw.marks()) != 0 || b.fw.called("OpenWindow") != 1 {
		t.Error("the kernel still has it, or has it again")
	}
}

// What turns up in the kernel while we run, and nobody has on record, goes.
func TestStrays(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.fw.set(func() {
		b.fw.live[77] = fakeLive{end: 100 * time.Hour}
		b.fw.live[firewall.Canary] = fakeLive{end: 100 * time.Hour}
	})
	b.settleAll(t.Context())
	b.settleAll(t.Context())
	if m := b.fw.marks(); len(m) != 2 || m[0] != firewall.Mark(w.Mark) || m[1] != firewall.Canary {
		t.Errorf("the kernel holds %v", m)
	}
	if n := b.lines("window.unknown_closed"); n != 1 {
		t.Errorf("%d lines", n)
	}
	b.fw.set(func() { b.fw.live[78] = fakeLive{end: 100 * time.Hour} })
	if n, err := b.CloseAll(t.Context(), staff); n != 2 || err != nil {
		t.Error(n, err)
	}
	if m := b.fw.marks(); len(m) != 1 || m[0] != firewall.Canary {
		t.Errorf("all closed, and the kernel holds %v", m)
	}
}

// A window in the kernel is what was opened: not wider, and not longer. What is
// more is taken away from it; its flows on the ways that are its own go on.
func TestPutRight(t *testing.T) {
	wide := firewall.Pass{Source: netip.MustParsePrefix("198.51.100.0/24"), Proto: firewall.TCP, WANPort: 3389, Inside: netip.MustParseAddrPort("192.168.10.31:3389")}
	other := firewall.Pass{Source: netip.MustParsePrefix("198.51.100.8/29"), Proto: firewall.TCP, WANPort: 22, Inside: netip.MustParseAddrPort("192.168.10.31:22")}
	box := firewall.Pass{Source: netip.MustParsePrefix("198.51.100.8/29"), Proto: firewall.TCP, WANPort: 3389, Inside: netip.MustParseAddrPort("192.168.10.1:3389")}
	for name, x := range map[string]struct {
		by     string
		change func(*fakeLive)
	}{
		"longer":       {"ExtendWindow", func(l *fakeLive) { l.end += time.Hour }},
		"wider source": {"RemoveWays", func(l *fakeLive) { l.passes = append(l.passes, wide) }},
		"another port": {"RemoveWays", func(l *fakeLive) { l.passes = append(l.passes, other) }},
		"to the box":   {"RemoveWays", func(l *fakeLive) { l.passes = append(l.passes, box) }},
		"a way out": {"RemoveWays", func(l *fakeLive) {
			l.opening.OutPasses = []firewall.OutPass{{Device: inside, To: netip.MustParseAddrPort("198.51.100.10:443"), Proto: firewall.TCP}}
		}},
		"a tunnel": {"RemoveWays", func(l *fakeLive) {
			l.opening.Outer = []firewall.Outer{{Source: netip.MustParsePrefix("198.51.100.8/29"), Box: netip.MustParseAddrPort("203.0.113.10:51820")}}
		}},
		"whatever a device likes": {"RemoveWays", func(l *fakeLive) { l.opening.Egress = []netip.Addr{netip.MustParseAddr("192.168.10.31")} }},
	} {
		t.Run(name, func(t *testing.T) {
			b := running(t)
			w := b.opened(time.Hour, 3389)
			m := firewall.Mark(w.Mark)
			b.time.pass(10 * time.Minute)
			whole := b.fw.live[m]
			b.fw.set(func() {
				l := b.fw.live[m]
				l.passes = slices.Clone(l.passes)
				x.change(&l)
				b.fw.live[m] = l
			})
			b.settleAll(t.Context())
			b.settleAll(t.Context())
			if got := b.fw.live[m]; !reflect.DeepEqual(got, whole) {
				t.Errorf("the kernel holds %+v, not %+v", got, whole)
			}
			if b.fw.called(x.by) != 1 || b.fw.called("OpenWindow") != 1 || b.fw.called("CloseWindow") != 0 || b.lines("window.put_right") != 1 {
				t.Errorf("put right by %v, %d times on record", b.fw.calls, b.lines("window.put_right"))
			}
			b.on(w.ID, window.Open, "")
		})
	}
}

// What the kernel will not take away goes with the whole window, which then
// has the rest of its time anew.
func TestPutRightAnew(t *testing.T) {
	for by, change := range map[string]func(*fakeLive){
		"ExtendWindow": func(l *fakeLive) { l.end += time.Hour },
		"RemoveWays":   func(l *fakeLive) { l.opening.Egress = []netip.Addr{inside} },
		"RemoveGates":  func(l *fakeLive) { l.gates = []firewall.Gate{{Device: inside, Target: outside}} },
	} {
		t.Run(by, func(t *testing.T) {
			b := running(t)
			w := b.opened(time.Hour, 3389)
			m := firewall.Mark(w.Mark)
			b.time.pass(10 * time.Minute)
			b.fw.set(func() {
				l := b.fw.live[m]
				change(&l)
				b.fw.live[m] = l
				b.fw.fail[by] = errors.New("busy")
			})
			b.settleAll(t.Context())
			b.settleAll(t.Context())
			live, _ := b.fw.Live()
			if len(live) != 1 || live[0].Left != 50*time.Minute || len(live[0].Passes) != 2 || len(live[0].Egress)+len(live[0].Gates) > 0 {
				t.Errorf("the kernel holds %+v", live)
			}
			if b.fw.called("OpenWindow") != 2 || b.lines("window.put_right") != 1 {
				t.Errorf("put right by %v, %d times on record", b.fw.calls, b.lines("window.put_right"))
			}
			b.on(w.ID, window.Open, "")
		})
	}
}

// What a window lacks it gets again, and nothing else of it is touched.
func TestLackingWays(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	m := firewall.Mark(w.Mark)
	whole := b.fw.live[m]
	for name, left := range map[string][]firewall.Pass{"IPv4": whole.passes[:1], "IPv6": whole.passes[1:], "both": nil,
		"the translation": {{Source: whole.passes[0].Source, Proto: firewall.TCP, Inside: whole.passes[0].Inside}, whole.passes[1]}} {
		b.fw.set(func() {
			l := whole
			l.passes = slices.Clone(left)
			b.fw.live[m] = l
		})
		b.settleAll(t.Context())
		for _, p := range whole.passes {
			if !slices.Contains(b.fw.live[m].passes, p) {
				t.Errorf("without %s: it stays without %+v", name, p)
			}
		}
	}
	if b.fw.called("AddWays") != 4 || b.fw.called("OpenWindow") != 1 || b.lines("window.put_right") != 0 {
		t.Errorf("by %v, %d times on record", b.fw.calls, b.lines("window.put_right"))
	}
}

// What outlives its end in the kernel is ended by hand.
func TestOutlived(t *testing.T) {
	b := running(t)
	w := b.opened(20*time.Second, 3389)
	b.fw.set(func() {
		l := b.fw.live[firewall.Mark(w.Mark)]
		l.end += time.Hour
		b.fw.live[firewall.Mark(w.Mark)] = l
	})
	b.time.pass(20*time.Second + overdue + time.Millisecond)
	b.settleAll(t.Context())
	b.on(w.ID, window.Closed, window.RanOut)
	if len(b.fw.marks()) != 0 {
		t.Error("it still lives")
	}
}

// An address that another device has used since is no way of the window any
// more, and is again when its own device has. Meanwhile the window stays open.
func TestClaimedAddress(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	whole := b.fw.live[firewall.Mark(w.Mark)].passes
	turns := func(n int) []firewall.Pass {
		for range n {
			b.settleAll(t.Context())
			b.time.pass(reconcileEvery)
		}
		return b.fw.live[firewall.Mark(w.Mark)].passes
	}
	b.time.pass(time.Minute)
	b.seen(stranger, "192.168.10.31")
	if got := turns(4); len(got) != 1 || got[0].Inside.Addr().Is4() || b.fw.called("RemoveWays") != 1 {
		t.Errorf("claimed by somebody else, the ways are %v after %v", got, b.fw.calls)
	}
	b.seen(rececom, "192.168.10.31")
	if got := turns(4); len(got) != 2 || !slices.Contains(got, whole[0]) || b.fw.called("AddWays") != 1 {
		t.Errorf("back with its device, the ways are %v after %v", got, b.fw.calls)
	}
	if b.fw.called("OpenWindow") != 1 || b.fw.called("CloseWindow") != 0 {
		t.Errorf("the window came and went: %v", b.fw.calls)
	}
	if moved, foreign := b.lines("window.address_moved"), b.lines("window.put_right"); moved != 1 || foreign != 0 {
		t.Errorf("%d lines say so, %d accuse somebody of changing the rules", moved, foreign)
	}
}

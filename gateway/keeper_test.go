package gateway

import (
	"errors"
	"net/netip"
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

// A window in the kernel is what was opened: not wider, and not longer.
func TestPutRight(t *testing.T) {
	wide := firewall.Pass{Source: netip.MustParsePrefix("198.51.100.0/24"), Proto: firewall.TCP, WANPort: 3389, Inside: netip.MustParseAddrPort("192.168.10.31:3389")}
	other := firewall.Pass{Source: netip.MustParsePrefix("198.51.100.8/29"), Proto: firewall.TCP, WANPort: 22, Inside: netip.MustParseAddrPort("192.168.10.31:22")}
	box := firewall.Pass{Source: netip.MustParsePrefix("198.51.100.8/29"), Proto: firewall.TCP, WANPort: 3389, Inside: netip.MustParseAddrPort("192.168.10.1:3389")}
	for name, change := range map[string]func(*fakeLive){
		"longer":       func(l *fakeLive) { l.end += time.Hour },
		"wider source": func(l *fakeLive) { l.passes = append(l.passes, wide) },
		"another port": func(l *fakeLive) { l.passes = append(l.passes, other) },
		"to the box":   func(l *fakeLive) { l.passes = append(l.passes, box) },
	} {
		t.Run(name, func(t *testing.T) {
			b := running(t)
			w := b.opened(time.Hour, 3389)
			b.time.pass(10 * time.Minute)
			b.fw.set(func() {
				l := b.fw.live[firewall.Mark(w.Mark)]
				change(&l)
				b.fw.live[firewall.Mark(w.Mark)] = l
			})
			b.settleAll(t.Context())
			b.settleAll(t.Context())
			live, _ := b.fw.Live()
			if len(live) != 1 || live[0].Left != 50*time.Minute || len(live[0].Passes) != 2 {
				t.Errorf("the kernel holds %+v", live)
			}
			if b.fw.called("OpenWindow") != 2 || b.lines("window.put_right") != 1 {
				t.Error("put right more than once, or not on record")
			}
			b.on(w.ID, window.Open, "")
		})
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

// Somebody on the LAN who claims the device's address does not make the window
// come and go.
func TestClaimedAddress(t *testing.T) {
	b := running(t)
	b.opened(time.Hour, 3389)
	b.time.pass(time.Minute)
	b.seen(stranger, "192.168.10.31")
	for range 4 {
		b.settleAll(t.Context())
		b.time.pass(reconcileEvery)
	}
	if n := b.fw.called("OpenWindow"); n > 2 {
		t.Errorf("opened %d times", n)
	}
}

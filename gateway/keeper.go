package gateway

import (
	"context"
	"slices"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/window"
)

// keep carries windows to their end on record, closes what nobody has on
// record, and writes what the disk would not take before.
func (g *Gateway) keep(ctx context.Context) error {
	for {
		g.keepOnce(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(g.nextEdge()):
		case <-g.edge:
		}
	}
}

func (g *Gateway) keepOnce(ctx context.Context) {
	g.openStore(ctx)
	g.adopt(ctx)
	g.settleAll(ctx)
	if err := g.o.Firewall.DropStale(); err != nil {
		g.o.Log.Error("old flows not forgotten", "err", err)
	}
	g.keepAppointments(ctx)
	g.warn(ctx)
	g.watchTools(ctx)
	g.keepNames(ctx)
	g.writeLate(ctx)
	g.tried.Do(func() { close(g.triedStore) })
}

// nextEdge is how long until a window's time is over, at most reconcileEvery.
func (g *Gateway) nextEdge() time.Duration {
	now, next := g.o.Clock.Boot(), reconcileEvery
	for _, w := range g.open() {
		left := w.EndBoot - now
		if left < -overdue {
			left = overdue // it does not end; do not spin over it
		}
		// A little later than the deadline: the kernel counts in ticks.
		next = min(next, max(left, 0)+20*time.Millisecond)
	}
	g.mu.Lock()
	start := g.nextStart
	g.mu.Unlock()
	if wait := start.Sub(g.o.Clock.Wall()); !start.IsZero() && wait > 0 && g.o.Clock.Synced() {
		next = min(next, wait+time.Millisecond)
	}
	return g.nextNameEdge(next)
}

// overdue is how long after its end a window may still be in the kernel before
// it is closed by hand. It never should be.
const overdue = time.Second

// settleAll compares what the kernel holds with what is on record.
func (g *Gateway) settleAll(ctx context.Context) {
	g.acts.Lock()
	defer g.acts.Unlock()
	live, err := g.o.Firewall.Live()
	if err != nil {
		g.o.Log.Error("open windows not read", "err", err)
		return
	}
	held := map[firewall.Mark]kernel.Live{}
	for _, l := range live {
		held[l.Mark] = l
	}
	for _, w := range g.open() {
		l, alive := held[firewall.Mark(w.Mark)]
		delete(held, firewall.Mark(w.Mark))
		g.settleOne(ctx, w, l, alive)
	}
	if g.adopted {
		g.closeUnknown(ctx, held)
	}
	if n, err := g.o.Firewall.Sweep(); n > 0 || err != nil {
		g.o.Log.Error("removed ways in that belong to no window", "n", n, "err", err)
		if n > 0 { // they let nobody in, but somebody put them there
			g.recordWindow(ctx, people.Box, func(tx *store.Tx) error { return g.tell(tx, "rules.foreign", nil) })
		}
	}
}

// settleOne takes one window as far as the kernel is.
func (g *Gateway) settleOne(ctx context.Context, w window.Window, l kernel.Live, alive bool) {
	now := g.o.Clock.Boot()
	if c, ok := g.closing[w.ID]; ok { // somebody wants it closed and the kernel failed
		if _, err := g.cut(ctx, c.who, w, c.how); err != nil {
			g.o.Log.Error("window still not closed", "window", w.ID, "err", err)
		}
		return
	}
	seen := window.Seen{BootID: g.o.BootID, Boot: now, At: g.o.Clock.Wall(), Live: alive}
	switch {
	case alive && now > w.EndBoot+overdue:
		g.o.Log.Error("window outlived its end; closed", "window", w.ID, "left", l.Left)
		if _, err := g.cut(ctx, people.Box, w, window.RanOut); err != nil {
			g.o.Log.Error("window still not closed", "window", w.ID, "err", err)
		}
		return
	case alive:
		g.check(ctx, w, l)
	case now < w.EndBoot:
		g.restore(ctx, w, true)
		return
	default:
		seen.Tally = g.tally(w)
	}
	if next, changed := window.Settle(w, seen); changed {
		g.settled(ctx, people.Box, w.State, next)
	}
}

// closeUnknown closes what is open in the kernel and on nobody's record: put
// there by somebody else, or left by an act that failed half-way.
func (g *Gateway) closeUnknown(ctx context.Context, held map[firewall.Mark]kernel.Live) {
	for mark := range held {
		if mark == firewall.Canary {
			continue
		}
		cut, err := g.o.Firewall.CloseWindow(mark)
		g.o.Log.Error("closed a window nobody has on record", "mark", mark, "cut", cut, "err", err)
		g.recordWindow(ctx, people.Box, func(tx *store.Tx) error {
			return g.tell(tx, "window.unknown_closed", map[string]any{"mark": mark, "cut": cut})
		})
	}
}

// check wants an open window in the kernel to be what was opened: not longer,
// not wider, and leading to its own device. What is more than that is cut
// away with the whole window, which then gets the rest of its time anew; its
// flows keep their mark and notice nothing.
func (g *Gateway) check(ctx context.Context, w window.Window, l kernel.Live) {
	d, ok := g.deviceByID(w.Device)
	if !ok {
		return
	}
	want, left := g.opening(w, d), w.Left(g.o.Clock.Boot())
	surplus := slices.ContainsFunc(l.Passes, func(p firewall.Pass) bool { return !g.belongs(w, d.MAC, want, p) }) ||
		beyond(l.OutPasses, want.OutPasses) || beyond(l.Outer, want.Outer) || beyond(l.Egress, want.Egress)
	// Except inbound, what is missing cannot be added one by one.
	lacking := beyond(want.OutPasses, l.OutPasses) || beyond(want.Outer, l.Outer) || beyond(want.Egress, l.Egress)
	if surplus || lacking || l.Left > left+overdue {
		_, err := g.o.Firewall.CloseWindow(firewall.Mark(w.Mark))
		if surplus || l.Left > left+overdue {
			g.o.Log.Error("window in the kernel was not as opened; put right", "window", w.ID, "left", l.Left, "passes", l.Passes, "err", err)
		}
		g.restore(ctx, w, surplus || l.Left > left+overdue)
		return
	}
	if l.Left < left-overdue { // an extension on record that the kernel did not get
		_, err := g.o.Firewall.ExtendWindow(firewall.Mark(w.Mark), left)
		g.o.Log.Warn("window given its approved time", "window", w.ID, "left", left, "err", err)
	}
	// The device may have taken further IPv6 addresses since (RFC 8981).
	more := slices.DeleteFunc(want.Passes, func(p firewall.Pass) bool {
		return p.Inside.Addr().Is4() || containsPass(l.Passes, p)
	})
	if len(more) == 0 {
		return
	}
	if err := g.o.Firewall.AddPasses(firewall.Mark(w.Mark), more); err != nil {
		g.o.Log.Warn("new address of a device not let through its window", "window", w.ID, "err", err)
	}
}

// beyond says whether have has something that want has not.
func beyond[T comparable](have, want []T) bool {
	return slices.ContainsFunc(have, func(x T) bool { return !slices.Contains(want, x) })
}

// belongs says whether a pass in the kernel is one of the window's: as it
// would be opened now, or to an address on the LAN that the device had when it
// was and that nobody else holds.
func (g *Gateway) belongs(w window.Window, mac [6]byte, want firewall.Opening, p firewall.Pass) bool {
	if containsPass(want.Passes, p) {
		return true
	}
	if p.Direct != (w.Kind == window.WireGuard) || !p.Direct && !slices.Contains(w.Sources, p.Source) ||
		p.Direct && !slices.ContainsFunc(want.Passes, func(q firewall.Pass) bool { return q.Source == p.Source }) {
		return false
	}
	if !slices.ContainsFunc(w.Ports, func(q window.Port) bool {
		return q.Port == p.Inside.Port() && protocol(q.Proto) == p.Proto && (!p.Source.Addr().Is4() || p.Direct || q.WAN == p.WANPort)
	}) {
		return false
	}
	return behind(g.current().config.LAN.Addresses, p.Inside.Addr()) && !g.elsewhere(p.Inside.Addr(), mac)
}

func containsPass(have []firewall.Pass, p firewall.Pass) bool {
	return slices.ContainsFunc(have, func(h firewall.Pass) bool {
		return h.Source == p.Source && h.Proto == p.Proto && h.Inside == p.Inside && h.Direct == p.Direct
	})
}

// restore gives an open window back to a kernel that somebody else emptied,
// for the rest of its time; told says whether that is news.
func (g *Gateway) restore(ctx context.Context, w window.Window, told bool) {
	d, ok := g.deviceByID(w.Device)
	left := w.Left(g.o.Clock.Boot())
	if !ok || left < 50*time.Millisecond {
		return
	}
	o := g.opening(w, d)
	if o.For = left; !leads(o) {
		return
	}
	_, err := g.o.Firewall.OpenWindow(o)
	if !told && err == nil {
		g.o.Log.Info("window follows its device's addresses", "window", w.ID)
		return
	}
	g.o.Log.Warn("window given the rest of its time", "window", w.ID, "left", left, "err", err)
	if err == nil {
		g.recordWindow(ctx, people.Box, func(tx *store.Tx) error { return g.tell(tx, "window.put_right", g.describe(w)) })
	}
}

package gateway

import (
	"context"
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
	g.claimMoved()
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
	if c, ok := g.wanted(w.ID); ok { // somebody wants it closed and it is not on record yet
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
		g.restore(ctx, w)
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

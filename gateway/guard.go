package gateway

import (
	"context"
	"fmt"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/window"
)

// guard keeps the kernel's rules as planned: at once when something changed,
// and every half minute by reading all of them back. It touches no disk and
// waits for no lock that is held over one, so that a stalled card stops
// neither it nor the watchdog it feeds.
func (g *Gateway) guard(ctx context.Context) error {
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	for {
		if g.o.Beat != nil {
			g.o.Beat()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-g.wake:
		}
		if err := g.guardOnce(ctx); err != nil {
			g.o.Log.Error("rules not as planned", "err", err)
		}
	}
}

// guardOnce applies the plan if the kernel does not hold it.
func (g *Gateway) guardOnce(ctx context.Context) error {
	want, notes, err := g.plan()
	if err != nil {
		// A site.toml that parses but does not compile is our own fault; what
		// the kernel holds stays.
		g.setRules(rules{err: err})
		return fmt.Errorf("planning: %w", err)
	}
	if g.o.Resolver != nil && want.Names != nil {
		g.o.Resolver.Set(want.Names)
		g.o.Resolver.SetUpstreams(g.current().config.DNS.Upstreams)
	}
	text := want.Rules.String()
	g.mu.Lock()
	now := g.rules
	g.mu.Unlock()
	at := g.o.Clock.Wall()
	if now.ok && !now.suspect && now.applied == text && at.Sub(now.readAt).Abs() < compareEvery {
		return nil
	}
	if now.applied == text {
		held, err := g.o.Firewall.Read()
		if err == nil && held == text {
			g.setRules(rules{applied: text, ok: true, readAt: at, notes: notes})
			return nil
		}
		g.o.Log.Warn("the kernel's rules were changed by somebody else; put right", "err", err)
		g.queue(lateRecord{who: people.Box, fn: func(tx *store.Tx) error { return tx.Audit("rules.foreign", nil) }})
	}
	if err := g.o.Firewall.Apply(want.Rules); err != nil {
		g.setRules(rules{applied: now.applied, err: err, notes: notes})
		return fmt.Errorf("applying the rules: %w", err)
	}
	g.setRules(rules{applied: text, ok: true, readAt: at, notes: notes})
	signal(g.edge) // a repair may have cost a window its elements
	return nil
}

func (g *Gateway) setRules(r rules) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.readAt.IsZero() {
		r.readAt = g.rules.readAt
	}
	g.rules = r
}

// watchForeign looks at once when another program changed the rules.
func (g *Gateway) watchForeign(ctx context.Context) error {
	return g.o.Firewall.WatchForeign(ctx, func() {
		g.mu.Lock()
		g.rules.suspect = true
		g.mu.Unlock()
		g.kick()
	})
}

// keep carries windows to their end on record and writes what the disk would
// not take before.
func (g *Gateway) keep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(g.nextEdge()):
		case <-g.edge:
		}
		if g.db() == nil {
			g.openStore(ctx)
			if g.db() != nil {
				g.adopt(ctx)
				g.revoke(ctx, people.Box, g.current().config) // taken away while we were dead
			}
		}
		g.settleAll(ctx)
		g.writeLate(ctx)
	}
}

// nextEdge is how long until a window's time is over, at most reconcileEvery.
func (g *Gateway) nextEdge() time.Duration {
	now, next := g.o.Clock.Boot(), reconcileEvery
	for _, w := range g.open() {
		// A little later than the deadline: the kernel counts in ticks.
		next = min(next, max(w.EndBoot-now, 0)+20*time.Millisecond)
	}
	return next
}

// settleAll compares what the kernel holds with what is on record.
func (g *Gateway) settleAll(ctx context.Context) {
	g.acts.Lock()
	defer g.acts.Unlock()
	open := g.open()
	if len(open) == 0 {
		return
	}
	live, err := g.o.Firewall.Live()
	if err != nil {
		g.o.Log.Error("open windows not read", "err", err)
		return
	}
	for _, w := range open {
		seen := window.Seen{BootID: g.o.BootID, Boot: g.o.Clock.Boot(), At: g.o.Clock.Wall()}
		for _, l := range live {
			if uint32(l.Mark) == w.Mark {
				seen.Live = true
				g.follow(w, l.Passes)
			}
		}
		if !seen.Live {
			if seen.Boot < w.EndBoot {
				g.restore(w)
				continue
			}
			seen.Tally = g.tally(w)
		}
		if next, changed := window.Settle(w, seen); changed {
			g.settled(ctx, people.Box, w.State, next)
		}
	}
}

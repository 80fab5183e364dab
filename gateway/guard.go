package gateway

import (
	"context"
	"fmt"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
)

// guard keeps the kernel's rules as planned: at once when something changed,
// and every half minute by reading all of them back. It touches no disk and
// waits for no lock that is held over one, so that a stalled card stops
// neither it nor the watchdog it feeds.
func (g *Gateway) guard(ctx context.Context) error {
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	for {
		if err := g.guardOnce(ctx); err != nil {
			g.o.Log.Error("rules not as planned", "err", err)
		}
		if g.o.Beat != nil {
			g.o.Beat()
		}
		// Whatever the LAN does to wake us, there is a breath between turns.
		if pause(ctx, breath) != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-g.wake:
		}
	}
}

// breath is the least time between two turns of the guard.
const breath = 50 * time.Millisecond

// guardOnce applies the plan if the kernel does not hold it.
func (g *Gateway) guardOnce(ctx context.Context) error {
	want, notes, err := g.planNow()
	if err != nil {
		// A site.toml that parses but does not compile is our own fault; what
		// the kernel holds stays.
		g.setRules(rules{err: err})
		return fmt.Errorf("planning: %w", err)
	}
	text := want.Rules.String()
	g.mu.Lock()
	now := g.rules
	g.rules.suspect = false // what comes from here on is news
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
		g.o.Log.Warn("the kernel does not hold our rules; put right", "err", err)
		if err == nil && now.ok { // once, not at each try to put it right
			g.queue(lateRecord{who: people.Box, fn: func(tx *store.Tx) error { return g.tell(tx, "rules.foreign", nil) }})
		}
	}
	if err := g.o.Firewall.Apply(want.Rules); err != nil {
		g.setRules(rules{applied: now.applied, err: err, notes: notes})
		return fmt.Errorf("applying the rules: %w", err)
	}
	g.setRules(rules{applied: text, ok: true, readAt: at, notes: notes})
	signal(g.edge) // a repair may have cost a window its elements
	return nil
}

// planNow plans, and puts the name filter's part in force.
func (g *Gateway) planNow() (Desired, []Note, error) {
	g.naming.Lock()
	defer g.naming.Unlock()
	want, notes, err := g.plan()
	if err == nil && g.o.Resolver != nil && want.Names != nil {
		g.o.Resolver.Set(want.Names)
		g.o.Resolver.SetUpstreams(want.Routes, want.Devices)
	}
	return want, notes, err
}

func (g *Gateway) setRules(r rules) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.readAt.IsZero() {
		r.readAt = g.rules.readAt
	}
	r.suspect = g.rules.suspect // what changed while we looked
	g.rules = r
}

// watchForeign looks at once when another program changed the rules.
func (g *Gateway) watchForeign(ctx context.Context) error {
	return g.o.Firewall.WatchForeign(ctx, func() {
		g.mu.Lock()
		g.rules.suspect = true
		g.mu.Unlock()
		g.kick()
		signal(g.edge) // windows, too
	})
}

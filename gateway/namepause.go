package gateway

import (
	"context"
	"slices"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// pauses are how long the filter can be paused.
func pauses() []time.Duration { return []time.Duration{5 * time.Minute, 30 * time.Minute} }

// PauseNames lets every name through that a list refuses, for 5 or 30 minutes.
func (g *Gateway) PauseNames(ctx context.Context, who people.Actor, length time.Duration) error {
	if err := may(who, people.ActAllowName); err != nil {
		return err
	}
	if !slices.Contains(pauses(), length) {
		return text.NewFault("dns.pause_length").On("length")
	}
	if err := g.act(ctx, who, func(tx *store.Tx) error {
		return tx.Audit("dns.paused", map[string]any{"length": length.String()})
	}); err != nil {
		return err
	}
	g.setPause(g.o.Clock.Boot() + length)
	return nil
}

// ResumeNames ends a pause. Without one it does nothing.
func (g *Gateway) ResumeNames(ctx context.Context, who people.Actor) error {
	if err := may(who, people.ActAllowName); err != nil {
		return err
	}
	if g.pauseLeft() == 0 {
		return nil
	}
	g.setPause(0) // first: a disk that is full must not keep the filter off
	g.record(ctx, who, func(tx *store.Tx) error { return tx.Audit("dns.resumed.by_hand", nil) })
	return nil
}

func (g *Gateway) setPause(to time.Duration) {
	g.mu.Lock()
	g.chosen.pausedTo = to
	g.mu.Unlock()
	signal(g.edge)
	g.putNames()
}

// pauseLeft is what remains of a pause.
func (g *Gateway) pauseLeft() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.chosen.pausedTo-g.o.Clock.Boot())
}

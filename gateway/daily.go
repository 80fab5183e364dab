package gateway

import (
	"context"
	"time"

	"monban/gateway/people"
)

const (
	// settleIn leaves the box alone after a start, while devices come back.
	settleIn = 10 * time.Minute
	// proofEvery is how long a self-test is good for.
	proofEvery = dayOld
	dailyLook  = time.Minute
)

// daily runs the self-test once a day by itself, and soon after a start or a
// new configuration, of which an older one proves nothing.
func (g *Gateway) daily(ctx context.Context) error {
	began := g.o.Clock.Boot()
	for pause(ctx, dailyLook) == nil {
		if g.o.Clock.Boot()-began < settleIn || !g.proofDue() {
			continue
		}
		if err := g.RunSelfTest(ctx, people.Box); err != nil {
			g.o.Log.Warn("daily self-test not run", "err", err)
			if pause(ctx, settleIn) != nil { // not at once again
				return nil
			}
		}
	}
	return nil
}

// proofDue says whether the last self-test is too old, or of other rules or of
// another boot. It goes by the time since the start: no clock step makes it
// run all day, or not at all.
func (g *Gateway) proofDue() bool {
	s := g.current()
	if g.o.SelfTest == nil || s.mode == SetUp {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.proof
	return p.At.IsZero() || p.BootID != g.o.BootID || p.Generation != s.generation || g.o.Clock.Boot()-p.Boot >= proofEvery
}

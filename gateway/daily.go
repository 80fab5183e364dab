package gateway

import (
	"context"
	"errors"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

const (
	// settleIn leaves the box alone after a start, while devices come back.
	settleIn  = 10 * time.Minute
	dailyLook = time.Minute
	// proofEvery is how long a self-test is good for, less what the next one
	// takes to begin and to end, so that the evidence has no gap.
	proofEvery = dayOld - 3*dailyLook
)

// daily runs the self-test once a day by itself, and soon after a start or a
// new configuration, of which an older one proves nothing.
func (g *Gateway) daily(ctx context.Context) error {
	d := dailyRun{next: g.o.Clock.Boot() + settleIn}
	for pause(ctx, dailyLook) == nil {
		g.dailyTurn(ctx, &d)
	}
	return nil
}

// A dailyRun is when to run the self-test next, and when people were last told
// that it did not run; both by the time since the start of the machine.
type dailyRun struct{ next, told time.Duration }

// dailyTurn runs the self-test if it is due. One that does not run is tried
// again after a while, and people are told once a day.
func (g *Gateway) dailyTurn(ctx context.Context, d *dailyRun) {
	if g.o.Clock.Boot() < d.next || !g.proofDue() {
		return
	}
	err := g.RunSelfTest(ctx, people.Box)
	if err == nil || ctx.Err() != nil {
		d.told = 0
		return
	}
	now := g.o.Clock.Boot()
	d.next = now + settleIn
	g.o.Log.Warn("daily self-test not run", "err", err)
	if d.told != 0 && now-d.told < dayOld {
		return
	}
	d.told = now
	g.record(ctx, people.Box, func(tx *store.Tx) error {
		return g.tell(tx, "selftest.ran.unmeasured", map[string]any{"why": whyNot(err), "sent": 0, "counted": 0})
	})
}

// whyNot is the code of the reason a self-test did not run for: that of the
// probe if it gave one.
func whyNot(err error) string {
	why := "selftest.not_here"
	for f := (*text.Fault)(nil); errors.As(err, &f); err = errors.Unwrap(f) {
		why = f.Code
	}
	return why
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

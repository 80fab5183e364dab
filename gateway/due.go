package gateway

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// later says whether an approved window waits for its planned start. One
// whose start has come waits, too, while nobody knows what time it is.
func (g *Gateway) later(w window.Window) bool {
	return !w.NotBefore.IsZero() && (w.NotBefore.After(g.o.Clock.Wall()) || !g.o.Clock.Synced())
}

// schedule records an approved window as waiting for its time. g.acts is held.
func (g *Gateway) schedule(ctx context.Context, who people.Actor, w window.Window, before func(*store.Tx) (window.Window, error)) (Window, error) {
	if !registered(g.current().config, w) {
		return Window{}, text.NewFault("window.vendor_changed", "vendor", g.view(w).VendorLabel).On("vendor")
	}
	if err := g.noOtherAppointment(ctx, w); err != nil {
		return Window{}, err
	}
	err := g.act(ctx, who, func(tx *store.Tx) error {
		approved, err := before(tx)
		if err != nil {
			return err
		}
		if w, err = approved.Schedule(); err != nil {
			return err
		}
		if err := tx.PutWindow(w, window.Approved); err != nil {
			return err
		}
		return g.tell(tx, "window.scheduled", g.describe(w))
	})
	signal(g.edge)
	return g.view(w), err
}

// noOtherAppointment refuses two planned windows at one time that cannot both
// be open.
func (g *Gateway) noOtherAppointment(ctx context.Context, w window.Window) error {
	db := g.db()
	if db == nil {
		return g.storeFault()
	}
	planned, err := db.Windows(ctx, store.Filter{States: []window.State{window.Scheduled}})
	if err != nil {
		return err
	}
	for _, o := range planned {
		if w.NotBefore.Before(o.NotBefore.Add(o.Length)) && o.NotBefore.Before(w.NotBefore.Add(w.Length)) {
			if p, hit := w.Collides(o); hit {
				return text.NewFault("window.collides", "port", p.String(), "window", o.ID).On("port")
			}
		}
	}
	return nil
}

// keepAppointments does what time asks for: opens planned windows, lets
// unanswered requests lapse, and asks for the next dates of weekly plans.
func (g *Gateway) keepAppointments(ctx context.Context) {
	db := g.db()
	if db == nil || g.current().mode == SetUp {
		return
	}
	now, synced := g.o.Clock.Wall(), g.o.Clock.Synced()
	due, err := db.Windows(ctx, store.Filter{DueBy: now})
	if err != nil {
		g.troubled(err)
		return
	}
	g.mu.Lock()
	maps.DeleteFunc(g.missed, func(id int64, _ missedStart) bool { // taken back
		return !slices.ContainsFunc(due, func(w window.Window) bool { return w.ID == id })
	})
	g.mu.Unlock()
	for _, w := range slices.Backward(due) { // the oldest first
		switch w.Due(now, synced) {
		case window.ToOpen:
			g.openDue(ctx, w)
		case window.ToLapse:
			g.lapse(ctx, w.ID)
		}
	}
	if synced && g.o.Clock.Boot()-g.plansAt >= planEvery {
		g.plansAt = g.o.Clock.Boot()
		g.keepPlans(ctx, db, now)
	}
	next, err := db.NextStart(ctx)
	if err != nil {
		g.troubled(err)
		return
	}
	g.mu.Lock()
	g.nextStart = next
	g.mu.Unlock()
}

// planEvery is how often weekly plans are looked at. Their requests are made
// days ahead.
const planEvery = time.Minute

// A missedStart is why a planned window whose time has come is not open yet.
type missedStart struct {
	why  *text.Fault
	told bool // on record and on its way to people
}

// openDue opens a planned window. What does not open now, because its device
// is off, is tried again until its time is over; people are told once.
func (g *Gateway) openDue(ctx context.Context, w window.Window) {
	g.acts.Lock()
	defer g.acts.Unlock()
	asIs := func(tx *store.Tx) (window.Window, error) { return tx.Window(w.ID) }
	v, err := g.openWindow(ctx, people.Box, w, g.stopped(), asIs, window.Window.Begin)
	if err == nil || v.State == window.NotOpened { // it has been told of
		g.setMissed(w.ID, nil)
		return
	}
	now := missedStart{why: reasonOf(err)}
	was, again := g.missedOf(w.ID)
	now.told = was.told
	if !again || was.why.Error() != now.why.Error() {
		g.o.Log.Warn("planned window not open yet", "window", w.ID, "err", err)
	}
	if !now.told {
		now.told = g.act(ctx, people.Box, func(tx *store.Tx) error {
			return g.tell(tx, "window.waits", because(g.describe(w), now.why))
		}) == nil
	}
	g.setMissed(w.ID, &now)
}

// missedOf says why a planned window is not open yet, if that was tried.
func (g *Gateway) missedOf(id int64) (missedStart, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, ok := g.missed[id]
	return m, ok
}

func (g *Gateway) setMissed(id int64, m *missedStart) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if delete(g.missed, id); m != nil {
		g.missed[id] = *m
	}
}

// reasonOf is what people are told of an error.
func reasonOf(err error) *text.Fault {
	var f *text.Fault
	if errors.As(err, &f) {
		return f
	}
	return text.NewFault("window.why.broken").Because(err)
}

// because puts a reason into the arguments of a line of the log: its code as
// "why", and what fills its sentence beside it, as Say takes them.
func because(args map[string]any, f *text.Fault) map[string]any {
	args["why"] = f.Code
	for k, a := range f.Args {
		args[text.OfWhy+k] = a
	}
	return args
}

// lapse ends a window nobody answered, or that could not open in its time.
func (g *Gateway) lapse(ctx context.Context, id int64) {
	g.acts.Lock()
	defer g.acts.Unlock()
	if err := g.lapseHeld(ctx, id, nil); err != nil {
		g.o.Log.Error("window did not lapse", "window", id, "err", err)
	}
}

// lapseHeld is lapse with g.acts held; why is nil unless more is known.
func (g *Gateway) lapseHeld(ctx context.Context, id int64, why *text.Fault) error {
	w, err := g.load(ctx, id)
	if err != nil {
		return err
	}
	from := w.State
	if w, err = w.Lapse(g.o.Clock.Wall()); err != nil {
		return err
	}
	missed, tried := g.missedOf(id)
	switch {
	case why != nil:
	case tried:
		why = missed.why
	case from == window.Scheduled:
		why = text.NewFault("window.why.off")
	default:
		why = text.NewFault("window.why.unanswered")
	}
	g.setMissed(id, nil)
	return g.act(ctx, people.Box, func(tx *store.Tx) error {
		if err := tx.PutWindow(w, from); err != nil {
			return err
		}
		return g.tell(tx, "window.lapsed", because(g.describe(w), why))
	})
}

// revokePlanned ends planned windows whose vendor or range next no longer has.
// g.acts is held.
func (g *Gateway) revokePlanned(ctx context.Context, next config.Config) {
	db := g.db()
	if db == nil {
		return
	}
	planned, err := db.Windows(ctx, store.Filter{States: []window.State{window.Scheduled, window.Requested}})
	if err != nil {
		g.troubled(err)
		return
	}
	for _, w := range planned {
		if registered(next, w) {
			continue
		}
		if err := g.lapseHeld(ctx, w.ID, text.NewFault("window.why.revoked")); err != nil {
			g.o.Log.Error("window of a vendor taken away did not lapse", "window", w.ID, "err", err)
		}
	}
}

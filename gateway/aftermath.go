package gateway

import (
	"context"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// ReportWindow keeps what the vendor did in a window.
func (g *Gateway) ReportWindow(ctx context.Context, who people.Actor, id int64, said string) (Window, error) {
	return g.remark(ctx, who, people.ActReport, id, "window.reported", said, window.Window.WithReport)
}

// ReviewWindow keeps that somebody of the clinic held the sessions of a window
// against its request.
func (g *Gateway) ReviewWindow(ctx context.Context, who people.Actor, id int64, said string) (Window, error) {
	return g.remark(ctx, who, people.ActReview, id, "window.reviewed", said, window.Window.WithReview)
}

// ExcuseWindow keeps why the glass had to be broken.
func (g *Gateway) ExcuseWindow(ctx context.Context, who people.Actor, id int64, said string) (Window, error) {
	return g.remark(ctx, who, people.ActReview, id, "window.excused", said, window.Window.WithExcuse)
}

// remark adds to a window what somebody says about it after its end.
func (g *Gateway) remark(ctx context.Context, who people.Actor, act people.Act, id int64, code, said string,
	with func(window.Window, people.Actor, time.Time, string) (window.Window, error)) (Window, error) {
	if err := may(who, act); err != nil {
		return Window{}, err
	}
	g.acts.Lock()
	defer g.acts.Unlock()
	w, err := g.load(ctx, id)
	if err != nil {
		return Window{}, err
	}
	if w, err = with(w, who, g.o.Clock.Wall(), said); err != nil {
		return Window{}, err
	}
	err = g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.PutRemarks(w); err != nil {
			return err
		}
		args := g.describe(w)
		args["text"] = said
		return g.tell(tx, code, args)
	})
	if held, open := g.openByID(id); open && err == nil { // what the keeper writes later must not lose it
		held.Excuse = w.Excuse
		g.remember(held)
	}
	return g.view(w), err
}

// SetDeputy says whether a member of the staff may approve in the director's
// place.
func (g *Gateway) SetDeputy(ctx context.Context, who people.Actor, id int64, deputy bool) error {
	if err := may(who, people.ActManagePeople); err != nil {
		return err
	}
	if !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()) {
		return text.NewFault("people.step_up").On("totp")
	}
	db := g.db()
	if db == nil {
		return g.storeFault()
	}
	p, err := db.Person(ctx, id)
	if err != nil || p.Role != people.Staff || p.Disabled {
		return text.NewFault("people.no_deputy").On("person").Because(err)
	}
	code := "people.deputy_named"
	if !deputy {
		code = "people.deputy_ended"
	}
	return g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.SetDeputy(id, deputy); err != nil {
			return err
		}
		return g.tell(tx, code, map[string]any{"name": p.Name})
	})
}

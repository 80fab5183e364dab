package gateway

import (
	"context"
	"errors"
	"fmt"

	"monban/firewall"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// RefuseWindow answers a request with no.
func (g *Gateway) RefuseWindow(ctx context.Context, who people.Actor, id int64, why string) (Window, error) {
	g.acts.Lock()
	defer g.acts.Unlock()
	w, err := g.load(ctx, id)
	if err != nil {
		return Window{}, err
	}
	from := w.State
	if w, err = w.Refuse(who, g.o.Clock.Wall(), why); err != nil {
		return Window{}, err
	}
	err = g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.PutWindow(w, from); err != nil {
			return err
		}
		args := g.describe(w)
		args["why"] = w.Answer
		return tx.Audit("window.refused", args)
	})
	return g.view(w), err
}

// CloseWindow ends an open window now. Closing one that is over is no error.
func (g *Gateway) CloseWindow(ctx context.Context, who people.Actor, id int64) (Window, error) {
	w, err := g.closeWindow(ctx, who, id, window.ByHand)
	return g.view(w), err
}

// CloseAll ends every open window now and says how many there were.
func (g *Gateway) CloseAll(ctx context.Context, who people.Actor) (int, error) {
	if err := may(who, people.ActCloseWindow); err != nil {
		return 0, err
	}
	n := 0
	var errs []error
	for _, w := range g.open() {
		if _, err := g.closeWindow(ctx, who, w.ID, window.ByHand); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}

func (g *Gateway) closeWindow(ctx context.Context, who people.Actor, id int64, how window.How) (window.Window, error) {
	if err := may(who, people.ActCloseWindow); err != nil {
		return window.Window{}, err
	}
	g.acts.Lock()
	defer g.acts.Unlock()
	w, ok := g.openByID(id)
	if !ok {
		if w, over := g.endedByID(id); over { // perhaps not on disk yet
			return w, nil
		}
		w, err := g.load(ctx, id)
		if err == nil && !w.State.Over() {
			err = text.NewFault("window.not_now", "state", string(w.State), "to", string(window.Closed))
		}
		return w, err
	}
	cut, err := g.o.Firewall.CloseWindow(firewall.Mark(w.Mark))
	if err != nil {
		return w, fmt.Errorf("closing window %d: %w", id, err)
	}
	tally := g.tally(w)
	tally.Cut = cut
	closed, err := w.Close(how, who, g.o.Clock.Wall(), tally)
	if err != nil {
		return w, err
	}
	g.settled(ctx, who, w.State, closed)
	return closed, nil
}

// settled puts a window's last state on record: at once if the disk takes it,
// else as soon as it does. The window is over either way.
func (g *Gateway) settled(ctx context.Context, who people.Actor, from window.State, w window.Window) {
	ctx = context.WithoutCancel(ctx)
	g.forget(w)
	g.pollFlows(ctx) // now that its end is known
	g.o.Log.Info("window over", "window", w.ID, "state", w.State, "how", w.How, "passed", w.Passed.Bytes, "cut", w.Cut)
	g.recordWindow(ctx, who, func(tx *store.Tx) error {
		if err := tx.PutWindow(w, from); err != nil {
			return err
		}
		args := g.describe(w)
		args["packets"], args["bytes"] = w.Passed.Packets, w.Passed.Bytes
		args["dead_packets"], args["cut"] = w.Dead.Packets, w.Cut
		if w.State != window.Closed {
			return tx.Audit("window.not_opened", args)
		}
		return tx.Audit("window.ended."+string(w.How), args)
	})
}

// tally is what the kernel counted for w.
func (g *Gateway) tally(w window.Window) window.Tally {
	c, err := g.o.Firewall.Counts()
	if err != nil {
		g.o.Log.Error("counters not read", "window", w.ID, "err", err)
		return window.Tally{}
	}
	m := firewall.Mark(w.Mark)
	return window.Tally{Passed: window.Count(c.Passed[m]), Dead: window.Count(c.Dead[m])}
}

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
		return g.tell(tx, "window.refused", args)
	})
	return g.view(w), err
}

// CloseWindow ends an open window now. Closing one that is over is no error.
func (g *Gateway) CloseWindow(ctx context.Context, who people.Actor, id int64) (Window, error) {
	w, err := g.closeWindow(ctx, who, id, window.ByHand)
	return g.view(w), err
}

// CloseAll ends every open window now and says how many there were: first all
// of them in the kernel, then on record. It needs no database, and ends what
// is on nobody's record too.
func (g *Gateway) CloseAll(ctx context.Context, who people.Actor) (int, error) {
	if err := may(who, people.ActCloseWindow); err != nil {
		return 0, err
	}
	open, s, err := g.shutAll(who)
	errs := []error{err}
	g.withdrawNames()
	g.acts.Lock() // for the record alone: this may wait for another act's disk
	defer g.acts.Unlock()
	for _, id := range open {
		w, ok := g.openByID(id)
		switch {
		case !ok: // on record already
			g.unwish(id)
		case g.isShut(id):
			_, err := g.closed(ctx, who, w, window.ByHand)
			errs = append(errs, err)
		}
	}
	g.gate.Lock()
	defer g.gate.Unlock()
	return s.n, errors.Join(errs...)
}

// shutAll closes all windows in the kernel, whoever else acts on one just now.
// It returns those on record, and the wish by which others are not opened.
func (g *Gateway) shutAll(who people.Actor) (open []int64, s *stop, err error) {
	g.gate.Lock()
	defer g.gate.Unlock()
	s = &stop{who: who}
	g.stop = s
	var errs []error
	for _, w := range g.open() {
		open = append(open, w.ID)
		if err := g.shut(w, who, window.ByHand); err != nil {
			errs = append(errs, err) // the keeper tries again
			continue
		}
		s.n++
	}
	unknown, err := g.closeStrays()
	s.n += unknown
	return open, s, errors.Join(append(errs, err)...)
}

// closeStrays closes what is still open in the kernel but the self-test's.
func (g *Gateway) closeStrays() (n int, err error) {
	live, err := g.o.Firewall.Live()
	if err != nil {
		return 0, fmt.Errorf("reading the open windows: %w", err)
	}
	var errs []error
	for _, l := range live {
		if l.Mark == firewall.Canary {
			continue
		}
		if _, err := g.o.Firewall.CloseWindow(l.Mark); err != nil {
			errs = append(errs, fmt.Errorf("closing a window with mark %d: %w", l.Mark, err))
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
	g.gate.Lock()
	w, ok := g.openByID(id)
	if ok {
		_ = g.shut(w, who, how) // if that fails it is tried again below
	} else {
		g.closing[id] = closer{who: who, how: how} // it may be on its way into the kernel
	}
	g.gate.Unlock()
	g.withdrawNames()
	g.acts.Lock() // for the record alone: this may wait for another act's disk
	defer g.acts.Unlock()
	if w, ok := g.openByID(id); ok && g.isShut(id) {
		return g.closed(ctx, who, w, how)
	}
	return g.closeHeld(ctx, who, id, how)
}

// closeHeld is closeWindow with g.acts held.
func (g *Gateway) closeHeld(ctx context.Context, who people.Actor, id int64, how window.How) (window.Window, error) {
	w, ok := g.openByID(id)
	if !ok {
		g.unwish(id)
		if w, over := g.endedByID(id); over { // perhaps not on disk yet
			return w, nil
		}
		w, err := g.load(ctx, id)
		if err == nil && !w.State.Over() {
			err = text.NewFault("window.not_now", "state", string(w.State), "to", string(window.Closed))
		}
		return w, err
	}
	return g.cut(ctx, who, w, how)
}

// cut closes a window in the kernel first, then on record. g.acts is held.
func (g *Gateway) cut(ctx context.Context, who people.Actor, w window.Window, how window.How) (window.Window, error) {
	g.gate.Lock()
	err := g.shut(w, who, how)
	g.gate.Unlock()
	if err != nil {
		return w, err
	}
	return g.closed(ctx, who, w, how)
}

// closed puts on record that the kernel no longer has w, and how many live
// flows that cut. g.acts is held.
func (g *Gateway) closed(ctx context.Context, who people.Actor, w window.Window, how window.How) (window.Window, error) {
	c := g.unwish(w.ID)
	if c.at.IsZero() {
		c.at = g.o.Clock.Wall()
	}
	tally := g.tally(w)
	tally.Cut = c.cut
	over, err := w.Close(how, who, c.at, tally)
	if err != nil {
		return w, err
	}
	g.settled(ctx, who, w.State, over)
	return over, nil
}

// settled puts a window's last state on record: at once if the disk takes it,
// else as soon as it does. The window is over either way.
func (g *Gateway) settled(ctx context.Context, who people.Actor, from window.State, w window.Window) {
	ctx = context.WithoutCancel(ctx)
	g.forget(w)
	signal(g.flows) // its sessions have ended with it
	g.o.Log.Info("window over", "window", w.ID, "state", w.State, "how", w.How, "passed", w.Passed.Bytes, "cut", w.Cut)
	g.recordWindow(ctx, who, func(tx *store.Tx) error {
		if err := tx.PutWindow(w, from); err != nil {
			return err
		}
		args := g.describe(w)
		args["packets"], args["bytes"] = w.Passed.Packets, w.Passed.Bytes
		args["dead_packets"], args["cut"] = w.Dead.Packets, w.Cut
		if w.State != window.Closed {
			return g.tell(tx, "window.not_opened", args)
		}
		return g.tell(tx, "window.ended."+string(w.How), args)
	})
	g.withdraw(w)
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

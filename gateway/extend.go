package gateway

import (
	"context"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// ExtendWindow lengthens an open window by more, as a new approval, at most to
// the longest a window may be. On record first, then in the kernel: a crash in
// between leaves what was approved for the keeper to carry out.
func (g *Gateway) ExtendWindow(ctx context.Context, who people.Actor, id int64, more time.Duration, callBack bool) (Window, error) {
	if err := may(who, people.ActApprove); err != nil {
		return Window{}, err
	}
	g.acts.Lock()
	defer g.acts.Unlock()
	w, ok := g.openByID(id)
	if !ok {
		w, err := g.load(ctx, id)
		if err == nil {
			err = text.NewFault("window.not_now", "state", string(w.State), "to", string(window.Open))
		}
		return Window{}, err
	}
	if _, unwanted := g.wanted(id); unwanted {
		return Window{}, text.NewFault("window.not_now", "state", string(window.Closed), "to", string(window.Open))
	}
	if !registered(g.current().config, w) {
		return Window{}, text.NewFault("window.vendor_changed", "vendor", g.view(w).VendorLabel)
	}
	answer := window.Answer{Length: more, Alone: g.current().config.Approval.Alone, CalledBack: callBack}
	longer, err := w.Extend(who, g.o.Clock.Wall(), g.o.Clock.Boot(), answer)
	if err != nil {
		return Window{}, err
	}
	if err := g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.PutWindow(longer, window.Open); err != nil {
			return err
		}
		args := g.describe(longer)
		args["more"] = more.String()
		return g.tell(tx, "window.extended", args)
	}); err != nil {
		return Window{}, err
	}
	switch open, err := g.lengthen(longer); {
	case err != nil:
		return g.notExtended(ctx, longer, err)
	case !open: // closed since; whoever did so puts that on record next
		return g.view(longer), text.NewFault("window.not_now", "state", string(window.Closed), "to", string(window.Open))
	}
	g.o.Log.Info("window extended", "window", w.ID, "until", longer.EndAt)
	return g.view(longer), nil
}

// notExtended takes an extension the kernel refused back on record. The
// window, if it still is one, goes on to its old end.
func (g *Gateway) notExtended(ctx context.Context, w window.Window, why error) (Window, error) {
	g.o.Log.Error("window not extended", "window", w.ID, "err", why)
	back, err := w.Unextend()
	if err != nil {
		return Window{}, err
	}
	g.remember(back)
	g.recordWindow(ctx, people.Box, func(tx *store.Tx) error {
		if err := tx.PutWindow(back, window.Open); err != nil {
			return err
		}
		return g.tell(tx, "window.not_extended", g.describe(back))
	})
	return g.view(back), text.NewFault("window.kernel").Because(why)
}

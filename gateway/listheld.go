package gateway

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"monban/dnsfilter/subscribe"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// heldWhy is the kind of reason a list is held back for; the sentences differ.
func heldWhy(h *store.HeldList) string {
	switch {
	case h.Shrunk && len(h.Refused) > 0:
		return "both"
	case h.Shrunk:
		return "shrunk"
	}
	return "refuses"
}

// maxToldNames is how many names a line of the log holds.
const maxToldNames = 5

// heldArgs are args with what the sentence about a held list says.
func heldArgs(args map[string]any, h *store.HeldList) map[string]any {
	var names []string
	for _, r := range h.Refused {
		if len(names) == maxToldNames {
			names = append(names, "…")
			break
		}
		names = append(names, r.Name)
	}
	out := map[string]any{"names": strings.Join(names, ", ")}
	for k, v := range args {
		out[k] = v
	}
	return out
}

// AcceptList puts the new text of a list that is held back in use. Sum says
// which text that is, so that nobody accepts one he has not seen. It needs a
// fresh step-up, as does RefuseList.
func (g *Gateway) AcceptList(ctx context.Context, who people.Actor, name, sum string) error {
	return g.answerHeld(ctx, who, name, sum, true)
}

// RefuseList forgets the new text; the last good one goes on serving until
// there is another.
func (g *Gateway) RefuseList(ctx context.Context, who people.Actor, name, sum string) error {
	return g.answerHeld(ctx, who, name, sum, false)
}

func (g *Gateway) answerHeld(ctx context.Context, who people.Actor, name, sum string, accept bool) error {
	if err := may(who, people.ActLists); err != nil {
		return err
	}
	if !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()) {
		return text.NewFault("people.step_up").On("totp")
	}
	g.loadSubs(ctx)
	if err := g.answerMoving(ctx, who, name, sum, accept); err != nil {
		return err
	}
	g.keepSubs(ctx) // else, after a crash, a text held later would pass for the accepted one
	if accept {
		g.loadLists()
		g.kick()
	}
	return nil
}

// answerMoving records the answer, then carries it out.
func (g *Gateway) answerMoving(ctx context.Context, who people.Actor, name, sum string, accept bool) error {
	g.subs.moving.Lock()
	defer g.subs.moving.Unlock()
	st, ok := g.subOf(name)
	if !ok || st.Held == nil || st.Held.Sum != sum {
		return text.NewFault("dns.list_unknown")
	}
	if stampOf(g.heldPath(name)) == (stamp{}) { // the disk has lost it
		st.Held, st.Seen = nil, subscribe.Seen{}
		g.subs.mu.Lock()
		g.subs.states[name] = st
		g.subs.mu.Unlock()
		return text.NewFault("dns.list_unknown")
	}
	args := heldArgs(map[string]any{"list": name, "before": st.Held.Before, "after": st.Held.After}, st.Held)
	code := "dns.list_refused"
	if accept {
		code = "dns.list_accepted"
		st.Sum, st.Changed, st.Accepted = sum, g.o.Clock.Wall().UTC(), true
	} else {
		st.Refused = sum
	}
	st.Held = nil
	err := g.act(ctx, who, func(tx *store.Tx) error {
		return errors.Join(tx.PutListState(st), tx.Audit(code, args))
	})
	if err != nil {
		return err
	}
	if accept {
		st = g.useAccepted(st)
	} else if err := os.Remove(g.heldPath(name)); err != nil {
		g.o.Log.Warn("refused list not removed", "list", name, "err", err)
	}
	g.subs.mu.Lock()
	g.subs.states[name] = st
	g.subs.mu.Unlock()
	return nil
}

// useAccepted gives an accepted text its place. g.subs.moving is held.
func (g *Gateway) useAccepted(st store.ListState) store.ListState {
	err := os.Rename(g.heldPath(st.Name), g.textPath(st.Name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it is there already
		g.o.Log.Error("accepted list not in use yet", "list", st.Name, "err", err)
		return st
	}
	st.Accepted = false
	return st
}

// settleAccepted does what a crash, or a full disk, left undone after a list
// was accepted, and says whether there was anything.
func (g *Gateway) settleAccepted() (settled bool) {
	g.subs.moving.Lock()
	defer g.subs.moving.Unlock()
	for _, l := range g.fetched() {
		if st, ok := g.subOf(l.Name); ok && st.Accepted {
			st = g.useAccepted(st)
			g.subs.mu.Lock()
			g.subs.states[l.Name] = st
			g.subs.mu.Unlock()
			settled = settled || !st.Accepted
		}
	}
	return settled
}

package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"

	"monban/dnsfilter/list"
	"monban/dnsfilter/subscribe"
	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// checkList fetches one list and says whether a new text of it is in use.
func (g *Gateway) checkList(ctx context.Context, l config.List) (took bool) {
	st := g.subState(l)
	if l.Sum != [32]byte{} && st.Sum == hex.EncodeToString(l.Sum[:]) && g.textThere(l.Name) {
		g.putSub(st) // it can be no other
		return false
	}
	g.setBusy(l.Name)
	defer g.setBusy("")
	d, err := g.newDraft()
	if err != nil {
		g.putSub(g.listFailed(st, noRoom(l.Name, err)))
		return false
	}
	defer d.drop()
	have := st.Seen
	if !g.textThere(l.Name) && st.Held == nil && st.Refused == "" {
		have = subscribe.Seen{} // what was fetched is lost
	}
	got, err := g.o.Lists.Fetch(ctx, sourceOf(l), have, d)
	if ctx.Err() != nil {
		return false
	}
	var why *text.Fault
	switch {
	case err != nil && !errors.As(err, &why): // not the server's doing
		err = noRoom(l.Name, err)
	case err == nil && !got.Unchanged:
		if err = d.finish(); err != nil {
			err = noRoom(l.Name, err)
		}
	}
	if err != nil {
		g.putSub(g.listFailed(st, err))
		return false
	}
	now := g.o.Clock.Wall().UTC()
	st.Tried, st.Checked, st.Fails, st.Error = now, now, 0, nil
	if got.Unchanged {
		g.putSub(st)
		return false
	}
	g.subs.moving.Lock()
	defer g.subs.moving.Unlock()
	return g.receive(ctx, l, st, got, d)
}

// listFailed is st after a try that came to nothing.
func (g *Gateway) listFailed(st store.ListState, err error) store.ListState {
	var why *text.Fault
	errors.As(err, &why)
	st.Tried, st.Error = g.o.Clock.Wall().UTC(), why
	st.Fails++
	g.o.Log.Warn("list not fetched; the last good one stays", "list", st.Name, "fails", st.Fails, "err", err)
	return st
}

// receive decides about a text that has come whole: it takes the old one's
// place, is held back, or is no list. g.subs.moving is held.
func (g *Gateway) receive(ctx context.Context, l config.List, st store.ListState, got subscribe.Got, d *draft) (took bool) {
	sum := hex.EncodeToString(got.Sum[:])
	if now, ok := g.subOf(l.Name); ok { // somebody may have answered meanwhile
		st.Sum, st.Changed, st.Refused, st.Held = now.Sum, now.Changed, now.Refused, now.Held
	}
	if sum == st.Sum && g.textThere(l.Name) || sum == st.Refused || st.Held != nil && sum == st.Held.Sum {
		st.Seen = got.Seen
		g.putSub(st)
		return false
	}
	held, names, err := g.weigh(l, d.f.Name())
	if err == nil {
		path := g.textPath(l.Name)
		if held != nil {
			path = g.heldPath(l.Name)
		}
		if err = d.keep(path); err != nil {
			err = noRoom(l.Name, err)
		}
	}
	if err != nil {
		g.putSub(g.listFailed(st, err))
		return false
	}
	st.Seen, st.Refused = got.Seen, ""
	args := map[string]any{"list": l.Name, "after": names, "before": g.namesOf(l.Name)}
	if held != nil {
		held.Sum, held.At = sum, st.Checked
		st.Held = held
		g.putSub(st)
		g.record(ctx, people.Box, func(tx *store.Tx) error { return g.tell(tx, "dns.list_held."+heldWhy(held), heldArgs(args, held)) })
		return false
	}
	os.Remove(g.heldPath(l.Name)) // what was held is old
	st.Sum, st.Changed, st.Held, st.Accepted = sum, st.Checked, nil, false
	g.putSub(st)
	g.record(ctx, people.Box, func(tx *store.Tx) error { return tx.Audit("dns.list_changed", args) })
	return true
}

// weigh reads a new text by itself, and says how many names it has and whether
// people must be asked first: it has lost more than half of them, or begins
// to refuse one that must work. A text that is no list is an error.
func (g *Gateway) weigh(l config.List, path string) (held *store.HeldList, names int, err error) {
	must, err := pinned(g.current().config)
	if err != nil {
		return nil, 0, err
	}
	b := list.NewBuilder(g.listKey)
	r, err := readList(b, listFile{name: l.Name, format: l.Format, open: func() (io.ReadCloser, error) { return openPacked(path) }}, true)
	if err != nil {
		return nil, 0, plainFault(err)
	}
	trial := b.Build()
	g.mu.Lock()
	old := g.lists.compiled
	g.mu.Unlock()
	names = r.Names - r.Exceptions
	h := store.HeldList{Before: g.namesOf(l.Name), After: names}
	h.Shrunk = 2*h.After < h.Before
	for _, m := range must {
		e, refused := trial.Find(list.Query{Name: m.name, In: list.All, Anyone: true})
		if _, before := old.Find(list.Query{Name: m.name, In: old.Choose(l.Name), Anyone: true}); refused && !before {
			h.Refused = append(h.Refused, store.HeldName{Name: m.name, Line: e.Line, Why: m.why})
		}
	}
	if trial.Len() > 1<<16 {
		trial = nil
		debug.FreeOSMemory() // before all of it is built again
	}
	if h.Shrunk || len(h.Refused) > 0 {
		held = &h
	}
	return held, names, nil
}

// plainFault is the Fault in err, for a list that could be fetched and not
// read.
func plainFault(err error) error {
	var f *text.Fault
	if errors.As(err, &f) {
		return f
	}
	return err
}

// namesOf is how many names the list in force refuses by that source.
func (g *Gateway) namesOf(name string) int {
	g.mu.Lock()
	compiled := g.lists.compiled
	g.mu.Unlock()
	for _, r := range compiled.Sources() {
		if r.Name == name {
			return r.Names - r.Exceptions
		}
	}
	return 0
}

// Owns says whether a is an address of the house: of the box, or in the nets
// behind it. No list comes from there, whatever a name leads to.
func (g *Gateway) Owns(a netip.Addr) bool {
	c := g.current().config
	return slices.ContainsFunc(slices.Concat(c.LAN.Addresses, c.WireGuard.Addresses), func(p netip.Prefix) bool { return p.Masked().Contains(a) }) ||
		slices.ContainsFunc(c.WAN.Addresses, func(p netip.Prefix) bool { return p.Addr() == a })
}

func (g *Gateway) setBusy(name string) {
	g.subs.mu.Lock()
	g.subs.busy = name
	g.subs.mu.Unlock()
}

// subOf is what is known of a list.
func (g *Gateway) subOf(name string) (store.ListState, bool) {
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	st, ok := g.subs.states[name]
	return st, ok
}

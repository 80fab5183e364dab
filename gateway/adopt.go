package gateway

import (
	"context"
	"slices"
	"time"

	"monban/firewall"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/window"
)

// adopt compares the windows on record with the kernel after a start: what
// still lives is taken over with the rest of its time, everything else is
// over. A window in the kernel that no record knows is closed.
func (g *Gateway) adopt(ctx context.Context) {
	db := g.db()
	if db == nil {
		return // the kernel ends them by itself
	}
	g.acts.Lock()
	defer g.acts.Unlock()
	held, err := db.Windows(ctx, store.Filter{States: []window.State{window.Opening, window.Open}})
	if err != nil {
		g.troubled(err)
		return
	}
	live, err := g.o.Firewall.Live()
	if err != nil {
		g.o.Log.Error("open windows not read", "err", err)
		return
	}
	g.recall(ctx, db)
	known := map[firewall.Mark]bool{firewall.Canary: true}
	for _, w := range held {
		seen := window.Seen{BootID: g.o.BootID, Boot: g.o.Clock.Boot(), At: g.o.Clock.Wall()}
		if w.BootID == g.o.BootID {
			seen.Tally = g.tally(w)
			for _, l := range live {
				if uint32(l.Mark) == w.Mark {
					seen.Live = true
				}
			}
			known[firewall.Mark(w.Mark)] = seen.Live
		}
		next, changed := window.Settle(w, seen)
		switch {
		case !changed || next.State.Holds():
			g.remember(next)
			if changed {
				g.recordWindow(ctx, people.Box, func(tx *store.Tx) error {
					if err := tx.PutWindow(next, w.State); err != nil {
						return err
					}
					return tx.Audit("window.adopted", g.describe(next))
				})
			}
		default:
			g.settled(ctx, people.Box, w.State, next)
		}
	}
	for _, l := range live {
		if known[l.Mark] {
			continue
		}
		cut, err := g.o.Firewall.CloseWindow(l.Mark)
		g.o.Log.Error("closed a window nobody has on record", "mark", l.Mark, "cut", cut, "err", err)
		g.recordWindow(ctx, people.Box, func(tx *store.Tx) error {
			return tx.Audit("window.unknown_closed", map[string]any{"mark": l.Mark, "cut": cut})
		})
	}
}

// recalled is how many windows of this boot are remembered after a restart of
// the daemon, for their tombstones and their counters.
const recalled = 200

// recall remembers the windows that ended in this boot.
func (g *Gateway) recall(ctx context.Context, db *store.DB) {
	over, err := db.Windows(ctx, store.Filter{States: []window.State{window.Closed}, Limit: recalled})
	if err != nil {
		g.troubled(err)
		return
	}
	for _, w := range slices.Backward(over) { // the newest last: a mark may have been used twice
		if w.BootID == g.o.BootID {
			g.forget(w)
		}
	}
}

// follow adds to an open window the addresses its device has taken since, for
// the rest of the time only.
func (g *Gateway) follow(w window.Window, have []firewall.Pass) {
	d, ok := g.deviceByID(w.Device)
	if !ok {
		return
	}
	var more []firewall.Pass
	for _, p := range passes(w, g.onLAN(d)) {
		// IPv4 keeps the way it was approved for; only IPv6 privacy addresses
		// come and go.
		if !p.Inside.Addr().Is4() && !containsPass(have, p) {
			more = append(more, p)
		}
	}
	if len(more) == 0 {
		return
	}
	if err := g.o.Firewall.AddPasses(firewall.Mark(w.Mark), more); err != nil {
		g.o.Log.Warn("new address of a device not let through its window", "window", w.ID, "err", err)
	}
}

func containsPass(have []firewall.Pass, p firewall.Pass) bool {
	for _, h := range have {
		if h.Source == p.Source && h.Proto == p.Proto && h.Inside == p.Inside {
			return true
		}
	}
	return false
}

// restore gives an open window back to a kernel that somebody else emptied,
// for the rest of its time.
func (g *Gateway) restore(w window.Window) {
	d, ok := g.deviceByID(w.Device)
	left := w.Left(g.o.Clock.Boot())
	if !ok || left < 50*time.Millisecond {
		return
	}
	_, err := g.o.Firewall.OpenWindow(firewall.Opening{Mark: firewall.Mark(w.Mark), For: left, Passes: passes(w, g.onLAN(d))})
	g.o.Log.Warn("window was gone from the kernel; given the rest of its time", "window", w.ID, "left", left, "err", err)
}

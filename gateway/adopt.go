package gateway

import (
	"context"
	"slices"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/window"
)

// adopt compares the windows on record with the kernel after a start: what
// still lives is taken over with the rest of its time, everything else is
// over. It does so once, as soon as there is a database.
func (g *Gateway) adopt(ctx context.Context) {
	db := g.db()
	g.acts.Lock()
	defer g.acts.Unlock()
	if g.adopted || db == nil {
		return // without a database the kernel ends them by itself
	}
	held, err := db.Windows(ctx, store.Filter{States: []window.State{window.Opening, window.Open}})
	if err != nil {
		g.troubled(err)
		return
	}
	since := g.stopped()
	live, err := g.o.Firewall.Live()
	if err != nil {
		g.o.Log.Error("open windows not read", "err", err)
		return
	}
	g.recall(ctx, db)
	for _, w := range held {
		seen := window.Seen{BootID: g.o.BootID, Boot: g.o.Clock.Boot(), At: g.o.Clock.Wall()}
		if w.BootID == g.o.BootID {
			seen.Tally = g.tally(w)
			for _, l := range live {
				if uint32(l.Mark) == w.Mark {
					seen.Live = true
				}
			}
		}
		next, changed := window.Settle(w, seen)
		switch {
		case !changed || next.State.Holds():
			g.hold(next, since)
			if changed {
				g.recordWindow(ctx, people.Box, func(tx *store.Tx) error {
					if err := tx.PutWindow(next, w.State); err != nil {
						return err
					}
					return g.tell(tx, "window.adopted", g.describe(next))
				})
			}
		default:
			g.settled(ctx, people.Box, w.State, next)
		}
	}
	g.adopted = true                              // what else is live is closed by the keeper
	g.revoke(ctx, people.Box, g.current().config) // taken away while we were dead
	g.keepPeers()
	if err := g.setNames(); err != nil {
		g.o.Log.Error("names not as planned", "err", err)
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

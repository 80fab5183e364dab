package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"monban/firewall"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// db is the database, or nil while it cannot be used. The firewall, open
// windows and the name filter do without.
func (g *Gateway) db() *store.DB { return g.data.Load() }

// openStore opens the database if it is not, and takes over what it knows.
func (g *Gateway) openStore(ctx context.Context) {
	if g.db() != nil {
		return
	}
	db, err := g.o.Store()
	if err != nil {
		g.troubled(err)
		return
	}
	known, err := db.Devices(ctx)
	if err != nil {
		db.Close()
		g.troubled(err)
		return
	}
	g.mu.Lock()
	if all, _ := g.inventory.Len(); all == 0 {
		g.inventory = device.NewInventory(known)
	} else { // opened late: what was seen meanwhile stays
		for _, d := range known {
			if d.Name != "" && d.NamedBy != fromSite {
				g.inventory.Name(d.MAC, d.Name, d.NamedBy)
			}
			g.inventory.SetID(d.MAC, d.ID)
		}
	}
	g.trouble = nil
	g.mu.Unlock()
	g.data.Store(db)
	g.loadProof(ctx, db)
	for _, f := range db.Findings() {
		g.o.Log.Error("database opened with a finding", "err", f)
		g.record(ctx, people.Box, func(tx *store.Tx) error {
			return tx.Audit("store.finding", map[string]any{"why": f.Code})
		})
	}
	if err := g.PrepareSetUp(ctx); err != nil {
		g.troubled(err)
	}
}

// act carries out something a person does: the change and its line in the log
// are one transaction.
func (g *Gateway) act(ctx context.Context, who people.Actor, fn func(*store.Tx) error) error {
	db := g.db()
	if db == nil {
		return g.storeFault()
	}
	g.writeLate(ctx) // so that the log keeps its order
	err := db.Act(ctx, who, g.stamp(), fn)
	if isStore(err) {
		g.troubled(err)
	}
	return err
}

func (g *Gateway) stamp() store.Stamp {
	return store.Stamp{Wall: g.o.Clock.Wall(), Synced: g.o.Clock.Synced()}
}

// troubled keeps why the database could not be used, for the page and the log.
func (g *Gateway) troubled(err error) {
	g.mu.Lock()
	news := g.trouble == nil || g.trouble.Error() != err.Error()
	g.trouble = err
	g.mu.Unlock()
	if news {
		g.o.Log.Error("database trouble", "err", err)
	}
}

// storeFault is why the database cannot be used, as a person is told.
func (g *Gateway) storeFault() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var f *text.Fault
	if errors.As(g.trouble, &f) {
		return f
	}
	return text.NewFault("store.unusable").Because(g.trouble)
}

// isStore says whether err is about the database and not about the request.
func isStore(err error) bool {
	var f *text.Fault
	return errors.As(err, &f) && strings.HasPrefix(f.Code, "store.")
}

// may says whether who's role allows act.
func may(who people.Actor, act people.Act) error {
	if !who.May(act) {
		return text.NewFault("people.may_not", "act", string(act))
	}
	return nil
}

// load reads a window from the store.
func (g *Gateway) load(ctx context.Context, id int64) (window.Window, error) {
	db := g.db()
	if db == nil {
		return window.Window{}, g.storeFault()
	}
	w, err := db.Window(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		err = text.NewFault("window.unknown", "id", id)
	}
	return w, err
}

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

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// firstLine is the first of joined errors, for the log.
func firstLine(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	return s
}

func hexHash(h [32]byte) string { return hex.EncodeToString(h[:]) }

package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

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
	meanwhile := g.inventory.All(g.o.Clock.Wall())
	g.inventory = device.NewInventory(known)
	for _, d := range meanwhile {
		if d.LastSeen.IsZero() {
			continue // only site.toml knows it
		}
		g.inventory.See(device.Sighting{At: d.FirstSeen, MAC: d.MAC, Iface: d.Iface})
		for _, a := range slices.Backward(d.Addrs) { // the newest last
			g.inventory.See(device.Sighting{At: a.Seen, MAC: d.MAC, Addr: a.Addr, Iface: d.Iface})
		}
		g.inventory.See(device.Sighting{At: d.LastSeen, MAC: d.MAC, Iface: d.Iface})
	}
	g.trouble = nil
	g.mu.Unlock()
	g.nameDevices(g.current().config)
	g.data.Store(db)
	g.loadProof(ctx, db)
	for _, f := range db.Findings() {
		g.o.Log.Error("database opened with a finding", "err", f)
		g.record(ctx, people.Box, func(tx *store.Tx) error {
			return g.tell(tx, "store.finding", map[string]any{"why": f.Code})
		})
	}
	g.noteProvision(ctx)
	g.noteReverted(ctx)
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
	switch {
	case isStore(err):
		g.troubled(err)
	case err == nil:
		g.mu.Lock()
		g.trouble = nil
		g.mu.Unlock()
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

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// firstLine is the first of joined errors, for the log.
func firstLine(err error) string {
	s, _, _ := strings.Cut(err.Error(), "\n")
	return s
}

func hexHash(h [32]byte) string { return hex.EncodeToString(h[:]) }

// is says whether err is the Fault of that code.
func is(err error, code string) bool {
	var f *text.Fault
	return errors.As(err, &f) && f.Code == code
}

package gateway

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"monban/dnsfilter"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// Bounds of what the clinic allows in spite of a list.
const (
	maxAllows   = 500            // in force, or waiting for an answer
	maxAllowFor = 24 * time.Hour // for a time; longer is for good
)

// chosenNames is what people have chosen about names; g.mu guards it.
type chosenNames struct {
	loaded bool
	allows []store.Allow // in force, and waiting for an answer

	pauses       []namePause // those whose time is over as well, until the keeper comes by
	pausesLoaded bool
	pausing      sync.Mutex // held over a change of pauses and its record
}

// nameAllowed adds to a policy what people have chosen: names that are
// allowed, and pauses.
func (g *Gateway) nameAllowed(p *dnsfilter.Policy) {
	g.namePaused(p)
	g.mu.Lock()
	allows := slices.Clone(g.chosen.allows)
	g.mu.Unlock()
	for _, a := range allows {
		if a.At.IsZero() || g.allowLeft(a) == 0 {
			continue
		}
		if a.MAC == "" {
			if p.Allowed == nil {
				p.Allowed = dnsfilter.Names{}
			}
			p.Allowed[a.Name] = true
			continue
		}
		d, ok := g.deviceByKey(a.MAC)
		if !ok {
			continue
		}
		for _, addr := range own(g.onLAN(d)) {
			if p.AllowedFor == nil {
				p.AllowedFor = map[netip.Addr]dnsfilter.Names{}
			}
			if p.AllowedFor[addr] == nil {
				p.AllowedFor[addr] = dnsfilter.Names{}
			}
			p.AllowedFor[addr][a.Name] = true
		}
	}
}

// allowLeft is what remains of an allowance; one for good has always the
// longest time left. In the boot it was given in, the clock nobody can set
// counts.
func (g *Gateway) allowLeft(a store.Allow) time.Duration {
	switch {
	case a.Until.IsZero():
		return maxAllowFor
	case a.BootID == g.o.BootID:
		return max(0, a.UntilBoot-g.o.Clock.Boot())
	}
	return min(max(0, a.Until.Sub(g.o.Clock.Wall())), maxAllowFor)
}

// keepNames reads what is allowed once there is a database, and ends what has
// run out. The keeper calls it.
func (g *Gateway) keepNames(ctx context.Context) {
	g.loadAllows(ctx)
	g.loadDenies(ctx)
	g.loadPauses(ctx)
	g.endOverPauses(ctx)
	var over []store.Allow
	g.mu.Lock()
	g.chosen.allows = slices.DeleteFunc(g.chosen.allows, func(a store.Allow) bool {
		ended := !a.At.IsZero() && g.allowLeft(a) == 0
		if ended {
			over = append(over, a)
		}
		return ended
	})
	g.mu.Unlock()
	for _, a := range over {
		g.record(ctx, people.Box, func(tx *store.Tx) error { return g.endAllow(tx, a.ID, people.Box, store.AllowRanOut) })
	}
	if len(over) > 0 {
		g.putNames()
	}
}

// nextNameEdge is when keepNames has something to end, at most next.
func (g *Gateway) nextNameEdge(next time.Duration) time.Duration {
	now := g.o.Clock.Boot()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.chosen.pauses {
		next = min(next, max(0, p.To-now)+time.Millisecond)
	}
	for _, a := range g.chosen.allows {
		if !a.At.IsZero() {
			next = min(next, g.allowLeft(a)+time.Millisecond)
		}
	}
	return next
}

// loadAllows reads what earlier runs have allowed.
func (g *Gateway) loadAllows(ctx context.Context) {
	db := g.db()
	g.mu.Lock()
	loaded := g.chosen.loaded
	g.mu.Unlock()
	if db == nil || loaded {
		return
	}
	all, err := db.Allows(ctx)
	if err != nil {
		g.troubled(err)
		return
	}
	g.mu.Lock()
	g.chosen.allows, g.chosen.loaded = all, true
	g.mu.Unlock()
	g.putNames()
}

// putNames puts the policy in force at once; the guard would in a few seconds.
func (g *Gateway) putNames() {
	if err := g.setNames(); err != nil {
		g.o.Log.Error("names not as chosen", "err", err)
	}
}

// putAllow keeps a in memory in place of the one with its id.
func (g *Gateway) putAllow(a store.Allow) {
	g.mu.Lock()
	g.chosen.allows = slices.DeleteFunc(g.chosen.allows, func(b store.Allow) bool { return b.ID == a.ID })
	if a.Ended.IsZero() {
		g.chosen.allows = append(g.chosen.allows, a)
	}
	g.mu.Unlock()
	signal(g.edge) // its end may come before what the keeper waits for
	g.putNames()
}

// WishName records that somebody would like a name to be let through.
func (g *Gateway) WishName(ctx context.Context, who people.Actor, ask AllowAsk) (NameAllow, error) {
	if err := may(who, people.ActExplain); err != nil {
		return NameAllow{}, err
	}
	a, err := g.checkAllow(ctx, ask, true)
	if err != nil {
		return NameAllow{}, err
	}
	if was, ok := g.wished(a); ok {
		return g.allowView(was), nil
	}
	a.AskedBy, a.Asked = who, g.o.Clock.Wall().UTC().Truncate(time.Millisecond)
	if err := g.actAllow(ctx, who, &a, "dns.wished."); err != nil {
		return NameAllow{}, err
	}
	return g.allowView(a), nil
}

// AllowName lets a name and all below it through for ask.Length, or for good,
// which needs a fresh step-up. With an id it answers that wish, and ask.Name
// and ask.Device do not matter.
func (g *Gateway) AllowName(ctx context.Context, who people.Actor, id int64, ask AllowAsk) (NameAllow, error) {
	if err := may(who, people.ActAllowName); err != nil {
		return NameAllow{}, err
	}
	switch {
	case ask.Length < 0 || ask.Length > maxAllowFor || ask.Length > 0 && ask.Length < time.Minute:
		return NameAllow{}, text.NewFault("dns.allow_length").On("length")
	case ask.Length == 0 && !who.SteppedUpWithin(window.StepUp, g.o.Clock.Wall()):
		return NameAllow{}, text.NewFault("people.step_up").On("totp")
	}
	now := g.o.Clock.Wall().UTC().Truncate(time.Millisecond)
	var a store.Allow
	var err error
	if id != 0 {
		a, err = g.wish(id)
	} else {
		a, err = g.checkAllow(ctx, ask, false)
		a.AskedBy, a.Asked = who, now
	}
	if err != nil {
		return NameAllow{}, err
	}
	a.By, a.At = who, now
	if ask.Length > 0 {
		a.Until, a.BootID, a.UntilBoot = now.Add(ask.Length), g.o.BootID, g.o.Clock.Boot()+ask.Length
	}
	if err := g.actAllow(ctx, who, &a, "dns.allowed."); err != nil {
		return NameAllow{}, err
	}
	return g.allowView(a), nil
}

// actAllow records a and its line, and puts it in force.
func (g *Gateway) actAllow(ctx context.Context, who people.Actor, a *store.Allow, code string) error {
	err := g.act(ctx, who, func(tx *store.Tx) error {
		if n, err := tx.CountAllows(); err != nil || a.ID == 0 && n >= maxAllows {
			return errors.Join(err, fullIf(n >= maxAllows))
		}
		if a.ID != 0 {
			// Somebody may have answered meanwhile.
			if was, err := tx.Allow(a.ID); errors.Is(err, store.ErrNotFound) || err == nil && !was.At.IsZero() {
				return text.NewFault("dns.allow_unknown")
			} else if err != nil {
				return err
			}
		}
		var err error
		if *a, err = tx.PutAllow(*a); err != nil {
			return err
		}
		args := g.allowArgs(*a)
		if !a.At.IsZero() {
			args["length"] = "ever"
			if !a.Until.IsZero() {
				args["length"] = a.Until.Sub(a.At).String()
			}
		}
		return g.tell(tx, code+scope(*a), args)
	})
	if err == nil {
		g.putAllow(*a)
	}
	return err
}

func fullIf(full bool) error {
	if full {
		return text.NewFault("dns.allow_full", "max", maxAllows)
	}
	return nil
}

// scope tells the sentences about one device from those about all.
func scope(a store.Allow) string {
	if a.MAC == "" {
		return "all"
	}
	return "one"
}

func (g *Gateway) allowArgs(a store.Allow) map[string]any {
	args := map[string]any{"name": a.Name, "reason": a.Reason}
	if a.MAC != "" {
		args["device"], args["mac"] = g.nameOfKey(a.MAC), a.MAC
	}
	return args
}

// EndAllow takes back what was allowed, or declines a wish.
func (g *Gateway) EndAllow(ctx context.Context, who people.Actor, id int64) error {
	if err := may(who, people.ActAllowName); err != nil {
		return err
	}
	err := g.act(ctx, who, func(tx *store.Tx) error { return g.endAllow(tx, id, who, store.AllowTakenBack) })
	if errors.Is(err, store.ErrNotFound) {
		return text.NewFault("dns.allow_unknown")
	}
	if err == nil {
		g.putAllow(store.Allow{ID: id, Ended: g.o.Clock.Wall()})
	}
	return err
}

// endAllow ends one that is not over. A wish that nobody granted is declined.
func (g *Gateway) endAllow(tx *store.Tx, id int64, who people.Actor, how string) error {
	a, err := tx.Allow(id)
	if err != nil {
		return err
	}
	if a.At.IsZero() {
		how = store.AllowDeclined
	}
	a.Ended, a.EndedBy, a.How = g.o.Clock.Wall().UTC(), who, how
	if _, err := tx.PutAllow(a); err != nil {
		return err
	}
	return tx.Audit("dns.allow_ended."+how+"."+scope(a), g.allowArgs(a))
}

// Allows are the names that are allowed, and those somebody wishes for, the
// newest first.
func (g *Gateway) Allows(ctx context.Context, who people.Actor) ([]NameAllow, error) {
	if err := may(who, people.ActExplain); err != nil {
		return nil, err
	}
	g.loadAllows(ctx)
	g.mu.Lock()
	all, loaded := slices.Clone(g.chosen.allows), g.chosen.loaded
	g.mu.Unlock()
	if !loaded {
		return nil, g.storeFault()
	}
	slices.SortFunc(all, func(a, b store.Allow) int { return int(b.ID - a.ID) })
	var out []NameAllow
	for _, a := range all {
		out = append(out, g.allowView(a))
	}
	return out, nil
}

func (g *Gateway) allowView(a store.Allow) NameAllow {
	v := NameAllow{ID: a.ID, Name: a.Name, Device: a.MAC, DeviceName: g.nameOfKey(a.MAC), Reason: a.Reason, AskedBy: a.AskedBy, Asked: a.Asked,
		By: a.By, At: a.At, Until: a.Until}
	if !a.Until.IsZero() {
		v.Left = g.allowLeft(a)
	}
	return v
}

func (g *Gateway) wish(id int64) (store.Allow, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.chosen.allows {
		if a.ID == id && a.At.IsZero() {
			return a, nil
		}
	}
	return store.Allow{}, text.NewFault("dns.allow_unknown")
}

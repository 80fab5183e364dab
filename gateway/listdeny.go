package gateway

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"monban/dnsfilter"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// maxDenies is how many names the clinic itself can refuse.
const maxDenies = 500

// NameDeny is a name that the clinic itself refuses, with all below it.
type NameDeny struct {
	ID     int64        `json:"id"` // 0: of site.toml
	Name   string       `json:"name"`
	Reason string       `json:"reason,omitempty"`
	By     people.Actor `json:"by"`
	At     time.Time    `json:"at,omitzero"`
}

// nameDenied adds to a policy what the clinic itself refuses.
func (g *Gateway) nameDenied(p *dnsfilter.Policy) {
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	if len(g.subs.denies) == 0 {
		return
	}
	denied := dnsfilter.Names{}
	for name := range p.Denied {
		denied[name] = true
	}
	for _, d := range g.subs.denies {
		denied[d.Name] = true
	}
	p.Denied = denied
}

// loadDenies reads what the clinic refuses, once there is a database.
func (g *Gateway) loadDenies(ctx context.Context) {
	db := g.db()
	g.subs.mu.Lock()
	loaded := g.subs.deniesLoaded
	g.subs.mu.Unlock()
	if db == nil || loaded {
		return
	}
	all, err := db.Denies(ctx)
	if err != nil {
		g.troubled(err)
		return
	}
	g.subs.mu.Lock()
	g.subs.denies, g.subs.deniesLoaded = all, true
	g.subs.mu.Unlock()
	if len(all) > 0 {
		g.putNames()
	}
}

// DenyName refuses a name ("name") and all below it, for everybody.
func (g *Gateway) DenyName(ctx context.Context, who people.Actor, name, reason string) (NameDeny, error) {
	if err := may(who, people.ActAllowName); err != nil {
		return NameDeny{}, err
	}
	g.loadDenies(ctx)
	d, err := g.checkDeny(name, reason)
	if err != nil {
		return NameDeny{}, err
	}
	d.By, d.At = who, g.o.Clock.Wall().UTC().Truncate(time.Millisecond)
	err = g.act(ctx, who, func(tx *store.Tx) (err error) {
		if d, err = tx.AddDeny(d); err != nil {
			return err
		}
		return tx.Audit("dns.denied_name", map[string]any{"name": d.Name, "reason": d.Reason})
	})
	if errors.Is(err, store.ErrTaken) {
		return NameDeny{}, text.NewFault("dns.deny_taken", "name", d.Name).On("name")
	}
	if err != nil {
		return NameDeny{}, err
	}
	g.subs.mu.Lock()
	g.subs.denies = append(g.subs.denies, d)
	g.subs.mu.Unlock()
	g.putNames()
	return denyView(d), nil
}

// checkDeny wants a name that can be refused without harm.
func (g *Gateway) checkDeny(typed, reason string) (store.Deny, error) {
	name, err := dnsfilter.Canonical(nameIn(typed))
	if err != nil || name == "" {
		return store.Deny{}, text.NewFault("dns.bad_name", "name", typed).On("name")
	}
	plan, _, err := g.plan()
	if err != nil {
		return store.Deny{}, err
	}
	if plan.Names == nil {
		return store.Deny{}, text.NewFault("dns.off")
	}
	d := store.Deny{Name: name}
	if reason != "" {
		if d.Reason, err = people.CleanText(reason); err != nil {
			return d, on("reason", err)
		}
	}
	c := g.current().config
	must, err := pinned(c)
	if err != nil {
		return d, err
	}
	i := slices.IndexFunc(must, func(m pinnedName) bool { return within(m.name, d.Name) })
	g.subs.mu.Lock()
	full := len(g.subs.denies) >= maxDenies
	g.subs.mu.Unlock()
	switch {
	case !strings.Contains(d.Name, "."):
		return d, text.NewFault("dns.deny_wide", "name", d.Name).On("name")
	case i >= 0:
		return d, text.NewFault("dns.deny_needed", "name", d.Name, "needed", must[i].name, "why", must[i].why).On("name")
	case slices.Contains([]string{dnsfilter.Canary, dnsfilter.AtHome, dnsfilter.Known}, plan.Names.Decide(dnsfilter.Ask{Name: name}).Reason):
		return d, text.NewFault("dns.deny_local", "name", d.Name).On("name")
	case g.overruled(d.Name):
		return d, text.NewFault("dns.deny_allowed", "name", d.Name).On("name")
	case full:
		return d, text.NewFault("dns.deny_full", "max", maxDenies)
	}
	return d, nil
}

// overruled says whether name is answered on all devices, whatever refuses it.
func (g *Gateway) overruled(name string) bool {
	c := g.current().config.DNS
	above := func(zone string) bool { return within(name, zone) }
	if slices.ContainsFunc(c.Allow, above) || slices.ContainsFunc(c.MustWork, above) {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.chosen.allows, func(a store.Allow) bool { return a.MAC == "" && !a.At.IsZero() && above(a.Name) })
}

// EndDeny no longer refuses a name.
func (g *Gateway) EndDeny(ctx context.Context, who people.Actor, id int64) error {
	if err := may(who, people.ActAllowName); err != nil {
		return err
	}
	g.loadDenies(ctx)
	g.subs.mu.Lock()
	i := slices.IndexFunc(g.subs.denies, func(d store.Deny) bool { return d.ID == id })
	var d store.Deny
	if i >= 0 {
		d = g.subs.denies[i]
	}
	g.subs.mu.Unlock()
	err := g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.EndDeny(id, who, g.o.Clock.Wall()); err != nil {
			return err
		}
		return tx.Audit("dns.deny_ended", map[string]any{"name": d.Name})
	})
	if errors.Is(err, store.ErrNotFound) {
		return text.NewFault("dns.deny_unknown")
	}
	if err != nil {
		return err
	}
	g.subs.mu.Lock()
	g.subs.denies = slices.DeleteFunc(g.subs.denies, func(d store.Deny) bool { return d.ID == id })
	g.subs.mu.Unlock()
	g.putNames()
	return nil
}

// Denies are the names the clinic itself refuses: those of site.toml, then the
// others, the newest first. While the others cannot be read it says so beside
// those of site.toml.
func (g *Gateway) Denies(ctx context.Context, who people.Actor) ([]NameDeny, error) {
	if err := may(who, people.ActRead); err != nil {
		return nil, err
	}
	g.loadDenies(ctx)
	var all []NameDeny
	for _, name := range g.current().config.DNS.Deny {
		all = append(all, NameDeny{Name: name})
	}
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	for _, d := range slices.Backward(g.subs.denies) {
		all = append(all, denyView(d))
	}
	if !g.subs.deniesLoaded {
		return all, g.storeFault()
	}
	return all, nil
}

func denyView(d store.Deny) NameDeny {
	return NameDeny{ID: d.ID, Name: d.Name, Reason: d.Reason, By: d.By, At: d.At}
}

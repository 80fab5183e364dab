package gateway

import (
	"cmp"
	"context"
	"slices"
	"time"

	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// EvasionDay is who went around the name filter on one day.
type EvasionDay struct {
	Day     string          `json:"day"`     // 2026-11-21, in the clinic's zone
	Days    []string        `json:"days"`    // those there is something of, newest first
	Devices []EvasionDevice `json:"devices"` // the most attempts first; without those that only asked whether they may
	Polite  []EvasionDevice `json:"polite"`  // these
	Observe bool            `json:"observe"` // nothing is stopped
	Exempt  []string        `json:"exempt"`  // devices that are neither stopped nor counted
}

// EvasionDevice is what one device tried.
type EvasionDevice struct {
	Device     string       `json:"device"` // hardware address, or the address of a client nobody knows
	DeviceName string       `json:"device_name"`
	ID         int64        `json:"id,omitempty"` // in the ledger
	Ways       []EvasionWay `json:"ways"`         // the most attempts first
}

// EvasionWay is one way it tried.
type EvasionWay struct {
	Kind    string    `json:"kind"` // "plain", "tls", "https"; "dns", "relay", "vpn", "tor": by name; "canary"
	N       uint64    `json:"n"`
	Stopped uint64    `json:"stopped"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	What    []string  `json:"what,omitempty"` // names, the newest last
}

// Evasions are who went around the name filter on a day (2026-11-21 in the
// clinic's zone; empty: today).
func (g *Gateway) Evasions(ctx context.Context, who people.Actor, day string) (EvasionDay, error) {
	if err := may(who, people.ActNames); err != nil {
		return EvasionDay{}, err
	}
	if day == "" {
		day = g.o.Clock.Wall().In(g.Zone()).Format(time.DateOnly)
	}
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return EvasionDay{}, text.NewFault("attempt.day", "day", day[:min(len(day), len(time.DateOnly))]).On("day")
	}
	db := g.db()
	if db == nil {
		return EvasionDay{}, g.storeFault()
	}
	e := &g.evasions
	e.mu.Lock()
	defer e.mu.Unlock() // over the disk, so that nothing is on both sides of it
	if g.loadEvasions(ctx) && g.o.Clock.Boot()-e.readAt >= tryFresh {
		g.addDetours()
	}
	kept, err := db.Evasions(ctx, day)
	if err != nil {
		return EvasionDay{}, err
	}
	days, err := db.EvasionDays(ctx, shownDays)
	if err != nil {
		return EvasionDay{}, err
	}
	for k, r := range e.rows {
		if !slices.Contains(days, k.day) {
			days = append(days, k.day)
		}
		if k.day == day {
			kept = addEvasion(kept, *r)
		}
	}
	slices.SortFunc(days, func(a, b string) int { return cmp.Compare(b, a) })
	return g.evasionDay(day, kept, days[:min(len(days), shownDays)]), nil
}

// addEvasion adds what is in memory to what is on disk.
func addEvasion(kept []store.Evasion, r store.Evasion) []store.Evasion {
	i := slices.IndexFunc(kept, func(k store.Evasion) bool { return k.Device == r.Device && k.Kind == r.Kind })
	if i < 0 {
		return append(kept, r)
	}
	k := &kept[i]
	k.N, k.Stopped, k.What = k.N+r.N, k.Stopped+r.Stopped, store.NewestNames(k.What, r.What)
	if r.Last.After(k.Last) {
		k.Last = r.Last
	}
	return kept
}

// evasionDay is a day as people read it.
func (g *Gateway) evasionDay(day string, kept []store.Evasion, days []string) EvasionDay {
	c := g.current().config
	out := EvasionDay{Day: day, Days: days, Observe: c.DNS.Around == config.Observe}
	for _, m := range c.ExemptMACs() {
		out.Exempt = append(out.Exempt, g.nameOfKey(m.String()))
	}
	by := map[string]*EvasionDevice{}
	for _, k := range kept {
		d := by[k.Device]
		if d == nil {
			d = &EvasionDevice{Device: k.Device, DeviceName: g.nameOfKey(k.Device)}
			if known, ok := g.deviceByKey(k.Device); ok {
				d.ID = known.ID
			}
			by[k.Device] = d
		}
		d.Ways = append(d.Ways, EvasionWay{k.Kind, k.N, k.Stopped, k.First, k.Last, k.What})
	}
	for _, d := range by {
		slices.SortFunc(d.Ways, func(a, b EvasionWay) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Kind, b.Kind)) })
		if slices.ContainsFunc(d.Ways, func(w EvasionWay) bool { return accuses(w.Kind) }) {
			out.Devices = append(out.Devices, *d)
		} else {
			out.Polite = append(out.Polite, *d)
		}
	}
	most := func(a, b EvasionDevice) int {
		return cmp.Or(cmp.Compare(b.Ways[0].N, a.Ways[0].N), cmp.Compare(a.Device, b.Device))
	}
	slices.SortFunc(out.Devices, most)
	slices.SortFunc(out.Polite, most)
	return out
}

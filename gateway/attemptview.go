package gateway

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// shownDays are the days with attempts a page offers.
const shownDays = 31

// Attempts are who tried to come in on a day (2026-11-21 in the clinic's zone;
// empty: today) while no window let him.
func (g *Gateway) Attempts(ctx context.Context, who people.Actor, day string) (AttemptDay, error) {
	if err := may(who, people.ActRead); err != nil {
		return AttemptDay{}, err
	}
	today := g.o.Clock.Wall().In(g.Zone()).Format(time.DateOnly)
	if day == "" {
		day = today
	}
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return AttemptDay{}, text.NewFault("attempt.day", "day", day[:min(len(day), len(time.DateOnly))]).On("day")
	}
	db := g.db()
	if db == nil {
		return AttemptDay{}, g.storeFault()
	}
	g.tries.mu.Lock()
	defer g.tries.mu.Unlock() // over the disk, so that nothing is on both sides of it
	if g.loadTries(ctx) && !g.tries.testing && g.o.Clock.Boot()-g.tries.readAt >= tryFresh {
		g.addTries(false)
	}
	kept, err := db.Attempts(ctx, day)
	if err != nil {
		return AttemptDay{}, err
	}
	days, err := db.AttemptDays(ctx, shownDays)
	if err != nil {
		return AttemptDay{}, err
	}
	if d := g.tries.days[day]; d != nil {
		kept = merge(kept, d)
	}
	for d, t := range g.tries.days {
		if t.packets > 0 && !slices.Contains(days, d) {
			days = append(days, d)
		}
	}
	slices.SortFunc(days, func(a, b string) int { return cmp.Compare(b, a) })
	return g.attemptDay(kept, days[:min(len(days), shownDays)]), nil
}

// merge adds what is in memory to what is on disk.
func merge(t store.Tally, d *dayTries) store.Tally {
	t.Packets += d.packets
	at := map[netip.Addr]int{}
	for i, a := range t.Attempts {
		at[a.Source] = i
	}
	for _, a := range d.sources {
		i, ok := at[a.Source]
		if !ok {
			if a.Packets > 0 {
				t.Attempts = append(t.Attempts, *a)
			}
			continue
		}
		k := &t.Attempts[i]
		k.Packets += a.Packets
		k.Vendor = cmp.Or(k.Vendor, a.Vendor)
		if a.Last.After(k.Last) {
			k.Last = a.Last
		}
		for _, p := range a.Ports {
			if len(k.Ports) < store.MaxTriedPorts && !slices.Contains(k.Ports, p) {
				k.Ports = append(k.Ports, p)
			}
		}
	}
	return t
}

// attemptDay is a day as people read it. What no source is kept of is one row
// without a source.
func (g *Gateway) attemptDay(t store.Tally, days []string) AttemptDay {
	out := AttemptDay{Day: t.Day, Packets: t.Packets, Days: days}
	var sum uint64
	for _, a := range t.Attempts {
		sum += a.Packets
		label := a.Vendor
		if v, ok := g.current().config.Vendor(a.Vendor); ok {
			label = v.Label
		}
		out.Attempts = append(out.Attempts, Attempt{Source: a.Source, Vendor: label, Packets: a.Packets, First: a.First, Last: a.Last, Ports: a.Ports})
	}
	if t.Packets > sum {
		out.Attempts = append(out.Attempts, Attempt{Packets: t.Packets - sum})
	}
	slices.SortStableFunc(out.Attempts, func(a, b Attempt) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), a.Source.Compare(b.Source))
	})
	return out
}

package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"monban/dnsfilter/querylog"
	"monban/gateway/people"
	"monban/gateway/store"
)

// Pace and bounds of adding up names.
const (
	namesEvery  = 6 * time.Hour // to the database; a crash before costs a look at the query log
	maxHourSums = 4096          // hours times devices in memory; more of them are one device
	maxNameSums = 20_000        // names in memory
	topsWritten = 40            // names of a device and day, each time
	topsShown   = 20
	othersKey   = "?"     // devices there was no room for
	keyNameMark = "names" // setting: up to where the query log is in the statistics
)

// nameSums is what was added up and is not in the database yet. What is lost
// of it in a crash is counted again from the query log.
type nameSums struct {
	mu      sync.Mutex
	next    uint64 // id in the query log from which on nothing is counted; 0: nothing yet
	hours   map[hourOf]*store.NameHour
	tops    map[topOf]*store.NameTop
	wroteAt time.Duration // boot time
}

type hourOf struct {
	hour   int64
	device string
}

type topOf struct{ day, device, name string }

// A nameMark is the setting keyNameMark.
type nameMark struct {
	Next uint64 `json:"next"`
}

// nameMark says from where on the query log is not in the database.
func (g *Gateway) nameMark() (uint64, bool) {
	db := g.db()
	if db == nil {
		return 0, false
	}
	b, err := db.Meta(context.Background(), keyNameMark)
	if err != nil {
		g.troubled(err)
		return 0, false
	}
	var m nameMark
	if b != nil && json.Unmarshal(b, &m) != nil {
		m = nameMark{}
	}
	return m.Next, true
}

// countNames takes in what the query log has written.
func (g *Gateway) countNames(c querylog.Counts) {
	g.evadeNames(c)
	zone := g.Zone()
	s := &g.nameSums
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hours == nil {
		s.hours, s.tops = map[hourOf]*store.NameHour{}, map[topOf]*store.NameTop{}
	}
	days := map[int64]string{}
	for _, x := range c.All {
		h := s.hour(hourOf{x.Hour, x.Device})
		h.Asked += x.N
		refused := uint64(0)
		if x.Verdict == querylog.Refused {
			refused = x.N
			h.Refused += x.N
			h.Reasons[x.Reason] += x.N
		}
		day, ok := days[x.Hour]
		if !ok {
			day = time.Unix(x.Hour*3600, 0).In(zone).Format(time.DateOnly)
			days[x.Hour] = day
		}
		if x.Name == "" || querylog.Masked(x.Name) { // the root: of no interest to people
			continue
		}
		k := topOf{day, h.Device, x.Name}
		t := s.tops[k]
		if t == nil {
			if len(s.tops) >= maxNameSums {
				continue // the totals have it
			}
			t = &store.NameTop{Day: k.day, Device: k.device, Name: k.name}
			s.tops[k] = t
		}
		t.Asked += x.N
		t.Refused += refused
	}
	s.next = c.Next
}

// hour returns the sum of an hour and device. s.mu is held.
func (s *nameSums) hour(k hourOf) *store.NameHour {
	h := s.hours[k]
	if h == nil && len(s.hours) >= maxHourSums {
		k.device = othersKey
		h = s.hours[k]
	}
	if h == nil {
		h = &store.NameHour{Hour: k.hour, Device: k.device, Reasons: map[string]uint64{}}
		s.hours[k] = h
	}
	return h
}

// keepNameStats writes a few times a day.
func (g *Gateway) keepNameStats(ctx context.Context) error {
	for pause(ctx, time.Minute) == nil {
		g.writeNameStats(ctx, false)
	}
	return nil
}

// writeNameStats puts the sums into the database when it is time, or at once.
// What the disk does not take stays in memory.
func (g *Gateway) writeNameStats(ctx context.Context, atOnce bool) {
	s, now := &g.nameSums, g.o.Clock.Boot()
	db := g.db()
	s.mu.Lock()
	defer s.mu.Unlock() // over the disk; nothing but the statistics waits for it
	if s.wroteAt == 0 {
		s.wroteAt = now
	}
	if db == nil || s.next == 0 || len(s.hours) == 0 || !atOnce && now-s.wroteAt < namesEvery {
		return
	}
	s.wroteAt = now
	mark, err := json.Marshal(nameMark{s.next})
	if err != nil {
		return
	}
	hours := make([]store.NameHour, 0, len(s.hours))
	for _, h := range s.hours {
		hours = append(hours, *h)
	}
	if err := db.PutNameStats(ctx, hours, topsOf(s.tops, topsWritten), keyNameMark, mark); err != nil {
		g.troubled(err)
		return
	}
	clear(s.hours)
	clear(s.tops)
}

// topsOf returns the names that count most of each day and device. A refusal
// counts more: it is what somebody may ask about.
func topsOf(all map[topOf]*store.NameTop, most int) []store.NameTop {
	type owner struct{ day, device string }
	by := map[owner][]store.NameTop{}
	for k, t := range all {
		o := owner{k.day, k.device}
		by[o] = append(by[o], *t)
	}
	var out []store.NameTop
	for _, tops := range by {
		slices.SortFunc(tops, func(a, b store.NameTop) int {
			return cmp.Or(cmp.Compare(b.Asked+3*b.Refused, a.Asked+3*a.Refused), cmp.Compare(a.Name, b.Name))
		})
		out = append(out, tops[:min(len(tops), most)]...)
	}
	return out
}

// NameStats is a day of the clinic's calendar (2026-11-21; empty: today), of
// one device (its hardware address, or the address of one nobody knows) or of
// all.
func (g *Gateway) NameStats(ctx context.Context, who people.Actor, day, device string) (NameStats, error) {
	if err := may(who, people.ActNames); err != nil {
		return NameStats{}, err
	}
	if day == "" {
		day = g.o.Clock.Wall().In(g.Zone()).Format(time.DateOnly)
	}
	from, to, err := g.dayOf(day)
	if err != nil {
		return NameStats{}, err
	}
	if device, err = deviceKey(device); err != nil {
		return NameStats{}, err
	}
	db := g.db()
	if db == nil {
		return NameStats{}, g.storeFault()
	}
	s := &g.nameSums
	s.mu.Lock() // over the disk, so that nothing is on both sides of it
	defer s.mu.Unlock()
	hours, err := db.NameHours(ctx, from.Unix()/3600, (to.Unix()+3599)/3600)
	if err != nil {
		return NameStats{}, err
	}
	tops, err := db.NameTops(ctx, day)
	if err != nil {
		return NameStats{}, err
	}
	first, err := db.FirstNameDay(ctx)
	if err != nil {
		return NameStats{}, err
	}
	for _, h := range s.hours {
		if h.Hour >= from.Unix()/3600 && h.Hour < (to.Unix()+3599)/3600 {
			hours = append(hours, *h)
		}
	}
	for _, t := range s.tops {
		if t.Day == day {
			tops = append(tops, *t)
		}
	}
	out := NameStats{Day: day, First: first, Device: device, Keep: g.o.QueryLog.Keep()}
	rules := g.o.QueryLog.Rules()
	out.Off, out.Masked = rules.Off, rules.Mask
	out.addHours(hours, from, to)
	for i := range out.Devices {
		out.Devices[i].DeviceName = g.nameOfKey(out.Devices[i].Device)
	}
	out.addTops(tops)
	return out, nil
}

func (n *NameSum) add(asked, refused uint64) { n.Asked, n.Refused = n.Asked+asked, n.Refused+refused }

// addHours adds up hours by time, by device and by reason.
func (n *NameStats) addHours(hours []store.NameHour, from, to time.Time) {
	for t := from; t.Before(to); t = t.Add(time.Hour) {
		n.Hours = append(n.Hours, NameHour{Start: t})
	}
	devices, reasons := map[string]*NameDevice{}, map[string]uint64{}
	for _, h := range hours {
		d := devices[h.Device]
		if d == nil {
			d = &NameDevice{Device: h.Device}
			devices[h.Device] = d
		}
		d.add(h.Asked, h.Refused)
		if n.Device != "" && h.Device != n.Device {
			continue
		}
		n.Sum.add(h.Asked, h.Refused)
		for r, k := range h.Reasons {
			reasons[r] += k
		}
		if i := int(h.Hour - from.Unix()/3600); i >= 0 && i < len(n.Hours) {
			n.Hours[i].add(h.Asked, h.Refused)
		}
	}
	for _, d := range devices {
		n.Devices = append(n.Devices, *d)
	}
	slices.SortFunc(n.Devices, func(a, b NameDevice) int {
		return cmp.Or(cmp.Compare(b.Asked, a.Asked), cmp.Compare(a.Device, b.Device))
	})
	for _, r := range slices.Sorted(maps.Keys(reasons)) {
		if reasons[r] > 0 {
			n.Reasons = append(n.Reasons, NameReason{r, reasons[r]})
		}
	}
	slices.SortStableFunc(n.Reasons, func(a, b NameReason) int { return cmp.Compare(b.N, a.N) })
}

// addTops adds up names.
func (n *NameStats) addTops(tops []store.NameTop) {
	sums := map[string]*NameTop{}
	for _, t := range tops {
		if n.Device != "" && t.Device != n.Device {
			continue
		}
		if sums[t.Name] == nil {
			sums[t.Name] = &NameTop{Name: t.Name}
		}
		sums[t.Name].add(t.Asked, t.Refused)
	}
	most := func(of func(NameTop) uint64) (out []NameTop) {
		for _, t := range sums {
			if of(*t) > 0 {
				out = append(out, *t)
			}
		}
		slices.SortFunc(out, func(a, b NameTop) int { return cmp.Or(cmp.Compare(of(b), of(a)), cmp.Compare(a.Name, b.Name)) })
		return out[:min(len(out), topsShown)]
	}
	n.Tops = most(func(t NameTop) uint64 { return t.Asked })
	n.Refused = most(func(t NameTop) uint64 { return t.Refused })
}

package dnsfilter

import (
	"net/netip"
	"time"

	"monban/dnsfilter/list"
)

// A Group is what holds for some devices.
type Group struct {
	Name      string     // for people
	Lists     list.Lists // of Policy.List, at all times
	Schedules []Schedule
	Safe      SafeSearch
	// Paused lets through what a list, Policy.Denied or safe search would
	// change, with the reason Paused. What keeps the house whole (tools, names
	// that lead inside, ways around the filter) goes on.
	Paused bool
}

// A Schedule adds lists at some hours.
type Schedule struct {
	Lists list.Lists
	Hours Hours
}

// lists are those in force at that time, by the clocks of z. It allocates
// nothing and remembers nothing: when a clock jumps, the next question is
// answered by the new time.
func (g *Group) lists(z *Zone, at time.Time) list.Lists {
	in := g.Lists
	if len(g.Schedules) > 0 {
		minute := z.Minute(at)
		for i := range g.Schedules {
			if s := &g.Schedules[i]; s.Hours.Hold(minute) {
				in |= s.Lists
			}
		}
	}
	return in
}

// schedule is the number, from 1, of the first schedule in force that has one
// of those lists; 0 if they hold at all times.
func (g *Group) schedule(z *Zone, at time.Time, those list.Lists) int {
	if len(g.Schedules) == 0 || g.Lists&those != 0 {
		return 0
	}
	minute := z.Minute(at)
	for i, s := range g.Schedules {
		if s.Lists&those != 0 && s.Hours.Hold(minute) {
			return i + 1
		}
	}
	return 0
}

// Next is when, after at, the lists of g change by its schedules; zero: never.
func (g *Group) Next(z *Zone, at time.Time) time.Time {
	now := g.lists(z, at)
	t := at.Truncate(time.Second)
	// Every hour of every schedule begins and ends within a week; a shift of
	// the clocks may hide one of them once.
	for end := at.Add(3 * 7 * 24 * time.Hour); t.Before(end); {
		if t = g.edge(z, t); t.IsZero() {
			break
		}
		if g.lists(z, t) != now {
			return t
		}
	}
	return time.Time{}
}

// edge is the first time after t at which the lists could change: where a
// schedule begins or ends, or where the clocks are shifted.
func (g *Group) edge(z *Zone, t time.Time) time.Time {
	into := floorMod(t.Unix()+z.offset(t), 60) // seconds of the minute
	minute, least := z.Minute(t), minutesOfWeek
	for _, s := range g.Schedules {
		for day := range 7 {
			for _, m := range [2]int{s.Hours.From, s.Hours.To} {
				if d := (day*minutesOfDay + m - minute + 2*minutesOfWeek) % minutesOfWeek; d > 0 {
					least = min(least, d)
				}
			}
		}
	}
	next := t.Add(time.Duration(least)*time.Minute - time.Duration(into)*time.Second)
	if z != nil && z.place != nil {
		if _, shift := t.In(z.place).ZoneBounds(); !shift.IsZero() && shift.Before(next) && shift.After(t) {
			return shift
		}
	}
	return next
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

// group is what holds for client; nil: all lists do, and nothing else.
func (p *Policy) group(client netip.Addr) *Group {
	switch {
	case len(p.Groups) == 0:
		return nil
	case len(p.Members) == 0:
		return &p.Groups[0]
	}
	return &p.Groups[p.Members[client.WithZone("")]]
}

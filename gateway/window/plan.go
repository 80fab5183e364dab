package window

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

// Ahead is how long before an appointment a plan makes its request.
const Ahead = 7 * 24 * time.Hour

// A Plan is a regular appointment (第2火曜 22:00). It makes a request ahead of
// each, for somebody to approve; by itself it never opens anything.
type Plan struct {
	ID        int64         `json:"id"`
	Kind      Kind          `json:"kind"`
	Vendor    string        `json:"vendor"`
	Device    int64         `json:"device"`
	Ports     []Port        `json:"ports"`
	Targets   []Target      `json:"targets,omitempty"`
	Tool      string        `json:"tool,omitempty"`
	Length    time.Duration `json:"length"`
	Reason    string        `json:"reason"`
	Requester string        `json:"requester"`
	Recorder  people.Actor  `json:"recorder"`
	Made      time.Time     `json:"made"`

	Week   int          `json:"week"` // 0: every week; 1…4: the nth of the month; -1: the last
	Day    time.Weekday `json:"day"`
	Hour   int          `json:"hour"` // by the clinic's clock
	Minute int          `json:"minute"`
}

// AskPlan returns p, which by makes, checked as Ask would check each of its
// requests; sources are the vendor's ranges as they are now. All faults come
// joined, those of the appointment on "week", "day" and "time".
func AskPlan(p Plan, sources []netip.Prefix, by people.Actor, at time.Time) (Plan, error) {
	if !by.May(people.ActAskWindow) {
		return p, forbidden(people.ActAskWindow)
	}
	w := p.Window(time.Time{})
	w.Sources, w.RequestedAt = sources, at
	faults := []error{w.check()}
	on := func(field, code string, wrong bool) {
		if wrong {
			faults = append(faults, text.NewFault(code).On(field))
		}
	}
	on("week", "window.plan_week", p.Week < -1 || p.Week > 4)
	on("day", "window.plan_day", p.Day < time.Sunday || p.Day > time.Saturday)
	on("time", "window.plan_time", p.Hour < 0 || p.Hour > 23 || p.Minute < 0 || p.Minute > 59)
	if err := errors.Join(faults...); err != nil {
		return p, err
	}
	p.Kind, p.Ports, p.Targets, p.Length = w.Kind, w.Ports, w.Targets, w.Length
	p.Reason, p.Requester, p.Recorder, p.Made = w.Reason, w.Requester, by, at
	return p, nil
}

// Window returns what to Ask for the appointment at. The vendor's ranges, as
// they are by then, are still to be filled in.
func (p Plan) Window(at time.Time) Window {
	return Window{Kind: p.Kind, Vendor: p.Vendor, Device: p.Device, Ports: slices.Clone(p.Ports),
		Targets: slices.Clone(p.Targets), Tool: p.Tool, Length: p.Length, Reason: p.Reason,
		Requester: p.Requester, NotBefore: at, Plan: p.ID}
}

// Next returns the first appointment after a time, in UTC. A local time that
// a change to summer time leaves out is moved as time.Date moves it.
func (p Plan) Next(after time.Time, zone *time.Location) time.Time {
	year, month, day := after.In(zone).Date()
	// From a little earlier on: where a change of the zone leaves a whole day
	// out, an appointment moves over midnight.
	if p.Week == 0 {
		day -= 2
		for day += ahead(weekday(year, month, day), p.Day); ; day += 7 {
			if at := p.on(year, month, day, zone); at.After(after) {
				return at
			}
		}
	}
	for month--; ; month++ {
		if at := p.on(year, month, p.dayOf(year, month), zone); at.After(after) {
			return at
		}
	}
}

// on is the appointment's time on a date, which may need normalising.
func (p Plan) on(year int, month time.Month, day int, zone *time.Location) time.Time {
	return time.Date(year, month, day, p.Hour, p.Minute, 0, 0, zone).UTC()
}

// dayOf returns the day of the month the plan means, for a Week other than 0.
func (p Plan) dayOf(year int, month time.Month) int {
	first := 1 + ahead(weekday(year, month, 1), p.Day)
	if p.Week > 0 {
		return first + 7*(p.Week-1)
	}
	last := first + 28
	if _, m, _ := time.Date(year, month, last, 0, 0, 0, 0, time.UTC).Date(); m != monthOf(year, month) {
		last -= 7
	}
	return last
}

// Clock is the appointment's time of day: 22:00.
func (p Plan) Clock() string { return fmt.Sprintf("%02d:%02d", p.Hour, p.Minute) }

// ahead is how many days it is from one day of the week to the next other.
func ahead(from, to time.Weekday) int { return int(to-from+7) % 7 }

func weekday(year int, month time.Month, day int) time.Weekday {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()
}

// monthOf brings a month counted on past December, or back before January,
// into the year.
func monthOf(year int, month time.Month) time.Month {
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Month()
}

package window_test

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"monban/gateway/window"
)

func plan() window.Plan {
	a := ask()
	return window.Plan{Vendor: a.Vendor, Device: a.Device, Ports: a.Ports, Length: a.Length, Reason: a.Reason, Requester: a.Requester,
		Week: 2, Day: time.Tuesday, Hour: 22}
}

func TestAskPlan(t *testing.T) {
	sources := ask().Sources
	for _, c := range []struct {
		name string
		bend func(*window.Plan)
		want []string
	}{
		{"fine", func(*window.Plan) {}, nil},
		{"every week", func(p *window.Plan) { p.Week = 0 }, nil},
		{"the last", func(p *window.Plan) { p.Week = -1 }, nil},
		{"the fifth", func(p *window.Plan) { p.Week = 5 }, []string{"week window.plan_week"}},
		{"the one before the last", func(p *window.Plan) { p.Week = -2 }, []string{"week window.plan_week"}},
		{"an eighth day", func(p *window.Plan) { p.Day = 7 }, []string{"day window.plan_day"}},
		{"a day before Sunday", func(p *window.Plan) { p.Day = -1 }, []string{"day window.plan_day"}},
		{"24:00", func(p *window.Plan) { p.Hour = 24 }, []string{"time window.plan_time"}},
		{"22:60", func(p *window.Plan) { p.Minute = 60 }, []string{"time window.plan_time"}},
		{"everything", func(p *window.Plan) { *p = window.Plan{Week: 9, Day: 9, Hour: -1, Minute: -1, Length: 9 * time.Hour} }, []string{
			"vendor window.no_vendor", "device window.no_device", "port window.no_ports", "for window.too_long", "reason window.no_reason",
			"requester window.no_requester", "week window.plan_week", "day window.plan_day", "time window.plan_time"}},
		{"a target outside", func(p *window.Plan) {
			p.Kind, p.Ports, p.Targets = window.Outbound, nil, []window.Target{target(t, "198.51.100.1:443")}
		}, []string{"target window.target_outside"}},
	} {
		p := plan()
		c.bend(&p)
		if _, err := window.AskPlan(p, sources, staff, now); !slices.Equal(codes(err), c.want) {
			t.Errorf("%s: %v, want %v", c.name, codes(err), c.want)
		}
	}
	if _, err := window.AskPlan(plan(), sources, inspector, now); !slices.Equal(codes(err), []string{" people.may_not"}) {
		t.Error("an inspector made a plan:", err)
	}
	given := plan()
	given.Length, given.Reason, given.Recorder = 0, " 月例\n点検 ", director
	p, err := window.AskPlan(given, sources, staff, now)
	if err != nil || p.Kind != window.Inbound || p.Length != window.Default || p.Reason != "月例 点検" || p.Recorder != staff ||
		!p.Made.Equal(now) || p.Ports[0].WAN != 3389 || given.Ports[0].WAN != 0 || p.Clock() != "22:00" {
		t.Errorf("%v, %+v", err, p)
	}
	// What a plan asks for is a request like any other.
	p.ID = 5
	at := p.Next(now, time.UTC)
	a := p.Window(at)
	a.Sources = sources
	w, err := window.Ask(a, p.Recorder, now)
	if err != nil || w.State != window.Requested || w.Plan != 5 || !w.NotBefore.Equal(at) || w.Recorder != staff {
		t.Errorf("%v, %+v", err, w)
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, zone  string
		week        int
		day         time.Weekday
		hour        int
		after, want string // in the zone
	}{
		{"第2火曜", "Asia/Tokyo", 2, time.Tuesday, 22, "2027-03-01 00:00", "2027-03-09 22:00"},
		{"just then", "Asia/Tokyo", 2, time.Tuesday, 22, "2027-03-09 22:00", "2027-04-13 22:00"},
		{"every week", "Asia/Tokyo", 0, time.Tuesday, 22, "2027-03-09 22:00", "2027-03-16 22:00"},
		{"later today", "Asia/Tokyo", 0, time.Tuesday, 22, "2027-03-09 21:59", "2027-03-09 22:00"},
		{"the last of a short February", "Asia/Tokyo", -1, time.Sunday, 9, "2027-02-01 00:00", "2027-02-28 09:00"},
		{"the last is the fifth", "Asia/Tokyo", -1, time.Monday, 9, "2027-03-01 12:00", "2027-03-29 09:00"},
		{"over the year", "Asia/Tokyo", 1, time.Friday, 9, "2027-12-04 00:00", "2028-01-07 09:00"},
		{"the night that summer begins", "Europe/Berlin", -1, time.Sunday, 2, "2027-03-27 00:00", "2027-03-28 03:00"},
		{"the night that it ends", "Europe/Berlin", -1, time.Sunday, 4, "2027-10-31 02:30", "2027-10-31 04:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		after, err := time.ParseInLocation("2006-01-02 15:04", c.after, zone)
		if err != nil {
			t.Fatal(err)
		}
		p := window.Plan{Week: c.week, Day: c.day, Hour: c.hour}
		if got := p.Next(after, zone).In(zone).Format("2006-01-02 15:04"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Next is what going through the calendar day by day finds, in zones with
// every kind of change: by an hour, by half of one, at midnight, over a day.
func TestNextAgainstCalendar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
			"America/Santiago", "Pacific/Apia", "UTC"}).Draw(t, "zone")
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		p := window.Plan{Week: rapid.IntRange(-1, 4).Draw(t, "week"), Day: time.Weekday(rapid.IntRange(0, 6).Draw(t, "day")),
			Hour: rapid.IntRange(0, 23).Draw(t, "hour"), Minute: rapid.IntRange(0, 59).Draw(t, "minute")}
		// 2009 to 2040; the Pacific's lost day was in 2011.
		after := time.Unix(rapid.Int64Range(1230768000, 2240524800).Draw(t, "after"), 0)
		got, want := p.Next(after, zone), slowNext(p, after, zone)
		if !got.Equal(want) || got.Location() != time.UTC || !got.After(after) {
			t.Fatalf("after %v: %v, the calendar says %v", after.In(zone), got.In(zone), want.In(zone))
		}
	})
}

// slowNext looks at every day of two months around and keeps the earliest
// appointment after the time.
func slowNext(p window.Plan, after time.Time, zone *time.Location) (next time.Time) {
	year, month, day := after.In(zone).Date()
	for i := -5; i < 70; i++ {
		noon := time.Date(year, month, day+i, 12, 0, 0, 0, time.UTC)
		nth, last := (noon.Day()-1)/7+1, noon.AddDate(0, 0, 7).Month() != noon.Month()
		if noon.Weekday() != p.Day || p.Week > 0 && nth != p.Week || p.Week < 0 && !last {
			continue
		}
		at := time.Date(noon.Year(), noon.Month(), noon.Day(), p.Hour, p.Minute, 0, 0, zone)
		if at.After(after) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

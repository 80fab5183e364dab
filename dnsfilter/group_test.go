package dnsfilter

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // as the product has it

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"monban/dnsfilter/list"
	"monban/dnsfilter/tools"
)

// places have shifts of an hour and of half an hour, none, and one in the
// middle of every Ramadan.
var places = []string{"UTC", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "Europe/London"}

func place(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func at(t testing.TB, place *time.Location, s string) time.Time {
	t.Helper()
	out, err := time.ParseInLocation("2006-01-02 15:04", s, place)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// slowLists asks the calendar.
func slowLists(g *Group, place *time.Location, at time.Time) list.Lists {
	in, l := g.Lists, at.In(place)
	m := l.Hour()*60 + l.Minute()
	today, yesterday := l.Weekday(), (l.Weekday()+6)%7
	for _, s := range g.Schedules {
		h := s.Hours
		switch {
		case h.From < h.To && h.Days.Has(today) && m >= h.From && m < h.To,
			h.From >= h.To && h.Days.Has(today) && m >= h.From,
			h.From >= h.To && h.Days.Has(yesterday) && m < h.To:
			in |= s.Lists
		}
	}
	return in
}

func anyGroup(r *rapid.T) *Group {
	g := &Group{Lists: list.Lists(rapid.Uint64().Draw(r, "lists"))}
	for range rapid.IntRange(0, 5).Draw(r, "schedules") {
		g.Schedules = append(g.Schedules, Schedule{Lists: 1 << rapid.IntRange(0, 63).Draw(r, "list"), Hours: Hours{
			Days: Days(rapid.IntRange(1, 127).Draw(r, "days")),
			From: rapid.IntRange(0, 1439).Draw(r, "from"), To: rapid.IntRange(1, 1440).Draw(r, "to")}})
	}
	return g
}

// anyTime is some time from 1975 on, often next to a shift of the clocks.
func anyTime(r *rapid.T, place *time.Location) time.Time {
	t := time.Unix(rapid.Int64Range(157766400, 4e9).Draw(r, "at"), 0)
	if _, shift := t.In(place).ZoneBounds(); !shift.IsZero() && rapid.Bool().Draw(r, "near") {
		t = shift.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(r, "off")) * time.Second)
	}
	return t
}

func TestListsAsTheCalendarHasThem(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		where := place(t, rapid.SampledFrom(places).Draw(r, "place"))
		z, g := NewZone(where), anyGroup(r)
		for range 20 {
			now := anyTime(r, where)
			if got, want := g.lists(z, now), slowLists(g, where, now); got != want {
				r.Fatalf("%v: %b, want %b", now.In(where), got, want)
			}
			if local := now.In(where); z.Minute(now) != int(local.Weekday())*1440+local.Hour()*60+local.Minute() {
				r.Fatalf("%v: minute %d", local, z.Minute(now))
			}
		}
	})
}

// Every listed shift is the calendar's, and none is missing.
func TestZonesThroughTheYears(t *testing.T) {
	for _, name := range places {
		where := place(t, name)
		z := NewZone(where)
		if len(z.shifts) > 250 {
			t.Fatalf("%s: %d shifts", name, len(z.shifts))
		}
		check := func(sec int64) {
			now := time.Unix(sec, 0).In(where)
			if _, want := now.Zone(); z.offset(now) != int64(want) {
				t.Fatalf("%v: %d", now, z.offset(now))
			}
		}
		for sec := int64(listedFrom) - 86400; sec < listedTo+86400; sec += 6*3600 + 1 {
			check(sec)
		}
		for _, s := range z.shifts {
			check(s.from - 1)
			check(s.from)
		}
	}
}

// Next is the first minute at which the calendar says something else.
func TestNextAsTheCalendarHasIt(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		where := place(t, rapid.SampledFrom(places).Draw(r, "place"))
		z, g := NewZone(where), anyGroup(r)
		now := anyTime(r, where)
		want := time.Time{}
		for m := now.Truncate(time.Minute).Add(time.Minute); m.Sub(now) < 20*24*time.Hour; m = m.Add(time.Minute) {
			if slowLists(g, where, m) != slowLists(g, where, now) {
				want = m
				break
			}
		}
		if got := g.Next(z, now); !got.Equal(want) {
			r.Fatalf("after %v: %v, want %v", now.In(where), got.In(where), want.In(where))
		}
	})
}

func TestSchedules(t *testing.T) {
	tokyo, york := place(t, "Asia/Tokyo"), place(t, "America/New_York")
	lunch := Hours{Days: EveryDay, From: 12 * 60, To: 13 * 60}
	night := Hours{Days: 1 << time.Friday, From: 22 * 60, To: 6 * 60}
	small := Hours{Days: EveryDay, From: 60 + 30, To: 2*60 + 30}
	allDay := Hours{Days: 1 << time.Sunday, From: 0, To: 24 * 60}
	for _, c := range []struct {
		place *time.Location
		h     Hours
		at    string
		want  bool
	}{
		{tokyo, lunch, "2026-11-20 11:59", false}, {tokyo, lunch, "2026-11-20 12:00", true},
		{tokyo, lunch, "2026-11-20 12:59", true}, {tokyo, lunch, "2026-11-20 13:00", false},
		{tokyo, night, "2026-11-20 22:00", true}, {tokyo, night, "2026-11-21 05:59", true}, // a Friday and the night after
		{tokyo, night, "2026-11-21 06:00", false}, {tokyo, night, "2026-11-20 05:00", false}, {tokyo, night, "2026-11-21 23:00", false},
		{tokyo, allDay, "2026-11-22 00:00", true}, {tokyo, allDay, "2026-11-22 23:59", true}, {tokyo, allDay, "2026-11-23 00:00", false},
		// 2026-03-08: 2:00 to 3:00 does not come. 2026-11-01: 1:00 to 2:00 comes twice.
		{york, small, "2026-03-08 01:45", true}, {york, small, "2026-03-08 03:00", false},
		{york, small, "2026-11-01 01:45", true}, {york, small, "2026-11-01 02:15", true},
	} {
		g := Group{Schedules: []Schedule{{1, c.h}}}
		if got := g.lists(NewZone(c.place), at(t, c.place, c.at)) == 1; got != c.want {
			t.Errorf("%s, %+v: %v", c.at, c.h, got)
		}
	}
	second := at(t, york, "2026-11-01 01:45").Add(time.Hour) // the clocks show 1:45 again
	if g := (Group{Schedules: []Schedule{{1, small}}}); g.lists(NewZone(york), second) != 1 || g.lists(NewZone(york), second.Add(-30*time.Minute)) != 0 {
		t.Error("the hour that comes twice")
	}
	if g := (Group{Lists: 1}); !g.Next(nil, second).IsZero() || g.lists(nil, second) != 1 || (*Zone)(nil).Minute(time.Unix(-1, 0)) != 3*1440+1439 {
		t.Error("without schedules, without a zone")
	}
}

// twoLists has ads.example on the first list and play.example on the second.
func twoLists(t testing.TB) *list.List {
	t.Helper()
	b := list.NewBuilder(list.NewKey())
	for _, s := range []struct{ name, hosts string }{{"ads", "0.0.0.0 ads.example\n0.0.0.0 both.example\n"}, {"play", "0.0.0.0 play.example\n0.0.0.0 both.example\n"}} {
		if _, err := b.Add(list.Source{Name: s.name, Text: strings.NewReader(s.hosts)}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Build()
}

func grouped(t testing.TB) *Policy {
	t.Helper()
	l := twoLists(t)
	denied, err := NewNames("denied.example")
	if err != nil {
		t.Fatal(err)
	}
	kit, err := tools.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &Policy{
		List: l, Denied: denied, Zone: NewZone(place(t, "Asia/Tokyo")), Tools: kit, ToolsEnforced: true,
		Groups: []Group{
			{Name: "default", Lists: l.Choose("ads")},
			{Name: "desks", Lists: l.Choose("ads"), Safe: SafeStrict, Schedules: []Schedule{{l.Choose("play"), Hours{Days: EveryDay &^ 1, From: 9 * 60, To: 18 * 60}}}},
			{Name: "free"},
			{Name: "desks", Lists: l.Choose("ads"), Safe: SafeStrict, Paused: true},
		},
		Members: map[netip.Addr]uint8{
			netip.MustParseAddr("192.168.10.21"): 1, netip.MustParseAddr("fd00::21"): 1, netip.MustParseAddr("fe80::21"): 1,
			netip.MustParseAddr("192.168.10.22"): 2, netip.MustParseAddr("192.168.10.23"): 3,
		},
	}
}

func TestGroups(t *testing.T) {
	p, tokyo := grouped(t), place(t, "Asia/Tokyo")
	open, closed := at(t, tokyo, "2026-11-20 10:00"), at(t, tokyo, "2026-11-20 18:00")
	for _, c := range []struct {
		client, name string
		at           time.Time
		want         string
	}{
		{"192.168.10.99", "ads.example", open, "refuse listed ads default 0"},
		{"192.168.10.99", "play.example", open, "forward unlisted   0"},
		{"fe80::99%eth0", "both.example", open, "refuse listed ads default 0"},
		{"192.168.10.21", "play.example", open, "refuse listed play desks 1"},
		{"fd00::21", "play.example", open, "refuse listed play desks 1"},
		{"fe80::21%eth0", "play.example", open, "refuse listed play desks 1"},
		{"192.168.10.21", "play.example", closed, "forward unlisted   0"},
		{"192.168.10.21", "both.example", open, "refuse listed ads desks 0"},
		{"192.168.10.21", "denied.example", closed, "refuse denied   0"},
		{"192.168.10.22", "ads.example", open, "forward unlisted   0"},
		{"192.168.10.22", "denied.example", open, "refuse denied   0"},
		{"192.168.10.23", "ads.example", open, "forward paused ads desks 0"},
		{"192.168.10.23", "x.denied.example", open, "forward paused  desks 0"},
		{"192.168.10.23", "www.example", open, "forward unlisted   0"},
		{"192.168.10.23", "www.google.co.jp", open, "forward paused  desks 0"},
		// No group and no pause has a say in what keeps the house whole.
		{"192.168.10.23", "teamviewer.com", open, "refuse tool   0"},
		{"192.168.10.22", "teamviewer.com", open, "refuse tool   0"},
		{"192.168.10.23", "use-application-dns.net", open, "noname canary   0"},
		{"192.168.10.23", "printer.local", open, "noname home   0"},
	} {
		d := p.Decide(Ask{Client: netip.MustParseAddr(c.client), Name: c.name, Type: typeA, At: c.at})
		action := map[Action]string{Forward: "forward", Refuse: "refuse", NoName: "noname", Rename: "rename"}[d.Action]
		if got := fmt.Sprint(action, " ", strings.TrimPrefix(d.Reason, "dns.reason."), " ", d.List, " ", d.Group, " ", d.Schedule); got != c.want {
			t.Errorf("%s asks for %s: %s, want %s", c.client, c.name, got, c.want)
		}
	}
	paused := netip.MustParseAddr("192.168.10.23")
	if d := p.Judge(Ask{Client: paused, Name: "www.example", Type: typeA, At: open}, nil, []netip.Addr{netip.MustParseAddr("192.168.10.1")}); d.Reason != Rebinding {
		t.Errorf("a pause lets names lead inside: %+v", d)
	}
	if d := p.Judge(Ask{Client: paused, Name: "www.example", Type: typeA, At: open}, []string{"ads.example"}, nil); d.Action != Forward {
		t.Errorf("a pause does not hold for aliases: %+v", d)
	}
	if d := p.Judge(Ask{Client: netip.MustParseAddr("fd00::21"), Name: "www.example", Type: typeA, At: open}, []string{"play.example"}, nil); d.Reason != Listed || d.Schedule != 1 || d.Via != "play.example" {
		t.Errorf("an alias in the hours of a schedule: %+v", d)
	}
}

func TestDecideWithGroupsDoesNotAllocate(t *testing.T) {
	p := grouped(t)
	q := Ask{Client: netip.MustParseAddr("192.168.10.21"), Type: typeA, At: at(t, place(t, "Asia/Tokyo"), "2026-11-20 10:00")}
	for _, name := range []string{"play.example", "www.fine.example", "www.google.co.jp", "www.youtube.com"} {
		q.Name = name
		if n := testing.AllocsPerRun(100, func() { p.Decide(q) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// What eight groups with four schedules each cost a question, beside none.
func BenchmarkDecideWithGroups(b *testing.B) {
	for _, c := range []struct {
		name, place string
		groups      int
	}{{"groups=0", "UTC", 0}, {"groups=8,zone=Tokyo", "Asia/Tokyo", 8}, {"groups=8,zone=NewYork", "America/New_York", 8}} {
		p := grouped(b)
		p.Zone = NewZone(place(b, c.place))
		p.Groups, p.Members = nil, map[netip.Addr]uint8{}
		l := p.List
		for i := range c.groups {
			g := Group{Name: "g", Lists: l.Choose("ads"), Safe: SafeStrict}
			for k := range 4 {
				g.Schedules = append(g.Schedules, Schedule{l.Choose("play"), Hours{Days: EveryDay, From: 60 * (8 + k), To: 60 * (9 + k)}})
			}
			p.Groups = append(p.Groups, g)
			for k := range 32 {
				p.Members[netip.AddrFrom4([4]byte{192, 168, byte(i), byte(k)})] = uint8(i)
			}
		}
		q := Ask{Client: netip.MustParseAddr("192.168.7.7"), Name: "www.some-site.example", Type: typeA, At: at(b, time.UTC, "2026-11-20 10:00")}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				p.Decide(q)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") // others' work does not count
		})
	}
}

// cpuTime is what this process has used of the processors.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

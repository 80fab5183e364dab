package config

import (
	"net"
	"slices"
	"time"
)

// DefaultGroup is the name of the group of all devices that are in no other.
const DefaultGroup = "default"

// Bounds of groups: more are a mistake, and all of them are looked at when a
// policy is made.
const (
	maxGroups    = 32
	maxSchedules = 16 // of one group
)

// A Group is what holds for the names that some devices ask for.
type Group struct {
	Name string // ascii id
	// Label is what people call it: Name if not given, but for DefaultGroup,
	// which is then without.
	Label     string
	Devices   []string // names of Config.Devices, each in one group; empty only for DefaultGroup
	Lists     []string // names of DNS.Lists, that hold at all times
	Safe      SafeSearch
	Schedules []Schedule
}

// A Schedule adds lists at some hours, by the clocks of Config.Timezone.
type Schedule struct {
	Lists []string // names of DNS.Lists that the group does not have anyway; at least one
	Days  []time.Weekday
	// From and To are minutes of the day, never equal. Unless To is greater it
	// is of the day after. From is below 1440, To at most that.
	From, To int
}

// SafeSearch is how a group reaches search engines.
type SafeSearch string

// The ways: as everybody, or by the entrances made for schools; moderate
// means YouTube's more permissive one.
const (
	SafeOff      SafeSearch = "off"
	SafeModerate SafeSearch = "moderate"
	SafeStrict   SafeSearch = "strict"
)

// AllGroups are the groups with the default one first, whether it is written
// or not, the others as they are written.
func (d DNS) AllGroups() []Group {
	i := slices.IndexFunc(d.Groups, func(g Group) bool { return g.Name == DefaultGroup })
	if i < 0 {
		return append([]Group{{Name: DefaultGroup, Lists: d.listNames(), Safe: SafeOff}}, d.Groups...)
	}
	return slices.Concat(d.Groups[i:i+1], d.Groups[:i], d.Groups[i+1:])
}

func (d DNS) listNames() []string {
	var names []string
	for _, l := range d.Lists {
		names = append(names, l.Name)
	}
	return names
}

// groups checks what is written about groups; c is all else of the file.
func (f *faults) groups(written []fileGroup, c Config) []Group {
	if len(written) > maxGroups {
		f.add(index("dns.group", maxGroups), "config.group_count", "max", maxGroups)
		return nil
	}
	var groups []Group
	names, members := f.unique(), map[string]string{}
	for i, w := range written {
		at := index("dns.group", i)
		g := Group{
			Name:    f.id(join(at, "name"), w.Name),
			Label:   f.text(join(at, "label"), w.Label, optional),
			Devices: f.members(join(at, "devices"), w, members, c),
			Lists:   c.DNS.listNames(),
			Safe:    f.safeSearch(join(at, "safe_search"), w.Safe),
		}
		names.add(join(at, "name"), g.Name)
		if g.Label == "" && g.Name != DefaultGroup {
			g.Label = g.Name
		}
		if w.Lists != nil {
			g.Lists = f.listed(join(at, "lists"), w.Lists, c)
		}
		g.Schedules = f.schedules(join(at, "schedule"), w.Schedules, g, c)
		groups = append(groups, g)
	}
	return groups
}

// members checks the devices of a group; in is where those of the groups
// before stand.
func (f *faults) members(path string, w fileGroup, in map[string]string, c Config) []string {
	switch {
	case w.Name == DefaultGroup && len(w.Devices) > 0:
		f.add(path, "config.group_default")
		return nil
	case w.Name != DefaultGroup && len(w.Devices) == 0:
		f.add(path, "config.group_empty")
		return nil
	}
	exempt := c.ExemptMACs()
	for i, s := range w.Devices {
		at := index(path, i)
		d, ok := c.Device(s)
		switch {
		case !ok || s == "":
			f.add(at, "config.unknown_device", "value", show(s))
		case in[s] != "":
			f.add(at, "config.group_twice", "value", s, "first", in[s])
		case slices.ContainsFunc(exempt, func(mac net.HardwareAddr) bool { return slices.Equal(mac, d.MAC) }):
			f.add(at, "config.group_exempt", "value", s)
		}
		in[s] = at
	}
	return w.Devices
}

// listed checks names of lists.
func (f *faults) listed(path string, written []string, c Config) []string {
	seen := f.unique()
	for i, s := range written {
		at := index(path, i)
		if !slices.Contains(c.DNS.listNames(), s) || s == "" {
			f.add(at, "config.unknown_list", "value", show(s))
		}
		seen.add(at, s)
	}
	return written
}

func (f *faults) safeSearch(path, s string) SafeSearch {
	switch way := SafeSearch(s); way {
	case "":
		return SafeOff
	case SafeOff, SafeModerate, SafeStrict:
		return way
	}
	f.add(path, "config.safe_search", "value", show(s))
	return SafeOff
}

func (f *faults) schedules(path string, written []fileSchedule, g Group, c Config) []Schedule {
	if len(written) > maxSchedules {
		f.add(index(path, maxSchedules), "config.schedule_count", "max", maxSchedules)
		return nil
	}
	var out []Schedule
	for i, w := range written {
		at := index(path, i)
		s := Schedule{Lists: f.listed(join(at, "lists"), w.Lists, c), Days: f.days(join(at, "days"), w.Days),
			From: f.clock(join(at, "from"), w.From), To: f.clock(join(at, "to"), w.To)}
		if len(w.Lists) == 0 {
			f.add(join(at, "lists"), "config.missing")
		}
		for k, l := range w.Lists { // without effect, and nobody would notice
			if slices.Contains(g.Lists, l) {
				f.add(index(join(at, "lists"), k), "config.schedule_idle", "value", l)
			}
		}
		if s.From == 24*60 {
			f.add(join(at, "from"), "config.clock", "value", w.From)
		} else if s.From == s.To {
			f.add(join(at, "to"), "config.schedule_empty")
		}
		out = append(out, s)
	}
	return out
}

// clock reads a time of day, in minutes.
func (f *faults) clock(path, s string) int {
	if s == "" {
		f.add(path, "config.missing")
		return 0
	}
	if s == "24:00" {
		return 24 * 60
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		f.add(path, "config.clock", "value", show(s))
		return 0
	}
	return t.Hour()*60 + t.Minute()
}

// weekdays are the days as they are written, in the order of time.Weekday.
var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// days reads days of the week; none written are all.
func (f *faults) days(path string, written []string) []time.Weekday {
	var out []time.Weekday
	seen := f.unique()
	for i, s := range written {
		at := index(path, i)
		day := slices.Index(weekdays[:], s)
		if day < 0 {
			f.add(at, "config.schedule_day", "value", show(s))
			continue
		}
		seen.add(at, s)
		out = append(out, time.Weekday(day))
	}
	if len(written) == 0 {
		for day := range weekdays {
			out = append(out, time.Weekday(day))
		}
	}
	return out
}

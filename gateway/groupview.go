package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"monban/dnsfilter"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/text"
)

// NameGroups are the groups of devices, the one for all others last, and what
// holds for the names they ask for at this time.
type NameGroups struct {
	Groups []NameGroup `json:"groups"`
	// Exempt are the devices whose names are left alone by site.toml.
	Exempt []NameMember  `json:"exempt,omitempty"`
	At     time.Time     `json:"at"`
	Synced bool          `json:"synced"`           // the clock is right, and with it the schedules
	Paused time.Duration `json:"paused,omitempty"` // what remains of a pause for all
}

// NameGroup is one of them.
type NameGroup struct {
	Name    string        `json:"name"`  // "default": of all devices in no other
	Label   string        `json:"label"` // empty only for "default"
	Devices []NameMember  `json:"devices"`
	Lists   []string      `json:"lists"` // at all times
	Hours   []NameHours   `json:"hours"`
	Next    time.Time     `json:"next,omitzero"`    // when Hours change next what holds
	Safe    string        `json:"safe"`             // "off", "moderate", "strict"
	Paused  time.Duration `json:"paused,omitempty"` // of the group itself
}

// NameHours is when further lists hold.
type NameHours struct {
	Lists []string       `json:"lists"`
	Days  []time.Weekday `json:"days"`
	From  string         `json:"from"` // "09:00"
	To    string         `json:"to"`   // "18:00"; unless later than From, of the day after
	Now   bool           `json:"now"`
}

// NameMember is a device of a group.
type NameMember struct {
	Device     string        `json:"device"` // hardware address
	DeviceName string        `json:"device_name"`
	Known      bool          `json:"known"` // it was seen with an address: without one the box cannot tell who asks
	Paused     time.Duration `json:"paused,omitempty"`
}

// NameGroups says what holds for which device right now.
func (g *Gateway) NameGroups(ctx context.Context, who people.Actor) (NameGroups, error) {
	if err := may(who, people.ActExplain); err != nil {
		return NameGroups{}, err
	}
	c, now := g.current().config, g.o.Clock.Wall()
	g.mu.Lock()
	known := g.inventory.All(now)
	g.mu.Unlock()
	out := NameGroups{At: now.UTC(), Synced: g.o.Clock.Synced(), Paused: g.pauseLeft()}
	all := c.DNS.AllGroups()
	for _, group := range append(all[1:len(all):len(all)], all[0]) {
		out.Groups = append(out.Groups, g.groupView(group, c, now))
	}
	held := holdingsOf(known)
	exempt := c.ExemptMACs()
	for _, d := range members(c, known) {
		m := NameMember{Device: d.String(), DeviceName: g.nameOfKey(d.String()), Known: len(held[d]) > 0}
		m.Paused = g.longestPause(func(p namePause) bool { return p.MAC == m.Device })
		if slices.ContainsFunc(exempt, func(mac net.HardwareAddr) bool { return slices.Equal(mac, d[:]) }) {
			out.Exempt = append(out.Exempt, m)
			continue
		}
		of := groupOfDevice(c, d).Name
		i := slices.IndexFunc(out.Groups, func(x NameGroup) bool { return x.Name == of })
		out.Groups[i].Devices = append(out.Groups[i].Devices, m)
	}
	return out, nil
}

// members are the devices of site.toml in its order, and the other known ones.
func members(c config.Config, known []device.Device) (all []device.MAC) {
	for _, d := range c.Devices {
		if mac, ok := device.MACFrom(d.MAC); ok {
			all = append(all, mac)
		}
	}
	for _, d := range known {
		if !slices.Contains(all, d.MAC) {
			all = append(all, d.MAC)
		}
	}
	return all
}

func (g *Gateway) groupView(group config.Group, c config.Config, now time.Time) NameGroup {
	v := NameGroup{Name: group.Name, Label: group.Label, Lists: group.Lists, Safe: cmp.Or(string(group.Safe), string(config.SafeOff)),
		Paused: g.longestPause(func(p namePause) bool { return p.Group == group.Name })}
	zone := dnsfilter.NewZone(c.Timezone)
	turns := dnsfilter.Group{}
	for i, s := range group.Schedules {
		h := viewHours(s)
		h.Now = hoursOf(s).Hold(zone.Minute(now))
		v.Hours = append(v.Hours, h)
		// Each schedule counts for itself here: the page shows which hold.
		turns.Schedules = append(turns.Schedules, dnsfilter.Schedule{Lists: 1 << i, Hours: hoursOf(s)})
	}
	if next := turns.Next(zone, now); !next.IsZero() {
		v.Next = next.UTC()
	}
	return v
}

func viewHours(s config.Schedule) NameHours {
	return NameHours{Lists: s.Lists, Days: s.Days, From: timeOfDay(s.From), To: timeOfDay(s.To)}
}

func timeOfDay(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// explainGroup adds to x what people call the group that decided, and its
// schedule.
func (g *Gateway) explainGroup(x *Explanation) {
	group, ok := g.groupNamed(x.Group)
	if x.Group == "" || !ok {
		return
	}
	x.GroupLabel = group.Label
	if i := x.Schedule - 1; i >= 0 && i < len(group.Schedules) {
		h := viewHours(group.Schedules[i])
		h.Now = true
		x.Hours = &h
	}
}

// askingAddr is an address by which a device asks now.
func (g *Gateway) askingAddr(key string) (netip.Addr, bool) {
	all := g.addrsOf(key)
	if i := slices.IndexFunc(all, func(a netip.Addr) bool { return !a.IsLinkLocalUnicast() }); i >= 0 {
		return all[i], true
	}
	if len(all) == 0 {
		return netip.Addr{}, false
	}
	return all[0], true
}

// GroupTitle is what people call a group, in their language; empty for none.
func GroupTitle(lang text.Lang, name, label string) string {
	if label == "" && name == config.DefaultGroup {
		return lang.Say("page.groups.default", nil)
	}
	return cmp.Or(label, name)
}

// In says h in words; nil is empty.
func (h *NameHours) In(lang text.Lang) string {
	if h == nil {
		return ""
	}
	var days []string
	for _, day := range h.Days {
		days = append(days, lang.Say("page.weekday."+strings.ToLower(day.String()[:3]), nil))
	}
	said := strings.Join(days, lang.Say("page.comma", nil))
	if len(h.Days) == 7 {
		said = lang.Say("page.groups.every_day", nil)
	}
	code := "page.groups.hours"
	if h.To <= h.From {
		code = "page.groups.hours_night"
	}
	return lang.Say(code, text.Args{"days": said, "from": h.From, "to": h.To})
}

package gateway

import (
	"net/netip"
	"slices"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/list"
	"monban/gateway/config"
	"monban/gateway/device"
)

// addGroups gives p the groups of c, and says by which addresses their devices
// ask now.
func addGroups(p *dnsfilter.Policy, c config.Config, known []device.Device) {
	p.Zone = dnsfilter.NewZone(c.Timezone)
	p.Members, p.Devices = map[netip.Addr]uint8{}, map[netip.Addr]string{}
	groupOf := map[string]uint8{}
	for i, g := range c.DNS.AllGroups() { // few enough for a byte, see config
		p.Groups = append(p.Groups, policyGroup(g, c, p.List))
		for _, name := range g.Devices {
			groupOf[name] = uint8(i)
		}
	}
	for a, mac := range holders(known) {
		i := slices.IndexFunc(c.Devices, func(d config.Device) bool { return slices.Equal(d.MAC, mac[:]) })
		if i < 0 {
			continue
		}
		name := c.Devices[i].Name
		p.Devices[a] = name
		if at := groupOf[name]; at > 0 {
			p.Members[a] = at
		}
	}
}

// policyGroup is g as the filter goes by it. A list that site.toml does not
// name (one built in, one that is still compiled from before) is no group's to
// leave out.
func policyGroup(g config.Group, c config.Config, l *list.List) dnsfilter.Group {
	var out []string
	for _, one := range c.DNS.Lists {
		if !slices.Contains(g.Lists, one.Name) {
			out = append(out, one.Name)
		}
	}
	p := dnsfilter.Group{Name: g.Name, Lists: list.All &^ l.Choose(out...)}
	switch g.Safe {
	case config.SafeModerate:
		p.Safe = dnsfilter.SafeModerate
	case config.SafeStrict:
		p.Safe = dnsfilter.SafeStrict
	}
	for _, s := range g.Schedules {
		p.Schedules = append(p.Schedules, dnsfilter.Schedule{Lists: l.Choose(s.Lists...), Hours: hoursOf(s)})
	}
	return p
}

func hoursOf(s config.Schedule) dnsfilter.Hours {
	h := dnsfilter.Hours{From: s.From, To: s.To}
	for _, day := range s.Days {
		h.Days |= 1 << day
	}
	return h
}

// holders says which device used each address last. Link-local addresses are
// among them: devices ask us by those, too.
func holders(known []device.Device) map[netip.Addr]device.MAC {
	out := map[netip.Addr]device.MAC{}
	seen := map[netip.Addr]time.Time{}
	for _, d := range known {
		for _, a := range d.Addrs {
			if last, ok := seen[a.Addr]; !ok || a.Seen.After(last) {
				out[a.Addr], seen[a.Addr] = d.MAC, a.Seen
			}
		}
	}
	return out
}

// groupOfDevice is the group of the device with that hardware address.
func groupOfDevice(c config.Config, mac device.MAC) config.Group {
	all := c.DNS.AllGroups()
	for _, g := range all[1:] {
		for _, name := range g.Devices {
			if d, ok := c.Device(name); ok && slices.Equal(d.MAC, mac[:]) {
				return g
			}
		}
	}
	return all[0]
}

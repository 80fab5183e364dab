package gateway

import (
	"net/netip"
	"slices"

	"monban/dnsfilter"
	"monban/dnsfilter/list"
	"monban/gateway/config"
	"monban/gateway/device"
)

// addGroups gives p the groups of c, and says by which addresses their devices
// ask now.
func addGroups(p *dnsfilter.Policy, c config.Config, now holdings) {
	p.Zone = dnsfilter.NewZone(c.Timezone)
	p.Members, p.Devices = map[netip.Addr]uint8{}, map[netip.Addr]string{}
	groupOf := map[string]uint8{}
	for i, g := range c.DNS.AllGroups() { // few enough for a byte, see config
		p.Groups = append(p.Groups, policyGroup(g, c, p.List))
		for _, name := range g.Devices {
			groupOf[name] = uint8(i)
		}
	}
	for _, d := range c.Devices {
		for _, a := range now.of(d) {
			p.Devices[a] = d.Name
			if at := groupOf[d.Name]; at > 0 {
				p.Members[a] = at
			}
		}
	}
}

// policyGroup is g as the filter goes by it. A list that site.toml does not
// name (it is still compiled from before) is no group's to leave out.
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

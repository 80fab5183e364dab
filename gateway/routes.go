package gateway

import (
	"net/netip"
	"slices"

	"monban/dnsfilter/upstream"
	"monban/gateway/config"
	"monban/gateway/device"
)

// routes says whom the name filter asks for what, and which addresses the
// devices have that ask elsewhere.
func routes(c config.Config, known []device.Device) (upstream.Routes, map[string][]netip.Addr) {
	addrs := map[string][]netip.Addr{}
	for _, z := range c.DNS.Zones {
		for _, name := range z.Devices {
			d, ok := c.Device(name)
			i := slices.IndexFunc(known, func(k device.Device) bool { return slices.Equal(k.MAC[:], d.MAC) })
			if !ok || i < 0 || addrs[name] != nil {
				continue
			}
			for _, a := range known[i].Addrs { // link-local ones ask us, too
				if holds(known, i, a) {
					addrs[name] = append(addrs[name], a.Addr)
				}
			}
		}
	}
	return upstream.Routes{Servers: c.DNS.Upstreams, Zones: c.DNS.Zones}, addrs
}

// holds says whether the i-th of known is the one that used a last. An address
// that went on to another device (a lease that ended, say) is remembered of
// both, and must not take the closed network's answers along.
func holds(known []device.Device, i int, a device.Address) bool {
	return !slices.ContainsFunc(known, func(d device.Device) bool {
		return d.MAC != known[i].MAC && slices.ContainsFunc(d.Addrs, func(b device.Address) bool {
			return b.Addr == a.Addr && b.Seen.After(a.Seen)
		})
	})
}

// zoneNames are the names that other resolvers are asked for. They are of
// closed networks, so their answers may be private addresses.
func zoneNames(c config.Config) []string {
	var names []string
	for _, z := range c.DNS.Zones {
		names = append(names, z.Name)
	}
	return names
}

package gateway

import (
	"net/netip"

	"monban/dnsfilter/upstream"
	"monban/gateway/config"
)

// routes says whom the name filter asks for what, and which addresses the
// devices have that ask elsewhere.
func routes(c config.Config, now holdings) (upstream.Routes, map[string][]netip.Addr) {
	addrs := map[string][]netip.Addr{}
	for _, z := range c.DNS.Zones {
		for _, name := range z.Devices {
			if d, ok := c.Device(name); ok && len(now.of(d)) > 0 {
				addrs[name] = now.of(d)
			}
		}
	}
	return upstream.Routes{Servers: c.DNS.Upstreams, Zones: c.DNS.Zones}, addrs
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

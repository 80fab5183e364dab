package gateway

import (
	"fmt"
	"net/netip"
	"slices"

	"monban/dnsfilter"
	"monban/dnsfilter/bypass"
	"monban/dnsfilter/list"
	"monban/firewall"
	"monban/gateway/config"
)

// planAround says what becomes of DNS that goes past us. What the site needs, or
// the clinic has allowed to all its devices, is no way around; nor is an address
// that is one of the LAN.
func planAround(p *firewall.Policy, c config.Config, around *bypass.Set, allowed []string) {
	p.ObserveDNS = c.DNS.Around == config.Observe
	p.Resolvers = slices.DeleteFunc(around.Addrs(slices.Concat(c.DNS.MustWork, c.DNS.Allow, allowed)...), func(r netip.Prefix) bool {
		return slices.ContainsFunc(p.LANPrefixes, r.Overlaps)
	})
}

// namesForAll are the names the clinic has allowed to all devices.
func (g *Gateway) namesForAll() (names []string) {
	g.mu.Lock()
	allows := slices.Clone(g.chosen.allows)
	g.mu.Unlock()
	for _, a := range allows {
		if a.MAC == "" && !a.At.IsZero() && g.allowLeft(a) > 0 {
			names = append(names, a.Name)
		}
	}
	return names
}

// nameAround adds to a policy the names of ways around us, unless they are only
// observed.
func (g *Gateway) nameAround(p *dnsfilter.Policy) {
	if g.current().config.DNS.Around != config.Observe {
		p.Around = g.around
	}
}

// aroundList is the list of the names of these ways around us.
func aroundList(key list.Key, around *bypass.Set) (*list.List, error) {
	b := list.NewBuilder(key)
	for _, k := range bypass.Kinds() {
		if _, err := b.AddHosts(list.Source{Name: string(k), Text: around.Hosts(k)}); err != nil {
			return nil, fmt.Errorf("reading the ways around: %w", err)
		}
	}
	return b.Build(), nil
}

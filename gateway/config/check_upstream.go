package config

import (
	"errors"
	"net/netip"
	"slices"

	"monban/dnsfilter/upstream"
)

// upstreams checks the resolvers of one key. The result lacks the faulty ones.
func (f *faults) upstreams(path string, written []string, c Config) []upstream.Server {
	switch {
	case len(written) == 0:
		f.add(path, "config.missing")
	case len(written) > upstream.MaxServers:
		f.add(path, "config.upstream_many", "max", upstream.MaxServers)
	}
	var all []upstream.Server
	seen := f.unique()
	for i, s := range written {
		at := index(path, i)
		v, err := upstream.Parse(s)
		a := v.Addr.Addr()
		switch {
		// Our own addresses come first: loopback is one of them.
		case a.IsLoopback() || ours(c, a):
			f.add(at, "config.upstream_own", "value", show(s))
		case errors.Is(err, upstream.ErrForm):
			f.add(at, "config.upstream_form", "value", show(s))
		case errors.Is(err, upstream.ErrName):
			f.add(at, "config.upstream_name", "value", show(s))
		case errors.Is(err, upstream.ErrPath):
			f.add(at, "config.upstream_path", "value", show(s))
		case errors.Is(err, upstream.ErrPin):
			f.add(at, "config.upstream_pin", "value", show(s), "max", upstream.MaxPins)
		case err != nil || special(host(a)):
			f.add(at, "config.upstream", "value", show(s))
		default:
			seen.add(at, v.String())
			all = append(all, v)
		}
	}
	return all
}

// ours says whether a is an address of the box itself.
func ours(c Config, a netip.Addr) bool {
	return slices.ContainsFunc(slices.Concat(c.LAN.Addresses, c.WAN.Addresses, c.WireGuard.Addresses),
		func(p netip.Prefix) bool { return p.IsValid() && p.Addr() == a })
}

// zones checks the names with resolvers of their own. One name may stand
// several times, but only once for a device and once for all others.
func (f *faults) zones(written []fileZone, c Config) []upstream.Zone {
	if len(written) > upstream.MaxZones {
		f.add("dns.zone", "config.upstream_many", "max", upstream.MaxZones)
	}
	type place struct{ name, device string }
	places := map[place]string{}
	var zones []upstream.Zone
	for i, w := range written {
		at := index("dns.zone", i)
		z := upstream.Zone{Devices: w.Devices}
		if w.Name == "" {
			f.add(join(at, "name"), "config.missing")
		} else {
			z.Name = f.host(join(at, "name"), w.Name)
		}
		z.Servers = f.upstreams(join(at, "upstreams"), w.Upstreams, c)
		claim := func(path, device string) {
			p := place{z.Name, device}
			if first, ok := places[p]; ok && z.Name != "" {
				f.add(path, "config.zone_place", "value", z.Name, "first", first)
				return
			}
			places[p] = path
		}
		if len(w.Devices) == 0 {
			claim(join(at, "name"), "")
		}
		for j, d := range w.Devices {
			path := index(join(at, "devices"), j)
			if _, ok := c.Device(d); !ok || d == "" {
				f.add(path, "config.unknown_device", "value", show(d))
				continue
			}
			claim(path, d)
		}
		zones = append(zones, z)
	}
	return zones
}

package config

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
)

// never are ranges that are no host's address on a network: this host,
// loopback, link-local, multicast and reserved ones (RFC 6890).
var never = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("::/8"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
}

func special(p netip.Prefix) bool { return slices.ContainsFunc(never, p.Overlaps) }

func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// addresses checks our own addresses with their prefix lengths. The result
// has an invalid Prefix where one was faulty, so that indexes stay.
func (f *faults) addresses(path string, written []string) []netip.Prefix {
	all, seen := make([]netip.Prefix, len(written)), f.unique()
	for i, s := range written {
		at := index(path, i)
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil || p.Addr().Is4In6():
			f.add(at, "config.address", "value", show(s))
		case special(host(p.Addr())):
			f.add(at, "config.address_special", "value", s)
		case tooWide(p):
			f.add(at, "config.address_wide", "value", s)
		case !isHost(p):
			f.add(at, "config.address_net", "value", s, "net", p.Masked())
		default:
			seen.add(at, p.Addr().String())
			all[i] = p
		}
	}
	return all
}

// tooWide says that no clinic's network is as wide as p; a slip of the pen.
func tooWide(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return p.Bits() < 8
	}
	return p.Bits() < 32
}

// isHost says whether p's address can be one host's within p: not the
// network's own (for IPv6 the subnet-router anycast address, RFC 4291 2.6.1)
// nor IPv4's broadcast.
func isHost(p netip.Prefix) bool {
	a, bits := p.Addr(), p.Addr().BitLen()
	if bits-p.Bits() < 2 { // point to point (RFC 3021, RFC 6164) or one host
		return true
	}
	if a == p.Masked().Addr() {
		return false
	}
	return a.Is6() || !a.Next().IsValid() || p.Contains(a.Next())
}

func (f *faults) wan(w fileWAN) WAN {
	p := WAN{Interface: f.iface("wan.interface", w.Interface), Addresses: f.addresses("wan.addresses", w.Addresses)}
	p.MAC = f.portMAC("wan.mac", w.MAC, p.Interface)
	p.Gateways = f.gateways(w.Gateways, p.Addresses)
	return p
}

// lan checks the LAN's port; at least one address must be there.
func (f *faults) lan(w fileLAN) LAN {
	if len(w.Addresses) == 0 {
		f.add("lan.addresses", "config.missing")
	}
	p := LAN{Interface: f.iface("lan.interface", w.Interface), Addresses: f.addresses("lan.addresses", w.Addresses)}
	p.MAC = f.portMAC("lan.mac", w.MAC, p.Interface)
	return p
}

// kernelNames are what ports are called before they get a name of ours. One of
// them may be another port's just then, which would keep it.
var kernelNames = regexp.MustCompile(`^(eth|wlan|usb)[0-9]+$`)

// portMAC checks the address of the port that is to be called iface.
func (f *faults) portMAC(path, s, iface string) net.HardwareAddr {
	if s == "" {
		return nil
	}
	if kernelNames.MatchString(iface) {
		f.add(join(parent(path), "interface"), "config.port_name", "value", iface)
	}
	return f.mac(path, s)
}

// gateways checks the next hops to the internet. A gateway that lies in no net
// of ours can never be reached.
func (f *faults) gateways(written []string, ours []netip.Prefix) []netip.Addr {
	var all []netip.Addr
	for i, s := range written {
		at := index("wan.gateways", i)
		a, err := netip.ParseAddr(s)
		family := func(p netip.Prefix) bool { return !p.IsValid() || p.Addr().Is4() == a.Is4() }
		near := func(p netip.Prefix) bool { return !p.IsValid() || p.Contains(a) && p.Addr() != a }
		switch {
		case err != nil || a.Zone() != "" || a.Is4In6():
			f.add(at, "config.gateway", "value", show(s))
		case slices.ContainsFunc(all, func(o netip.Addr) bool { return o.Is4() == a.Is4() }):
			f.add(at, "config.gateway_twice", "value", a)
		case !slices.ContainsFunc(ours, family):
			f.add(at, "config.gateway_given", "value", a)
		case !(a.Is6() && a.IsLinkLocalUnicast()) && !slices.ContainsFunc(ours, near):
			f.add(at, "config.gateway_far", "value", a)
		default:
			all = append(all, a)
		}
	}
	return all
}

// mostTimeServers bounds whom the box asks for the time.
const mostTimeServers = 8

func (f *faults) timeServers(written []string) []string {
	if len(written) > mostTimeServers {
		f.add("time.servers", "config.time_many", "max", mostTimeServers)
		return nil
	}
	var all []string
	seen := f.unique()
	for i, s := range written {
		at := index("time.servers", i)
		name := s
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" && !special(host(a)) {
			name = a.String()
		} else {
			name = f.host(at, s)
		}
		seen.add(at, name)
		all = append(all, name)
	}
	return all
}

// overlaps compares the nets of all sides: the box could not tell which port
// an address of an overlap belongs to. Two WAN addresses in one net are usual.
// Afterwards the LAN's addresses are in order, IPv4 first.
func (f *faults) overlaps(t file, c Config) {
	clash := func(at, written string, p netip.Prefix, other string, all []netip.Prefix) {
		for j, o := range all {
			if p.IsValid() && o.IsValid() && p.Overlaps(o) {
				f.add(at, "config.overlap", "value", written, "other", index(other, j), "net", o.Masked())
			}
		}
	}
	for i, l := range c.LAN.Addresses {
		at, written := index("lan.addresses", i), t.LAN.Addresses[i]
		clash(at, written, l, "wan.addresses", c.WAN.Addresses)
		clash(at, written, l, "lan.addresses", c.LAN.Addresses[:i])
	}
	for i, n := range c.WireGuard.Addresses {
		at, written := index("wireguard.addresses", i), t.WireGuard.Addresses[i]
		clash(at, written, n, "wan.addresses", c.WAN.Addresses)
		clash(at, written, n, "lan.addresses", c.LAN.Addresses)
		clash(at, written, n, "wireguard.addresses", c.WireGuard.Addresses[:i])
	}
	slices.SortStableFunc(c.LAN.Addresses, func(a, b netip.Prefix) int {
		return a.Addr().BitLen() - b.Addr().BitLen()
	})
}

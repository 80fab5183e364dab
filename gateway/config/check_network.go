package config

import (
	"net/netip"
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

// lan checks the LAN's addresses; at least one must be there.
func (f *faults) lan(w filePort) []netip.Prefix {
	if len(w.Addresses) == 0 {
		f.add("lan.addresses", "config.missing")
	}
	return f.addresses("lan.addresses", w.Addresses)
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

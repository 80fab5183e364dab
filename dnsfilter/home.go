package dnsfilter

import (
	"net/netip"
	"strings"
)

// home decides about names that are answered here whatever the lists say.
func (p *Policy) home(name string) (Decision, bool) {
	if addrs, ok := p.Local[name]; ok {
		return Decision{Action: Answer, Reason: Known, Addrs: addrs}, true
	}
	if zone := canary(name); zone != "" {
		return Decision{Action: NoName, Reason: Canary, Zone: zone}, true
	}
	switch zone := name[strings.LastIndexByte(name, '.')+1:]; zone {
	case "localhost": // RFC 6761 section 6.3
		return Decision{Action: Answer, Reason: AtHome, Zone: "localhost", Addrs: loopback()}, true
	case "local": // mDNS, RFC 6762
		return within(name, "local"), true
	case "test": // RFC 6761
		return within(name, "test"), true
	case "invalid":
		return within(name, "invalid"), true
	case "onion": // RFC 7686
		return within(name, "onion"), true
	case "alt": // RFC 9476
		return within(name, "alt"), true
	case "internal": // reserved for private use by ICANN in 2024
		return within(name, "internal"), true
	case "arpa":
		return p.arpa(name)
	}
	return Decision{}, false
}

// AddLocal makes a canonical name answered here with these addresses, unmapped
// and without zone, and the reverse names of those that had none yet with it.
func (p *Policy) AddLocal(name string, addrs ...netip.Addr) {
	if p.Local == nil {
		p.Local, p.Hosts = map[string][]netip.Addr{}, map[netip.Addr]string{}
	}
	p.Local[name] = append(p.Local[name], addrs...)
	for _, a := range addrs {
		if _, ok := p.Hosts[a]; !ok {
			p.Hosts[a] = name
		}
	}
}

// canary returns the zone that denies name when it is one by which browsers
// and devices ask whether they may use a resolver of their own; a negative
// answer says no.
func canary(name string) string {
	switch name {
	case "use-application-dns.net":
		return "net"
	case "mask.icloud.com", "mask-h2.icloud.com":
		return "icloud.com"
	}
	return ""
}

// arpa answers for names below arpa that are ours: home.arpa (RFC 8375),
// resolver.arpa (RFC 9462: no other resolver to discover) and the reverse
// names of addresses that have no meaning outside.
func (p *Policy) arpa(name string) (Decision, bool) {
	switch {
	case below(name, "home.arpa"):
		return within(name, "home.arpa"), true
	case below(name, "resolver.arpa"):
		d := within(name, "resolver.arpa")
		d.Reason = Canary
		if name == "_dns.resolver.arpa" {
			d.Action = NoData
		}
		return d, true
	}
	if a, ok := reverseAddr(name); ok {
		if a.IsLoopback() {
			return Decision{Action: Answer, Reason: AtHome, Zone: privateReverse(name), Host: "localhost"}, true
		}
		if host, ok := p.Hosts[a]; ok {
			return Decision{Action: Answer, Reason: Known, Host: host}, true
		}
	}
	if zone := privateReverse(name); zone != "" {
		return within(name, zone), true
	}
	return Decision{}, false
}

// within denies a name of a zone that is kept here and holds nothing.
func within(name, zone string) Decision {
	d := Decision{Action: NoName, Reason: AtHome, Zone: zone}
	if name == zone {
		d.Action = NoData
	}
	return d
}

func below(name, zone string) bool {
	return strings.HasSuffix(name, zone) &&
		(len(name) == len(zone) || name[len(name)-len(zone)-1] == '.')
}

func loopback() []netip.Addr {
	return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
}

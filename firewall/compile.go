package firewall

import (
	"slices"
)

// Closed is stage 0 of the boot: everything is dropped but loopback. It needs
// no interface names and no configuration.
func Closed() Ruleset {
	rs := bare()
	rs.Chains = []Chain{
		base("input", when(in("lo")).why("the box to itself").accept()),
		base("forward"),
		base("output", when(out("lo")).why("the box to itself").accept()),
	}
	rs.Sort()
	return rs
}

// Compile turns a policy into rules. It is pure, and refuses a policy whose
// meaning is not plain; no policy, refused or not, can lift what Check of the
// result holds: the page never answers outside the LAN, nothing new comes in
// from outside except by a map whose elements name source, target, port and
// end, and what no rule knows is dropped.
func Compile(p Policy) (Ruleset, error) {
	if err := p.check(); err != nil {
		return Ruleset{}, err
	}
	rs := bare()
	rs.Sets = append(rs.Sets, ifaceSet("lan_if", p.LAN))
	if p.SetUp {
		rs.Chains = setUpChains(p)
		rs.Sort()
		return rs, rs.Check()
	}
	rs.Sets = append(rs.Sets, ifaceSet("wan_if", p.WAN), ifaceSet("wg_if", p.Tunnels))
	rs.Sets = append(rs.Sets, addrSets("unrouted", append(slices.Clone(unrouted4), unrouted6...))...)
	rs.Sets = append(rs.Sets, addrSets("linkwide", append(slices.Clone(linkwide4), linkwide6...))...)
	rs.Sets = append(rs.Sets, addrSets("lan", p.LANPrefixes)[0]) // IPv6 is not masqueraded
	rs.Sets = append(rs.Sets, addrSets("bogon", p.bogons())...)
	rs.Sets = append(rs.Sets, addrSets("blocked", p.Blocked)...)
	var sources []prefix
	for _, v := range p.Vendors {
		sources = append(sources, v.Sources...)
	}
	rs.Sets = append(rs.Sets, addrSets("vendor", sources)...)
	rs.Sets = append(rs.Sets, outboundSets(p.Outbound)...)
	if p.ServeDNS {
		rs.Sets = append(rs.Sets, addrSets("doh", p.Resolvers)...)
	}
	rs.Sets = append(rs.Sets, etherSet("dns_exempt", p.DNSExempt), etherSet("answered_only", p.Answered))
	rs.Chains = slices.Concat(prerouting(p), inputChains(p), forwardChains(p), outputChains(p))
	rs.Sort()
	return rs, rs.Check()
}

// bare has what every ruleset of this version has.
func bare() Ruleset {
	return Ruleset{Counters: counters(), Sets: liveSets()}
}

// bogons are sources no honest packet from the WAN has.
func (p Policy) bogons() []prefix {
	ps := slices.Concat(bogon4, bogon6, p.LANPrefixes)
	if p.WANGlobal {
		ps = slices.Concat(ps, private4, private6)
	}
	return ps
}

// Names of counters. Those of refused attempts are one per way in, family and
// protocol: Refused says which.
const (
	CountAfterEnd    = "after_end"        // of a window's flow, after the window's end
	CountInvalid     = "invalid"          // belongs to no flow and begins none
	CountMidstream   = "midstream"        // TCP that does not begin with SYN
	CountSpoofed     = "spoofed"          // no route back to the source
	CountBogon       = "bogon"            // source that cannot come from the WAN
	CountBlocked     = "blocked"          // new flow to a blocked address
	CountVendor      = "inside_to_vendor" // inside dials a vendor without permission
	CountDNSCaptured = "dns_captured"     // first packets of DNS flows turned to us
	CountDNSRefused  = "dns_refused"      // DNS that could not be turned to us
	CountDNSTLS      = "dns_tls"          // DNS over TLS or QUIC on 853
	CountDoH         = "dns_doh"          // DNS over HTTPS and the like, to who answers nothing else
	CountUnanswered  = "unanswered"       // answered-only device to what it was not told by name
	CountTunnel      = "tunnel"           // out of a tunnel, to what no window opened
	CountNoise       = "noise"            // broadcast and multicast from the WAN
	CountLANToBox    = "lan_to_box"       // from the LAN to a port of ours nobody answers
	CountForward     = "other_forward"    // between interfaces nobody named
	CountInput       = "other_input"
	CountOutput      = "other_output"
)

// Refused is the name of the counter of new packets from the WAN that were
// refused: to the box itself or to the LAN behind it, by family (4 or 6) and
// protocol (anything but TCP and UDP counts together).
func Refused(toBox bool, family int, p Proto) string {
	name := "refused_lan"
	if toBox {
		name = "refused_box"
	}
	name += map[bool]string{true: "6", false: "4"}[family == 6]
	switch p {
	case TCP, UDP:
		return name + "_" + p.String()
	}
	return name + "_other"
}

func counters() []string {
	out := []string{CountAfterEnd, CountInvalid, CountMidstream, CountSpoofed, CountBogon, CountBlocked,
		CountVendor, CountDNSCaptured, CountDNSRefused, CountDNSTLS, CountDoH, CountUnanswered, CountTunnel, CountNoise, CountLANToBox,
		CountForward, CountInput, CountOutput}
	for _, box := range []bool{true, false} {
		for _, family := range []int{4, 6} {
			for _, proto := range []Proto{TCP, UDP, 0} {
				out = append(out, Refused(box, family, proto))
			}
		}
	}
	return out
}

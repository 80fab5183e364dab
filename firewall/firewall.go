// Package firewall models the gateway's packet rules as plain data.
//
// Compile turns a Policy into a Ruleset, which prints itself as nft text and
// decides any packet. Nothing here talks to the kernel; package kernel does.
package firewall

import (
	"net"
	"net/netip"
)

// A Mark is the serial of a maintenance window: 1…65534 for windows, Canary
// for the self-test. In the kernel every flow of the window carries it as its
// conntrack mark, with Governed added.
type Mark uint16

// Canary is the mark of the self-test's own window, which no window may have.
const Canary Mark = 65535

// Governed is the bit that says a conntrack mark is a window's. A flow that
// has it passes only while its mark is in the set win_live.
const Governed uint32 = 0x10000

// ConntrackMark is the mark as conntrack entries and set elements hold it.
func (m Mark) ConntrackMark() uint32 { return Governed | uint32(m) }

// A Proto is an IP protocol number.
type Proto uint8

// The protocols a window or an outbound permission may be for, and those the
// rules name besides (IANA protocol numbers).
const (
	ICMP   Proto = 1
	TCP    Proto = 6
	UDP    Proto = 17
	ICMPv6 Proto = 58
)

// String is the name nft gives the protocol.
func (p Proto) String() string {
	switch p {
	case ICMP:
		return "icmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMPv6:
		return "ipv6-icmp"
	}
	return "unknown"
}

// A Policy is what the gateway wants, in the firewall's own words.
type Policy struct {
	WAN, LAN []string // interface names; a name cannot be both
	// Tunnels are WireGuard interfaces. What comes out of one reaches the LAN
	// by an open window only, and the box not at all.
	Tunnels []string

	// LAN4 and LAN6 are the box's own addresses on the LAN, where DNS is
	// captured to and the page answers. The zero Addr means there is none.
	LAN4, LAN6 netip.Addr
	// LANPrefixes are the networks behind the box. IPv4 ones are masqueraded,
	// and no packet from outside may claim to come from them.
	LANPrefixes []netip.Prefix
	// WANGlobal says the WAN address is a global one, so that private sources
	// arriving there are forged. Behind a home gateway it must stay false.
	WANGlobal bool

	PagePorts []uint16           // answered on the LAN side only
	ServeDNS  bool               // answer 53 on the LAN, capture 53 to others, refuse 853
	DNSExempt []net.HardwareAddr // devices whose DNS is left alone, and not counted
	// Resolvers answer DNS and nothing else: they are refused by HTTPS and QUIC as
	// well.
	Resolvers []netip.Prefix
	// ObserveDNS lets DNS that goes past the box go there, and only counts it;
	// but not that of devices under answered-only egress.
	ObserveDNS bool
	// Answered are devices that reach only what the name filter gave them (see
	// kernel.Admit). They must ask it, so none may be exempt.
	Answered []net.HardwareAddr
	Vendors  []Vendor       // every registered one, open or not
	Outbound []Outbound     // permitted from a device to a vendor for good
	Blocked  []netip.Prefix // no new flow from or to these
	// Masquerade hides IPv4 of LANPrefixes behind the WAN address. IPv6 is
	// never translated.
	Masquerade bool
	// SetUp is the closed firewall of a box without configuration: only the
	// page answers, only on the LAN. Everything else but the interfaces, the
	// LAN addresses and the page's ports is ignored.
	SetUp bool
}

// A Vendor is a maintenance company and where its packets come from.
type Vendor struct {
	Name    string
	Sources []netip.Prefix
}

// An Outbound lets one device reach one vendor address for good (updates,
// licences), before the rule that keeps the inside from dialling vendors.
type Outbound struct {
	Device netip.Addr
	To     netip.Prefix
	Proto  Proto
	Port   uint16
}

// A Count is packets and bytes as the kernel counted them.
type Count struct{ Packets, Bytes uint64 }

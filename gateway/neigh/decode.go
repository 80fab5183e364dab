package neigh

import (
	"encoding/binary"
	"net/netip"

	"monban/gateway/device"
)

// Offsets and values of Ethernet II, ARP (RFC 826), IPv6 (RFC 8200) and
// neighbour discovery (RFC 4861).
const (
	etherHead = 14
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	arpLen = 28

	ipv6Head     = 40
	ipv6NextHead = 6
	ipv6HopLimit = 7
	ipv6Source   = 8
	protoICMPv6  = 58

	icmpRouterSolicit   = 133
	icmpRouterAdvert    = 134
	icmpNeighbourSolict = 135
	icmpNeighbourAdvert = 136

	optSourceLink = 1
	optTargetLink = 2
)

// decode reads an Ethernet frame. ok is false unless it is a well-formed ARP
// or neighbour discovery message of a single sender. The address is what the
// sender says it uses; it is left out when the frame's sender and the hardware
// address inside disagree (a proxy, or a forgery) and while a host is only
// asking whether an address is free (RFC 5227, RFC 4862).
func decode(b []byte) (m device.MAC, addr netip.Addr, source string, ok bool) {
	if len(b) < etherHead {
		return m, addr, "", false
	}
	m, ok = device.MACFrom(b[6:12])
	if !ok {
		return m, addr, "", false
	}
	switch body := b[etherHead:]; binary.BigEndian.Uint16(b[12:]) {
	case etherARP:
		addr, ok = decodeARP(m, body)
		return m, addr, device.FromARP, ok
	case etherIPv6:
		addr, ok = decodeNDP(m, body)
		return m, addr, device.FromNDP, ok
	}
	return m, addr, "", false
}

func decodeARP(m device.MAC, b []byte) (addr netip.Addr, ok bool) {
	// Hardware type Ethernet, protocol IPv4, their lengths; request or reply.
	if len(b) < arpLen || string(b[:6]) != "\x00\x01\x08\x00\x06\x04" || b[6] != 0 || b[7] < 1 || b[7] > 2 {
		return addr, false
	}
	if a := netip.AddrFrom4([4]byte(b[14:18])); device.MAC(b[8:14]) == m && ownable(a) {
		addr = a
	}
	return addr, true
}

func decodeNDP(m device.MAC, b []byte) (addr netip.Addr, ok bool) {
	// RFC 4861: hop limit 255 shows that no router passed it on.
	if len(b) < ipv6Head || b[0]>>4 != 6 || b[ipv6NextHead] != protoICMPv6 || b[ipv6HopLimit] != 255 {
		return addr, false
	}
	from := netip.AddrFrom16([16]byte(b[ipv6Source : ipv6Source+16]))
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n > len(b)-ipv6Head || n < 8 || b[ipv6Head+1] != 0 {
		return addr, false
	}
	msg := b[ipv6Head : ipv6Head+n]
	fixed, option := 0, byte(optSourceLink)
	switch msg[0] {
	case icmpRouterSolicit:
		fixed = 8
	case icmpRouterAdvert:
		fixed = 16
	case icmpNeighbourSolict:
		fixed = 24
	case icmpNeighbourAdvert:
		fixed, option = 24, optTargetLink
	default:
		return addr, false
	}
	if n < fixed {
		return addr, false
	}
	link, ok := linkOption(msg[fixed:], option)
	if !ok {
		return addr, false
	}
	if msg[0] == icmpNeighbourAdvert && link == m {
		// The target is what it vouches for, often beside its own source.
		from = netip.AddrFrom16([16]byte(msg[8:24]))
	}
	if (link == m || link == device.MAC{}) && ownable(from) {
		addr = from
	}
	return addr, true
}

// linkOption returns the Ethernet address of an option, zero if it is absent;
// ok is false if the options are not well-formed.
func linkOption(b []byte, kind byte) (m device.MAC, ok bool) {
	for len(b) > 0 {
		if len(b) < 8 || b[1] == 0 || int(b[1])*8 > len(b) {
			return m, false
		}
		if b[0] == kind && b[1] == 1 {
			m = device.MAC(b[2:8])
		}
		b = b[int(b[1])*8:]
	}
	return m, true
}

// ownable says whether one host may have the address.
func ownable(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !a.Is4In6() && a != broadcast4()
}

func broadcast4() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

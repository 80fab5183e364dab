package selftest

import (
	"encoding/binary"
	"net/netip"

	"monban/firewall"
)

// hear reads an Ethernet frame with an IP packet of the probe's world. For
// answers to an echo and for ICMP errors, to's port is the identifier or the
// port that the probe had sent from. ok is false for anything else.
func hear(b []byte) (s segment, ok bool) {
	if len(b) < 14 {
		return s, false
	}
	proto, src, dst, body, ok := openIP(binary.BigEndian.Uint16(b[12:]), b[14:])
	if !ok || len(body) < 8 {
		return s, false
	}
	s.proto = proto
	be := binary.BigEndian
	sport, dport := be.Uint16(body), be.Uint16(body[2:])
	switch proto {
	case firewall.TCP:
		if len(body) < 20 || int(body[12]>>4)*4 < 20 || int(body[12]>>4)*4 > len(body) {
			return s, false
		}
		s.seq, s.ack, s.flags = be.Uint32(body[4:]), be.Uint32(body[8:]), body[13]
		s.payload = body[int(body[12]>>4)*4:]
	case firewall.UDP:
		if n := int(be.Uint16(body[4:])); n < 8 || n > len(body) {
			return s, false
		} else {
			s.payload = body[8:n]
		}
	case firewall.ICMP, firewall.ICMPv6:
		sport = 0
		if dport, ok = answered(proto, body); !ok {
			return s, false
		}
	}
	s.from, s.to = netip.AddrPortFrom(src, sport), netip.AddrPortFrom(dst, dport)
	return s, true
}

// openIP returns what an unfragmented IP packet without extension headers
// carries.
func openIP(ether uint16, b []byte) (proto firewall.Proto, src, dst netip.Addr, body []byte, ok bool) {
	switch {
	case ether == 0x0800 && len(b) >= 20 && b[0]>>4 == 4:
		head, n := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		if head < 20 || n < head || n > len(b) || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
			return
		}
		proto, src, dst = firewall.Proto(b[9]), netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		body = b[head:n]
	case ether == 0x86dd && len(b) >= 40 && b[0]>>4 == 6:
		n := 40 + int(binary.BigEndian.Uint16(b[4:]))
		if n > len(b) {
			return
		}
		proto, src, dst = firewall.Proto(b[6]), netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		body = b[40:n]
	default:
		return
	}
	switch proto {
	case firewall.TCP, firewall.UDP, firewall.ICMP, firewall.ICMPv6:
		return proto, src, dst, body, true
	}
	return
}

// answered returns the port (or identifier) of ours that an ICMP message is
// about: an answer to an echo, or an error that quotes our packet (RFC 792,
// RFC 4443).
func answered(proto firewall.Proto, b []byte) (port uint16, ok bool) {
	ether, reply, isError := uint16(0x0800), byte(0), false
	if proto == firewall.ICMP {
		isError = b[0] == 3 || b[0] == 5 || b[0] == 11 || b[0] == 12
	} else {
		ether, reply, isError = 0x86dd, 129, b[0] >= 1 && b[0] <= 4
	}
	if !isError {
		return binary.BigEndian.Uint16(b[4:]), b[0] == reply
	}
	// The quote is cut to what fits; only its ports are needed.
	q := b[8:]
	head := 40
	if ether == 0x0800 {
		if len(q) < 20 {
			return 0, false
		}
		head = int(q[0]&15) * 4
	}
	if len(q) < head+8 || head < 20 {
		return 0, false
	}
	if p := q[map[bool]int{true: 9, false: 6}[ether == 0x0800]]; p == byte(proto) {
		return binary.BigEndian.Uint16(q[head+4:]), true
	}
	return binary.BigEndian.Uint16(q[head:]), true
}

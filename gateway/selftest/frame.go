package selftest

import (
	"encoding/binary"
	"net/netip"

	"monban/firewall"
	"monban/gateway/device"
)

// Flags of TCP (RFC 9293).
const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

// A segment is what a frame carries above the IP header. For ICMP, From's port
// is the echo identifier.
type segment struct {
	from, to netip.AddrPort
	proto    firewall.Proto
	flags    byte   // TCP
	seq, ack uint32 // TCP
	payload  []byte
}

// frame returns the Ethernet frame of s. It is made by hand, so that exactly
// one packet leaves for each probe and no kernel of ours repeats or resets it.
func (s segment) frame(to, from device.MAC) []byte {
	body := s.body()
	src, dst := s.from.Addr(), s.to.Addr()
	b := append(append([]byte{}, to[:]...), from[:]...)
	// The checksum covers a pseudo header of addresses, protocol and length.
	sum := add(add(add(0, src.AsSlice()), dst.AsSlice()), []byte{0, byte(s.proto), byte(len(body) >> 8), byte(len(body))})
	if s.proto == firewall.ICMP {
		sum = 0 // RFC 792: no pseudo header
	}
	at := map[firewall.Proto]int{firewall.TCP: 16, firewall.UDP: 6, firewall.ICMP: 2, firewall.ICMPv6: 2}[s.proto]
	binary.BigEndian.PutUint16(body[at:], fold(add(sum, body)))
	if src.Is4() {
		n := 20 + len(body)
		h := []byte{0x45, 0, byte(n >> 8), byte(n), 0, 0, 0x40, 0, 64, byte(s.proto), 0, 0}
		h = append(append(h, src.AsSlice()...), dst.AsSlice()...)
		binary.BigEndian.PutUint16(h[10:], fold(add(0, h)))
		return append(append(append(b, 0x08, 0x00), h...), body...)
	}
	h := []byte{0x60, 0, 0, 0, byte(len(body) >> 8), byte(len(body)), byte(s.proto), 64}
	h = append(append(h, src.AsSlice()...), dst.AsSlice()...)
	return append(append(append(b, 0x86, 0xdd), h...), body...)
}

// body is the transport header and payload with a zero checksum.
func (s segment) body() []byte {
	var b []byte
	be := binary.BigEndian
	switch s.proto {
	case firewall.TCP:
		b = be.AppendUint16(be.AppendUint16(b, s.from.Port()), s.to.Port())
		b = be.AppendUint32(be.AppendUint32(b, s.seq), s.ack)
		b = append(b, 5<<4, s.flags, 0xfa, 0xf0, 0, 0, 0, 0)
	case firewall.UDP:
		b = be.AppendUint16(be.AppendUint16(b, s.from.Port()), s.to.Port())
		b = append(be.AppendUint16(b, uint16(8+len(s.payload))), 0, 0)
	case firewall.ICMP, firewall.ICMPv6:
		kind := byte(8)
		if s.proto == firewall.ICMPv6 {
			kind = 128
		}
		b = append(be.AppendUint16([]byte{kind, 0, 0, 0}, s.from.Port()), 0, 1)
	}
	return append(b, s.payload...)
}

func add(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	if sum == 0xffff {
		return 0xffff // what UDP sends for a sum of zero (RFC 768)
	}
	return ^uint16(sum)
}

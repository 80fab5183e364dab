package selftest

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"monban/firewall"
	"monban/gateway/device"
)

var (
	boxMAC = device.MAC{2, 0, 0, 0, 0, 1}
	farMAC = device.MAC{2, 0, 0, 0, 0, 2}
)

// What is built is what is heard, at the other end.
func TestFramesAreHeard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addr := func(name string, six bool) netip.AddrPort {
			b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name)
			a := netip.AddrFrom16([16]byte(b))
			if !six {
				a = netip.AddrFrom4([4]byte(b[:4]))
			}
			return netip.AddrPortFrom(a, rapid.Uint16().Draw(t, name+" port"))
		}
		six := rapid.Bool().Draw(t, "IPv6")
		s := segment{from: addr("from", six), to: addr("to", six), proto: rapid.SampledFrom([]firewall.Proto{firewall.TCP, firewall.UDP}).Draw(t, "proto"),
			payload: rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "payload")}
		if s.proto == firewall.TCP {
			s.flags, s.seq, s.ack = rapid.Byte().Draw(t, "flags"), rapid.Uint32().Draw(t, "seq"), rapid.Uint32().Draw(t, "ack")
		}
		b := s.frame(boxMAC, farMAC)
		got, ok := hear(b)
		if !ok || got.from != s.from || got.to != s.to || got.proto != s.proto || !same(got, s) {
			t.Fatalf("sent %+v, heard %+v, %v", s, got, ok)
		}
		// The checksum the kernel would compute over header and pseudo header.
		head := 14 + 20
		if six {
			head = 14 + 40
		} else if add16(0, b[14:34]) != 0xffff {
			t.Fatalf("IPv4 header checksum of % x", b[14:34])
		}
		pseudo := add(add(uint32(s.proto)+uint32(len(b)-head), s.from.Addr().AsSlice()), s.to.Addr().AsSlice())
		if add16(pseudo, b[head:]) != 0xffff {
			t.Fatalf("checksum of % x", b[head:])
		}
	})
}

func add16(sum uint32, b []byte) uint32 {
	sum = add(sum, b)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

// quote returns an ICMP error about a segment.
func quote(s segment, kind byte) []byte {
	proto, skip := firewall.ICMP, 14
	if s.from.Addr().Is6() {
		proto = firewall.ICMPv6
	}
	e := segment{from: s.to, to: s.from, proto: proto, payload: s.frame(boxMAC, farMAC)[skip:]}
	b := e.frame(farMAC, boxMAC)
	if proto == firewall.ICMP {
		b[14+20] = kind
	} else {
		b[14+40] = kind
	}
	return b
}

func answers() map[string]struct {
	frame []byte
	port  uint16 // of ours that it is about
	ok    bool
} {
	type c = struct {
		frame []byte
		port  uint16
		ok    bool
	}
	four := segment{from: netip.MustParseAddrPort("198.18.1.1:20001"), to: netip.MustParseAddrPort("203.0.113.2:443"), proto: firewall.TCP, flags: syn}
	six := segment{from: netip.MustParseAddrPort("[2001:2::1]:20002"), to: netip.MustParseAddrPort("[2001:db8::2]:53"), proto: firewall.UDP}
	ping := segment{from: netip.MustParseAddrPort("198.18.1.1:20003"), to: netip.MustParseAddrPort("203.0.113.2:0"), proto: firewall.ICMP}
	pong := segment{from: ping.to, to: ping.from, proto: firewall.ICMP}
	pong.from = netip.AddrPortFrom(pong.from.Addr(), 20003)
	echo := pong.frame(farMAC, boxMAC)
	echo[14+20] = 0
	fragment := four.frame(boxMAC, farMAC)
	fragment[14+6] = 0x20
	return map[string]c{
		"SYN":                        {four.frame(boxMAC, farMAC), 443, true},
		"unreachable":                {quote(four, 3), 20001, true},
		"unreachable, IPv6":          {quote(six, 1), 20002, true},
		"unreachable, about an echo": {quote(ping, 3), 20003, true},
		"too big, IPv6":              {quote(six, 2), 20002, true},
		"echo answer":                {echo, 20003, true},
		"echo question":              {ping.frame(boxMAC, farMAC), 0, false},
		"neighbour solicitation":     {quote(six, 135), 0, false},
		"quote cut short":            {quote(four, 3)[:14+20+8+20], 0, false},
		"fragment":                   {fragment, 0, false},
		"ARP":                        {[]byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x02\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"), 0, false},
		"nothing":                    {nil, 0, false},
		"IPv4 longer than it is":     {four.frame(boxMAC, farMAC)[:50], 0, false},
		"IPv6 longer than it is":     {six.frame(boxMAC, farMAC)[:58], 0, false},
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range answers() {
		s, ok := hear(c.frame)
		if ok != c.ok || ok && s.to.Port() != c.port {
			t.Errorf("%s: %+v, %v", name, s, ok)
		}
	}
}

// Whatever arrives: no panic, and nothing longer than the frame. The seeds are
// the cases above.
func FuzzHear(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := hear(b)
		if ok && (!s.from.Addr().IsValid() || !s.to.Addr().IsValid() || len(s.payload) > len(b)) {
			t.Fatalf("%+v", s)
		}
	})
}

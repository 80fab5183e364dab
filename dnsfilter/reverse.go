package dnsfilter

import (
	"net/netip"
	"strconv"
	"strings"
)

const (
	reverse4 = ".in-addr.arpa"
	reverse6 = ".ip6.arpa"
)

// reverseAddr returns the address a complete reverse name stands for.
func reverseAddr(name string) (netip.Addr, bool) {
	if digits, ok := strings.CutSuffix(name, reverse4); ok {
		var b [4]byte
		for i := range b {
			label, rest, _ := strings.Cut(digits, ".")
			n, err := strconv.ParseUint(label, 10, 8)
			if err != nil || rest == "" && i < 3 || rest != "" && i == 3 {
				return netip.Addr{}, false
			}
			b[3-i], digits = byte(n), rest
		}
		return netip.AddrFrom4(b), true
	}
	digits, ok := strings.CutSuffix(name, reverse6)
	if !ok || len(digits) != 63 {
		return netip.Addr{}, false
	}
	var b [16]byte
	for i := range 32 {
		n, err := strconv.ParseUint(digits[2*i:2*i+1], 16, 4)
		if err != nil || i < 31 && digits[2*i+1] != '.' {
			return netip.Addr{}, false
		}
		b[15-i/2] |= byte(n) << (4 * (i % 2))
	}
	return netip.AddrFrom16(b), true
}

// privateReverse returns the zone that holds name among those a resolver keeps
// to itself (RFC 6303, RFC 7793), or "".
func privateReverse(name string) string {
	if strings.HasSuffix(name, reverse6) {
		return privateReverse6(name)
	}
	if !strings.HasSuffix(name, reverse4) {
		return ""
	}
	for _, zone := range [...]string{
		"10.in-addr.arpa", "168.192.in-addr.arpa", "127.in-addr.arpa", "254.169.in-addr.arpa",
		"0.in-addr.arpa", "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa",
		"113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa",
	} {
		if below(name, zone) {
			return zone
		}
	}
	// 172.16/12 and 100.64/10 are 16 and 64 zones of two labels.
	labels := strings.TrimSuffix(name, reverse4)
	dot := strings.LastIndexByte(labels, '.')
	if dot < 0 {
		return ""
	}
	first, rest := labels[dot+1:], labels[:dot]
	second, err := strconv.ParseUint(rest[strings.LastIndexByte(rest, '.')+1:], 10, 8)
	shared := first == "100" && second >= 64 && second <= 127
	private := first == "172" && second >= 16 && second <= 31
	if err != nil || !shared && !private {
		return ""
	}
	zone := strconv.Itoa(int(second)) + "." + first + reverse4
	if !below(name, zone) { // 016 is not 16
		return ""
	}
	return zone
}

func privateReverse6(name string) string {
	for _, zone := range [...]string{
		"c.f.ip6.arpa", "d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa",
		"b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa",
		"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", // :: to ::f
	} {
		if below(name, zone) {
			return zone
		}
	}
	return ""
}

// inside says whether a is an address that no public name may lead to: this
// host, this network, private ranges (RFC 1918, 4193, 6598) and our own.
func (p *Policy) inside(a netip.Addr) bool {
	a = embedded(a.Unmap())
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsLoopback(), a.IsPrivate(), a.IsLinkLocalUnicast():
		return true
	case a.Is4():
		b := a.As4()
		if b[0] == 0 || b[0] == 100 && b[1]&0xc0 == 64 {
			return true
		}
	}
	for _, prefix := range p.Inside {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// embedded returns the IPv4 address within a NAT64 one (RFC 6052), else a.
func embedded(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	b := a.As16()
	if [12]byte(b[:12]) == [12]byte{0, 0x64, 0xff, 0x9b} {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

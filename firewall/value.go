package firewall

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Type is the nft name of what a set's key or a packet field holds.
type Type string

// The types the rules use.
const (
	TypeIPv4      Type = "ipv4_addr"
	TypeIPv6      Type = "ipv6_addr"
	TypeEther     Type = "ether_addr"
	TypeProto     Type = "inet_proto"
	TypePort      Type = "inet_service"
	TypeMark      Type = "mark"
	TypeIfName    Type = "ifname"
	TypeIfType    Type = "iface_type"
	TypeFamily    Type = "nf_proto"
	TypePktType   Type = "pkt_type"
	TypeCTState   Type = "ct_state"
	TypeCTDir     Type = "ct_dir"
	TypeCTStatus  Type = "ct_status"
	TypeTCPFlags  Type = "tcp_flag"
	TypeICMP      Type = "icmp_type"
	TypeICMPv6    Type = "icmpv6_type"
	TypeInteger   Type = "integer"
	TypeAddrType  Type = "fib_addrtype"
	TypeReachable Type = "boolean"
)

// A Value is the bytes of one field, most significant first whatever the
// host; an interface name is its letters alone. So values of one type compare
// as numbers do.
type Value string

// A Range is the values From…To, both included.
type Range struct{ From, To Value }

// One is the range of a single value.
func One(v Value) Range { return Range{v, v} }

// Has reports whether v lies in the range. Only values of the same length do.
func (r Range) Has(v Value) bool {
	return len(v) == len(r.From) && r.From <= v && v <= r.To
}

func num8(n uint8) Value      { return Value([]byte{n}) }
func num16(n uint16) Value    { return Value(binary.BigEndian.AppendUint16(nil, n)) }
func num32(n uint32) Value    { return Value(binary.BigEndian.AppendUint32(nil, n)) }
func addr(a netip.Addr) Value { return Value(a.AsSlice()) }
func (v Value) num() (n uint32) { // of a numeric value of at most four bytes
	for _, b := range []byte(v) {
		n = n<<8 | uint32(b)
	}
	return n
}

// rangeOf is the addresses of a prefix.
func rangeOf(p netip.Prefix) Range {
	first := p.Masked().Addr().AsSlice()
	last := slices.Clone(first)
	for i := p.Bits(); i < 8*len(last); i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	return Range{Value(first), Value(last)}
}

// prefixOf returns the prefix whose addresses are r, if there is one.
func prefixOf(r Range) (netip.Prefix, bool) {
	a, ok := netip.AddrFromSlice([]byte(r.From))
	if !ok || len(r.To) != len(r.From) {
		return netip.Prefix{}, false
	}
	same := 0 // leading bits both ends share
	for same < a.BitLen() && (r.From[same/8]^r.To[same/8])&(0x80>>(same%8)) == 0 {
		same++
	}
	p := netip.PrefixFrom(a, same)
	return p, rangeOf(p) == r
}

// names are the words nft uses for values of a type; what is not here prints
// as a number.
var names = map[Type]map[uint32]string{
	TypeProto:    {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp"},
	TypeFamily:   {2: "ipv4", 10: "ipv6"},
	TypePktType:  {0: "host", 1: "broadcast", 2: "multicast"},
	TypeCTDir:    {0: "original", 1: "reply"},
	TypeIfType:   {1: "ether"},
	TypeAddrType: {2: "local"},
	TypeICMP:     {8: "echo-request"},
	TypeICMPv6: {128: "echo-request", 130: "mld-listener-query", 133: "nd-router-solicit",
		134: "nd-router-advert", 135: "nd-neighbor-solicit", 136: "nd-neighbor-advert"},
	TypeReachable: {0: "missing", 1: "exists"},
}

// text is v as nft writes it.
func (t Type) text(v Value) string {
	switch t {
	case TypeIPv4, TypeIPv6:
		if a, ok := netip.AddrFromSlice([]byte(v)); ok {
			return a.String()
		}
	case TypeEther:
		return net.HardwareAddr(v).String()
	case TypeIfName:
		return strconv.Quote(string(v))
	case TypeMark:
		return fmt.Sprintf("0x%08x", v.num())
	}
	if s, ok := names[t][v.num()]; ok {
		return s
	}
	return strconv.FormatUint(uint64(v.num()), 10)
}

// rangeText is r as nft writes it: one value, a prefix, or from-to.
func (t Type) rangeText(r Range) string {
	if r.From == r.To {
		return t.text(r.From)
	}
	if t == TypeIPv4 || t == TypeIPv6 {
		if p, ok := prefixOf(r); ok {
			return p.String()
		}
	}
	return t.text(r.From) + "-" + t.text(r.To)
}

// An Elem is an element of a set, or of a map if it has Data: one Range per
// field of the key, one Value per field of the data.
type Elem struct {
	Key  []Range
	Data []Value
}

// Equal reports whether both are the same element with the same data.
func (e Elem) Equal(o Elem) bool {
	return slices.Equal(e.Key, o.Key) && slices.Equal(e.Data, o.Data)
}

func compareElems(a, b Elem) int {
	return slices.CompareFunc(a.Key, b.Key, func(x, y Range) int {
		if c := strings.Compare(string(x.From), string(y.From)); c != 0 {
			return c
		}
		return strings.Compare(string(x.To), string(y.To))
	})
}

// mergeRanges returns the same values as sorted ranges that neither overlap
// nor touch: the kernel refuses overlaps, and touching intervals cannot be
// told apart when read back.
func mergeRanges(rs []Range) []Range {
	rs = slices.Clone(rs)
	slices.SortFunc(rs, func(a, b Range) int { return strings.Compare(string(a.From), string(b.From)) })
	var out []Range
	for _, r := range rs {
		if n := len(out) - 1; n >= 0 && (r.From <= out[n].To || r.From == next(out[n].To)) {
			out[n].To = max(out[n].To, r.To)
			continue
		}
		out = append(out, r)
	}
	return out
}

// next is the value after v, or v if there is none.
func next(v Value) Value {
	b := []byte(v)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return Value(b)
		}
	}
	return v
}

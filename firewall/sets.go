package firewall

import (
	"net"
	"net/netip"
	"slices"
)

// liveSets hold what comes and goes while the rules stay. Their layout is the
// schema of the table: it is the same in every Ruleset of one version.
//
// win4 and win6: vendor . device . protocol . port → mark. dnat4: vendor .
// protocol . port on the WAN address → device . port. out4 and out6: device .
// target . protocol . port → mark. inner4 and inner6: as win4, of what comes out
// of tunnels. outer4 and outer6: vendor . the box's address . protocol . port →
// mark, of the tunnels' own packets. egress4 and egress6:
// answered-only device → mark. gate4 and gate6: device . target → mark. win_live:
// the marks that may pass. win_bytes and win_dead: what passed, and what was
// refused after the end. answered4 and answered6: device . target, as the name
// filter told. try4, try6, vtry4 and vtry6: who tried to come in with no window,
// strangers and vendors. around: device . port of DNS that goes past the box.
// probe_if: interfaces of a running self-test.
func liveSets() []Set {
	way4 := []Type{TypeIPv4, TypeIPv4, TypeProto, TypePort}
	way6 := []Type{TypeIPv6, TypeIPv6, TypeProto, TypePort}
	pair4, pair6 := way4[:2], way6[:2]
	mark := []Type{TypeMark}
	return []Set{
		{Name: "win_live", Key: mark, Timeout: true},
		{Name: "win4", Key: way4, Data: mark, Interval: true, Timeout: true},
		{Name: "win6", Key: way6, Data: mark, Interval: true, Timeout: true},
		{Name: "dnat4", Key: []Type{TypeIPv4, TypeProto, TypePort}, Data: []Type{TypeIPv4, TypePort}, Interval: true, Timeout: true},
		{Name: "out4", Key: way4, Data: mark, Timeout: true},
		{Name: "out6", Key: way6, Data: mark, Timeout: true},
		{Name: "inner4", Key: way4, Data: mark, Interval: true, Timeout: true},
		{Name: "inner6", Key: way6, Data: mark, Interval: true, Timeout: true},
		{Name: "outer4", Key: way4, Data: mark, Interval: true, Timeout: true},
		{Name: "outer6", Key: way6, Data: mark, Interval: true, Timeout: true},
		{Name: "egress4", Key: way4[:1], Data: mark, Timeout: true},
		{Name: "egress6", Key: way6[:1], Data: mark, Timeout: true},
		{Name: "gate4", Key: pair4, Data: mark, Timeout: true, Size: maxTold},
		{Name: "gate6", Key: pair6, Data: mark, Timeout: true, Size: maxTold},
		{Name: "answered4", Key: pair4, Timeout: true, Size: maxTold},
		{Name: "answered6", Key: pair6, Timeout: true, Size: maxTold},
		{Name: "try4", Key: way4[:1], Dynamic: true, Size: maxStrangers},
		{Name: "try6", Key: way6[:1], Dynamic: true, Size: maxStrangers},
		{Name: "vtry4", Key: way4[:1], Dynamic: true, Size: maxVendors},
		{Name: "vtry6", Key: way6[:1], Dynamic: true, Size: maxVendors},
		{Name: "around", Key: []Type{TypeEther, TypePort}, Dynamic: true, Size: maxAround},
		{Name: "win_bytes", Key: mark, Dynamic: true, Size: 65536},
		{Name: "win_dead", Key: mark, Dynamic: true, Size: 65536},
		{Name: "probe_if", Key: []Type{TypeIfName}, Timeout: true},
	}
}

// How much of what the network says the kernel keeps: addresses told by name,
// sources that tried, devices that go around it. Beyond that nobody new is let
// out, and a stranger is counted by the rule that refuses him alone.
const (
	maxTold      = 65536
	maxStrangers = 16384
	maxVendors   = 4096
	maxAround    = 8192
)

// Sources no route leads back to, though they are honest: an address not yet
// given (DHCP, duplicate address detection) and the link's own.
var (
	unrouted4 = prefixes("0.0.0.0/32", "169.254.0.0/16")
	unrouted6 = prefixes("::/128", "fe80::/10")
	// Targets on the link, whose sources need not be routable (RFC 5771, 4291).
	linkwide4 = prefixes("224.0.0.0/4", "255.255.255.255/32")
	linkwide6 = prefixes("ff00::/8")
	// Sources that come from nowhere (RFC 6890).
	bogon4   = prefixes("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")
	bogon6   = prefixes("::1/128", "::ffff:0:0/96", "ff00::/8")
	private4 = prefixes("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
	private6 = prefixes("fc00::/7")
)

func prefixes(ss ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range ss {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// addrSets returns the IPv4 and the IPv6 set of the prefixes.
func addrSets(name string, ps []netip.Prefix) []Set {
	var r4, r6 []Range
	for _, p := range ps {
		if p.Addr().Is4() {
			r4 = append(r4, rangeOf(p))
		} else {
			r6 = append(r6, rangeOf(p))
		}
	}
	return []Set{
		{Name: name + "4", Key: []Type{TypeIPv4}, Interval: true, Elems: elems(mergeRanges(r4))},
		{Name: name + "6", Key: []Type{TypeIPv6}, Interval: true, Elems: elems(mergeRanges(r6))},
	}
}

func elems(rs []Range) []Elem {
	var out []Elem
	for _, r := range rs {
		out = append(out, Elem{Key: []Range{r}})
	}
	return out
}

func valueSet(name string, t Type, vs []Value) Set {
	vs = slices.Clone(vs)
	slices.Sort(vs)
	s := Set{Name: name, Key: []Type{t}}
	for _, v := range slices.Compact(vs) {
		s.Elems = append(s.Elems, Elem{Key: []Range{One(v)}})
	}
	return s
}

func ifaceSet(name string, ifaces []string) Set {
	var vs []Value
	for _, i := range ifaces {
		vs = append(vs, Value(i))
	}
	return valueSet(name, TypeIfName, vs)
}

func etherSet(name string, ms []net.HardwareAddr) Set {
	var vs []Value
	for _, m := range ms {
		vs = append(vs, Value(m))
	}
	return valueSet(name, TypeEther, vs)
}

// outboundSets returns allow4 and allow6. The ranges of one device, protocol
// and port are merged, since the kernel refuses overlapping elements.
func outboundSets(outs []Outbound) []Set {
	type way struct {
		device netip.Addr
		proto  Proto
		port   uint16
	}
	ranges := map[way][]Range{}
	for _, o := range outs {
		w := way{o.Device, o.Proto, o.Port}
		ranges[w] = append(ranges[w], rangeOf(o.To))
	}
	s4 := Set{Name: "allow4", Key: []Type{TypeIPv4, TypeIPv4, TypeProto, TypePort}, Interval: true}
	s6 := Set{Name: "allow6", Key: []Type{TypeIPv6, TypeIPv6, TypeProto, TypePort}, Interval: true}
	for w, rs := range ranges {
		for _, r := range mergeRanges(rs) {
			e := Elem{Key: []Range{One(addr(w.device)), r, One(num8(uint8(w.proto))), One(num16(w.port))}}
			if w.device.Is4() {
				s4.Elems = append(s4.Elems, e)
			} else {
				s6.Elems = append(s6.Elems, e)
			}
		}
	}
	return []Set{s4, s6}
}

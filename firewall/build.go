package firewall

import (
	"net/netip"
	"slices"
)

// Rules are put together from small words, so that chains.go reads like the
// rules it makes: when(in("lo")).why("…").accept().

type prefix = netip.Prefix

type rule struct{ Rule }

func when(ms ...[]Match) rule {
	var r rule
	for _, m := range ms {
		r.Match = append(r.Match, m...)
	}
	return r
}

func (r rule) why(s string) rule { r.Why = s; return r }

func (r rule) do(as ...Action) Rule {
	r.Do = append(r.Do, as...)
	return r.Rule
}

func (r rule) accept() Rule             { return r.do(Action{Do: DoAccept}) }
func (r rule) leave() Rule              { return r.do(Action{Do: DoReturn}) }
func (r rule) jump(chain string) Rule   { return r.do(Action{Do: DoJump, Name: chain}) }
func (r rule) follow(chain string) Rule { return r.do(Action{Do: DoGoto, Name: chain}) }

// refuse counts and drops.
func (r rule) refuse(counter string) Rule {
	return r.do(Action{Do: DoCount, Name: counter}, Action{Do: DoDrop})
}

// turnAway counts and drops TCP and UDP, and tells the sender at once: who does
// not wait for an answer asks here the sooner.
func turnAway(counter, why string, ms ...[]Match) []Rule {
	var rules []Rule
	for _, x := range []struct {
		p  Proto
		do Verb
	}{{TCP, DoReset}, {UDP, DoReject}} {
		m := append([][]Match{protos(x.p)}, ms...)
		rules = append(rules, when(m...).why(why).do(Action{Do: DoCount, Name: counter}, Action{Do: x.do}))
	}
	return rules
}

// window sets the mark the map says and leaves the verdict to "governed".
func (r rule) window(m string, key ...Field) Rule {
	return r.do(Action{Do: DoMarkFrom, Name: m, Fields: key}, Action{Do: DoGoto, Name: "governed"})
}

// Every field of a layer stands behind a match that says the layer is there;
// the kernel would else read other bytes.

func is(f Field, vs ...Value) []Match {
	m := Match{Fields: []Field{f}}
	vs = slices.Clone(vs)
	slices.Sort(vs)
	vs = slices.Compact(vs)
	for _, v := range vs {
		m.In = append(m.In, One(v))
	}
	return []Match{m}
}

func within(set string, fs ...Field) []Match { return []Match{{Fields: fs, Set: set}} }

func ether() []Match { return is(InType, num16(1)) }

func in(iface string) []Match   { return is(InIface, Value(iface)) }
func out(iface string) []Match  { return is(OutIface, Value(iface)) }
func from(set string) []Match   { return within(set, InIface) }
func toward(set string) []Match { return within(set, OutIface) }

// begins matches the first packet of a TCP or UDP flow of a family.
func begins(family []Match, ps ...Proto) []Match {
	if len(ps) == 0 {
		ps = []Proto{TCP, UDP}
	}
	return slices.Concat(state(StateNew), family, protos(ps...))
}

func ip4() []Match { return is(Family, num8(2)) }
func ip6() []Match { return is(Family, num8(10)) }

func protos(ps ...Proto) []Match {
	var vs []Value
	for _, p := range ps {
		vs = append(vs, num8(uint8(p)))
	}
	return is(L4Proto, vs...)
}

func ports(f Field, ns ...uint16) []Match {
	var vs []Value
	for _, n := range ns {
		vs = append(vs, num16(n))
	}
	return is(f, vs...)
}

// state matches a flow in any of the states; nft tests them as bits.
func state(bits uint32) []Match {
	return []Match{{Fields: []Field{State}, Mask: num32(bits), Not: true, In: []Range{One(num32(0))}}}
}

// begun matches packets from the LAN whose flow has been let begin. Without an
// answer the flow stays new for ever, and each packet would go through all that
// looks at the first.
func begun() []Match {
	return append(from("lan_if"), Match{Fields: []Field{Status}, Mask: num32(StatusConfirmed), Not: true, In: []Range{One(num32(0))}})
}

func governedFlow() []Match {
	return []Match{{Fields: []Field{CTMark}, Mask: num32(Governed), Not: true, In: []Range{One(num32(0))}}}
}

func notSYN() []Match {
	return []Match{{Fields: []Field{Flags}, Mask: num8(FlagFIN | FlagSYN | FlagRST | FlagACK), Not: true,
		In: []Range{One(num8(FlagSYN))}}}
}

func linkLocal() []Match {
	p := netip.MustParsePrefix("fe80::/10")
	mask := make([]byte, 16)
	mask[0], mask[1] = 0xff, 0xc0
	return []Match{{Fields: []Field{Source6}, Mask: Value(mask), In: []Range{One(addr(p.Addr()))}}}
}

// target matches the packets to a, with the family before it.
func target(a netip.Addr) []Match {
	if a.Is4() {
		return append(ip4(), is(Target4, addr(a))...)
	}
	return append(ip6(), is(Target6, addr(a))...)
}

func notTarget(a netip.Addr) []Match {
	ms := target(a)
	ms[1].Not = true
	return ms
}

// bySet matches packets of the set's family whose field f is in the set.
func bySet(set string, f Field) []Match {
	if f == Source4 || f == Target4 {
		return append(ip4(), within(set, f)...)
	}
	return append(ip6(), within(set, f)...)
}

func notBySet(set string, f Field) []Match {
	ms := bySet(set, f)
	ms[1].Not = true
	return ms
}

func base(at string, rules ...Rule) Chain {
	return Chain{Name: at, Hook: &Hook{Type: "filter", At: at, Priority: PriorityFilter, Policy: Drop}, Rules: rules}
}

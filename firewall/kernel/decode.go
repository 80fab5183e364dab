package kernel

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"monban/firewall"
)

// A value in a register while a rule is read: the fields loaded from there on,
// or what a map said for some.
type held struct {
	field  firewall.Field
	mask   firewall.Value
	kind   kind
	from   string // map it came out of
	fields []firewall.Field
	fixed  []byte // an immediate
	both   bool   // source and target port in one load, as nft likes to write two matches
}

// A ruleReader turns expressions back into a rule. What it does not know makes
// the rule unreadable, and so different from any of ours.
type ruleReader struct {
	regs map[uint32]held // by 32-bit register
	sets map[string]firewall.Set
	rule firewall.Rule
	l4   firewall.Value // protocol the rule has settled on, to tell icmp from icmpv6
	v6   bool

	limited bool // a limit was read, and waits for its log
}

func decodeRule(a attrs, sets map[string]firewall.Set) firewall.Rule {
	r := ruleReader{regs: map[uint32]held{}, sets: sets}
	err := list(a[unix.NFTA_RULE_EXPRESSIONS], func(e attrs) error {
		return r.expr(e.str(unix.NFTA_EXPR_NAME), e.nested(unix.NFTA_EXPR_DATA))
	})
	if err == nil && r.limited {
		err = fmt.Errorf("limit without log")
	}
	if err != nil {
		return firewall.Rule{Why: "unreadable: " + err.Error()}
	}
	r.rule.Why = comment(a[unix.NFTA_RULE_USERDATA])
	return r.rule
}

// comment is the rule's comment: type 0, length, text with a zero.
func comment(b []byte) string {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		if b[0] == 0 {
			return strings.TrimRight(string(b[2:2+int(b[1])]), "\x00")
		}
		b = b[2+int(b[1]):]
	}
	return ""
}

// slot is the 32-bit register a number means: 1…4 are four of them each.
func slot(reg uint32) uint32 {
	if reg >= 1 && reg <= 4 {
		return (reg - 1) * 4
	}
	return reg - 8
}

func (r *ruleReader) match(m firewall.Match) { r.rule.Match = append(r.rule.Match, m) }
func (r *ruleReader) do(a firewall.Action)   { r.rule.Do = append(r.rule.Do, a) }

func (r *ruleReader) expr(name string, a attrs) error {
	if r.limited && name != "log" {
		return fmt.Errorf("limit without log")
	}
	switch name {
	case "meta":
		return r.load(a, unix.NFTA_META_DREG, metaFields[a.u32(unix.NFTA_META_KEY)])
	case "ct":
		if a[unix.NFTA_CT_SREG] != nil {
			h := r.regs[slot(a.u32(unix.NFTA_CT_SREG))]
			if a.u32(unix.NFTA_CT_KEY) != unix.NFT_CT_MARK || h.from == "" {
				return fmt.Errorf("ct set")
			}
			r.do(firewall.Action{Do: firewall.DoMarkFrom, Name: h.from, Fields: h.fields})
			return nil
		}
		return r.load(a, unix.NFTA_CT_DREG, ctFields[a.u32(unix.NFTA_CT_KEY)])
	case "fib":
		return r.load(a, unix.NFTA_FIB_DREG, fibFields[[2]uint32{a.u32(unix.NFTA_FIB_RESULT), a.u32(unix.NFTA_FIB_FLAGS)}])
	case "payload":
		return r.payload(a)
	case "bitwise":
		h, ok := r.regs[slot(a.u32(unix.NFTA_BITWISE_SREG))]
		xor := a.nested(unix.NFTA_BITWISE_XOR)[unix.NFTA_DATA_VALUE]
		if !ok || a.u32(unix.NFTA_BITWISE_SREG) != a.u32(unix.NFTA_BITWISE_DREG) || slices.ContainsFunc(xor, func(b byte) bool { return b != 0 }) {
			return fmt.Errorf("bitwise")
		}
		h.mask = h.kind.value(a.nested(unix.NFTA_BITWISE_MASK)[unix.NFTA_DATA_VALUE])
		r.regs[slot(a.u32(unix.NFTA_BITWISE_DREG))] = h
	case "byteorder": // nft turns the one byte of a joined protocol round, which is nothing
		if a.u32(unix.NFTA_BYTEORDER_LEN) != 1 || a.u32(unix.NFTA_BYTEORDER_SREG) != a.u32(unix.NFTA_BYTEORDER_DREG) {
			return fmt.Errorf("byteorder")
		}
	case "cmp":
		h, ok := r.regs[slot(a.u32(unix.NFTA_CMP_SREG))]
		op := a.u32(unix.NFTA_CMP_OP)
		if !ok || op != unix.NFT_CMP_EQ && op != unix.NFT_CMP_NEQ {
			return fmt.Errorf("cmp")
		}
		v := h.kind.value(a.nested(unix.NFTA_CMP_DATA)[unix.NFTA_DATA_VALUE])
		if h.both && op == unix.NFT_CMP_EQ && len(v) == 4 {
			for i, f := range []firewall.Field{firewall.SourcePort, firewall.TargetPort} {
				r.match(firewall.Match{Fields: []firewall.Field{f}, In: []firewall.Range{firewall.One(v[2*i : 2*i+2])}})
			}
			return nil
		}
		if h.both {
			return fmt.Errorf("cmp of two ports")
		}
		if op == unix.NFT_CMP_EQ && h.mask == "" {
			r.settle(h.field, v)
		}
		r.match(firewall.Match{Fields: []firewall.Field{h.field}, Mask: h.mask, Not: op == unix.NFT_CMP_NEQ, In: []firewall.Range{firewall.One(v)}})
	case "lookup":
		return r.lookup(a)
	case "dynset":
		set := a.str(unix.NFTA_DYNSET_SET_NAME)
		fs, err := r.joined(slot(a.u32(unix.NFTA_DYNSET_SREG_KEY)), set)
		if err != nil || a.u32(unix.NFTA_DYNSET_OP) != unix.NFT_DYNSET_OP_UPDATE || a[unix.NFTA_DYNSET_TIMEOUT] != nil && a.u64(unix.NFTA_DYNSET_TIMEOUT) != 0 {
			return fmt.Errorf("dynset %s", set)
		}
		r.do(firewall.Action{Do: firewall.DoCountIn, Name: set, Fields: fs})
	case "objref":
		if a.u32(unix.NFTA_OBJREF_IMM_TYPE) != unix.NFT_OBJECT_COUNTER {
			return fmt.Errorf("objref")
		}
		r.do(firewall.Action{Do: firewall.DoCount, Name: a.str(unix.NFTA_OBJREF_IMM_NAME)})
	case "immediate":
		return r.immediate(a)
	case "nat":
		return r.nat(a)
	case "limit":
		if r.limited || a.u64(unix.NFTA_LIMIT_RATE) != firewall.LogRate || a.u64(unix.NFTA_LIMIT_UNIT) != 1 || a.u32(unix.NFTA_LIMIT_BURST) != firewall.LogBurst ||
			a.u32(unix.NFTA_LIMIT_TYPE) != unix.NFT_LIMIT_PKTS || a.u32(unix.NFTA_LIMIT_FLAGS) != 0 {
			return fmt.Errorf("limit")
		}
		r.limited = true
	case "log":
		if !r.limited || a.str(unix.NFTA_LOG_PREFIX) != firewall.LogPrefix || a.u16(unix.NFTA_LOG_GROUP) != firewall.LogGroup ||
			a.u32(unix.NFTA_LOG_SNAPLEN) != 0 || a.u16(unix.NFTA_LOG_QTHRESHOLD) != 0 || a[unix.NFTA_LOG_LEVEL] != nil {
			return fmt.Errorf("log")
		}
		r.limited = false
		r.do(firewall.Action{Do: firewall.DoLog})
	case "reject":
		return r.reject(a)
	case "masq":
		if len(a) != 0 && a.u32(unix.NFTA_MASQ_FLAGS) != 0 {
			return fmt.Errorf("masquerade with flags")
		}
		r.do(firewall.Action{Do: firewall.DoMasquerade})
	default:
		return fmt.Errorf("expression %s", name)
	}
	return nil
}

// A place is a field and how its bytes lie in a register.
type place struct {
	field firewall.Field
	len   int
	host  bool
	ok    bool
}

var metaFields = map[uint32]place{
	unix.NFT_META_IIFNAME: {firewall.InIface, 16, false, true}, unix.NFT_META_OIFNAME: {firewall.OutIface, 16, false, true},
	unix.NFT_META_IIFTYPE: {firewall.InType, 2, true, true}, unix.NFT_META_NFPROTO: {firewall.Family, 1, false, true},
	unix.NFT_META_L4PROTO: {firewall.L4Proto, 1, false, true}, unix.NFT_META_PKTTYPE: {firewall.Cast, 1, false, true},
}

var ctFields = map[uint32]place{
	unix.NFT_CT_STATE: {firewall.State, 4, true, true}, unix.NFT_CT_MARK: {firewall.CTMark, 4, true, true},
	unix.NFT_CT_DIRECTION: {firewall.Direction, 1, false, true}, unix.NFT_CT_STATUS: {firewall.Status, 4, true, true},
}

// by result and flags (NFTA_FIB_F_SADDR 1, DADDR 2, IIF 8, PRESENT 32)
var fibFields = map[[2]uint32]place{
	{unix.NFT_FIB_RESULT_OIF, 1 | 8 | 32}: {firewall.Reverse, 4, true, true},
	{unix.NFT_FIB_RESULT_ADDRTYPE, 2}:     {firewall.TargetType, 4, true, true},
}

func (r *ruleReader) load(a attrs, dreg uint16, p place) error {
	if !p.ok {
		return fmt.Errorf("load")
	}
	r.regs[slot(a.u32(dreg))] = held{field: p.field, kind: kind{p.field.Type(), p.len, p.host}}
	return nil
}

// settle remembers which protocol the rule is about from here on.
func (r *ruleReader) settle(f firewall.Field, v firewall.Value) {
	switch f {
	case firewall.Family:
		r.v6 = v == "\x0a"
	case firewall.L4Proto:
		r.l4 = v
	}
}

func (r *ruleReader) payload(a attrs) error {
	if a[unix.NFTA_PAYLOAD_SREG] != nil {
		return fmt.Errorf("payload set")
	}
	p := place{ok: true, len: int(a.u32(unix.NFTA_PAYLOAD_LEN))}
	switch [3]uint32{a.u32(unix.NFTA_PAYLOAD_BASE), a.u32(unix.NFTA_PAYLOAD_OFFSET), uint32(p.len)} {
	case [3]uint32{0, 6, 6}:
		p.field = firewall.SourceEther
	case [3]uint32{1, 12, 4}:
		p.field = firewall.Source4
	case [3]uint32{1, 16, 4}:
		p.field = firewall.Target4
	case [3]uint32{1, 8, 16}:
		p.field = firewall.Source6
	case [3]uint32{1, 24, 16}:
		p.field = firewall.Target6
	case [3]uint32{1, 7, 1}:
		p.field = firewall.HopLimit
	case [3]uint32{2, 0, 2}:
		p.field = firewall.SourcePort
	case [3]uint32{2, 2, 2}:
		p.field = firewall.TargetPort
	case [3]uint32{2, 13, 1}:
		p.field = firewall.Flags
	case [3]uint32{2, 0, 1}:
		p.field = map[firewall.Value]firewall.Field{"\x01": firewall.ICMPKind, "\x3a": firewall.ICMPv6Kind}[r.l4]
		p.ok = r.l4 == "\x01" || r.l4 == "\x3a"
	default:
		p.ok = false
	}
	if a.u32(unix.NFTA_PAYLOAD_BASE) == 2 && a.u32(unix.NFTA_PAYLOAD_OFFSET) == 0 && p.len == 4 {
		r.regs[slot(a.u32(unix.NFTA_PAYLOAD_DREG))] = held{both: true, kind: kind{firewall.TypePort, 4, false}}
		return nil
	}
	if six := p.field == firewall.Source6 || p.field == firewall.Target6 || p.field == firewall.HopLimit; six && !r.v6 {
		return fmt.Errorf("IPv6 field of any packet")
	}
	return r.load(a, unix.NFTA_PAYLOAD_DREG, p)
}

// joined are the fields that lie from a register on, as many as the set's key
// has.
func (r *ruleReader) joined(reg uint32, set string) ([]firewall.Field, error) {
	s, ok := r.sets[set]
	if !ok {
		return nil, fmt.Errorf("set %s", set)
	}
	var fs []firewall.Field
	for range s.Key {
		h, ok := r.regs[reg]
		if !ok || h.from != "" || h.fixed != nil || h.both || h.mask != "" {
			return nil, fmt.Errorf("set %s: key", set)
		}
		fs = append(fs, h.field)
		reg += uint32(h.kind.len+3) / 4
	}
	return fs, nil
}

func (r *ruleReader) lookup(a attrs) error {
	name := a.str(unix.NFTA_LOOKUP_SET)
	fs, err := r.joined(slot(a.u32(unix.NFTA_LOOKUP_SREG)), name)
	if err != nil {
		return err
	}
	not := a.u32(unix.NFTA_LOOKUP_FLAGS)&unix.NFT_LOOKUP_F_INV != 0
	if a[unix.NFTA_LOOKUP_DREG] != nil {
		r.regs[slot(a.u32(unix.NFTA_LOOKUP_DREG))] = held{from: name, fields: fs}
		return nil
	}
	m := firewall.Match{Fields: fs, Not: not, Set: name}
	if s := r.sets[name]; strings.HasPrefix(name, "__set") {
		m.Set = ""
		for _, e := range s.Elems {
			m.In = append(m.In, e.Key[0])
		}
		slices.SortFunc(m.In, func(x, y firewall.Range) int { return strings.Compare(string(x.From), string(y.From)) })
	}
	r.match(m)
	return nil
}

func (r *ruleReader) immediate(a attrs) error {
	data := a.nested(unix.NFTA_IMMEDIATE_DATA)
	if a.u32(unix.NFTA_IMMEDIATE_DREG) != unix.NFT_REG_VERDICT {
		r.regs[slot(a.u32(unix.NFTA_IMMEDIATE_DREG))] = held{fixed: data[unix.NFTA_DATA_VALUE]}
		return nil
	}
	v := data.nested(unix.NFTA_DATA_VERDICT)
	verb, ok := map[int32]firewall.Verb{0: firewall.DoDrop, 1: firewall.DoAccept, -3: firewall.DoJump,
		-4: firewall.DoGoto, -5: firewall.DoReturn}[int32(v.u32(unix.NFTA_VERDICT_CODE))]
	if !ok {
		return fmt.Errorf("verdict")
	}
	r.do(firewall.Action{Do: verb, Name: v.str(unix.NFTA_VERDICT_CHAIN)})
	return nil
}

// reject tells the two kinds we write apart by type and code.
func (r *ruleReader) reject(a attrs) error {
	code := a[unix.NFTA_REJECT_ICMP_CODE]
	switch t := a.u32(unix.NFTA_REJECT_TYPE); {
	case t == 1 && r.l4 == "\x06": // TCP_RST
		r.do(firewall.Action{Do: firewall.DoReset})
	case t == 2 && len(code) == 1 && code[0] == 1: // ICMPX_UNREACH, port
		r.do(firewall.Action{Do: firewall.DoReject})
	default:
		return fmt.Errorf("reject")
	}
	return nil
}

func (r *ruleReader) nat(a attrs) error {
	h, ok := r.regs[slot(a.u32(unix.NFTA_NAT_REG_ADDR_MIN))]
	addr, port := a.u32(unix.NFTA_NAT_REG_ADDR_MIN), a.u32(unix.NFTA_NAT_REG_PROTO_MIN)
	same := func(t uint16, v uint32) bool { return a[t] == nil || a.u32(t) == v } // the kernel repeats min as max
	if !ok || a.u32(unix.NFTA_NAT_TYPE) != unix.NFT_NAT_DNAT || !same(unix.NFTA_NAT_REG_ADDR_MAX, addr) || !same(unix.NFTA_NAT_REG_PROTO_MAX, port) {
		return fmt.Errorf("nat")
	}
	family := a.u32(unix.NFTA_NAT_FAMILY)
	if h.from != "" {
		if family != unix.NFPROTO_IPV4 || slot(port) != slot(addr)+1 {
			return fmt.Errorf("nat map")
		}
		r.do(firewall.Action{Do: firewall.DoDNATFrom, Name: h.from, Fields: h.fields})
		return nil
	}
	if port != 0 || family == unix.NFPROTO_IPV4 != (len(h.fixed) == 4) {
		return fmt.Errorf("nat target")
	}
	r.do(firewall.Action{Do: firewall.DoDNAT, To: firewall.Value(h.fixed)})
	return nil
}

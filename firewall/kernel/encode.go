package kernel

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// This file and encodeset.go are the only places that turn rules into bytes.
// decode.go reads them back with tables of its own, so that a wrong offset
// here is seen there.

// firstReg is where a single value is loaded; joined fields go to the 32-bit
// registers behind it (NFT_REG_1 and NFT_REG32_00 are the same place).
const firstReg = 8 // NFT_REG32_00

// A load is how a field gets into a register, and its length in bytes there.
type load struct {
	expr func(reg uint32) expr.Any
	len  int
	host bool // in the byte order of the host
}

func loadOf(f firewall.Field) (load, error) {
	meta := func(k expr.MetaKey, n int) load {
		return load{expr: func(r uint32) expr.Any { return &expr.Meta{Key: k, Register: r} }, len: n}
	}
	ct := func(k expr.CtKey, n int) load {
		return load{expr: func(r uint32) expr.Any { return &expr.Ct{Key: k, Register: r} }, len: n, host: true}
	}
	payload := func(base expr.PayloadBase, off, n uint32) load {
		return load{expr: func(r uint32) expr.Any {
			return &expr.Payload{DestRegister: r, Base: base, Offset: off, Len: n}
		}, len: int(n)}
	}
	fib := func(e expr.Fib, n int) load {
		return load{expr: func(r uint32) expr.Any { e := e; e.Register = r; return &e }, len: n, host: true}
	}
	const ll, nh, th = expr.PayloadBaseLLHeader, expr.PayloadBaseNetworkHeader, expr.PayloadBaseTransportHeader
	switch f {
	case firewall.InIface:
		return meta(expr.MetaKeyIIFNAME, unix.IFNAMSIZ), nil
	case firewall.OutIface:
		return meta(expr.MetaKeyOIFNAME, unix.IFNAMSIZ), nil
	case firewall.InType:
		l := meta(expr.MetaKeyIIFTYPE, 2)
		l.host = true
		return l, nil
	case firewall.Family:
		return meta(expr.MetaKeyNFPROTO, 1), nil
	case firewall.L4Proto:
		return meta(expr.MetaKeyL4PROTO, 1), nil
	case firewall.Cast:
		return meta(expr.MetaKeyPKTTYPE, 1), nil
	case firewall.State:
		return ct(expr.CtKeySTATE, 4), nil
	case firewall.Status:
		return ct(expr.CtKeySTATUS, 4), nil
	case firewall.CTMark:
		return ct(expr.CtKeyMARK, 4), nil
	case firewall.Direction:
		return ct(expr.CtKeyDIRECTION, 1), nil
	case firewall.Source4:
		return payload(nh, 12, 4), nil
	case firewall.Target4:
		return payload(nh, 16, 4), nil
	case firewall.HopLimit:
		return payload(nh, 7, 1), nil
	case firewall.Source6:
		return payload(nh, 8, 16), nil
	case firewall.Target6:
		return payload(nh, 24, 16), nil
	case firewall.SourcePort:
		return payload(th, 0, 2), nil
	case firewall.TargetPort:
		return payload(th, 2, 2), nil
	case firewall.Flags:
		return payload(th, 13, 1), nil
	case firewall.ICMPKind, firewall.ICMPv6Kind:
		return payload(th, 0, 1), nil
	case firewall.SourceEther:
		return payload(ll, 6, 6), nil
	case firewall.Reverse:
		return fib(expr.Fib{FlagSADDR: true, FlagIIF: true, FlagPRESENT: true, ResultOIF: true}, 4), nil
	case firewall.TargetType:
		return fib(expr.Fib{FlagDADDR: true, ResultADDRTYPE: true}, 4), nil
	}
	return load{}, fmt.Errorf("field %d: not known", f)
}

// bytes are v as the field has it in a register: host order where it is so,
// a name filled up with zeros.
func (l load) bytes(v firewall.Value) ([]byte, error) {
	b := []byte(v)
	if l.len == unix.IFNAMSIZ && len(b) < unix.IFNAMSIZ {
		return append(b, make([]byte, unix.IFNAMSIZ-len(b))...), nil
	}
	if len(b) != l.len {
		return nil, fmt.Errorf("value %x: has %d bytes, not %d", b, len(b), l.len)
	}
	if l.host {
		return toHost(b), nil
	}
	return b, nil
}

// toHost turns a number from big-endian into the host's order.
func toHost(b []byte) []byte {
	switch len(b) {
	case 2:
		return binary.NativeEndian.AppendUint16(nil, binary.BigEndian.Uint16(b))
	case 4:
		return binary.NativeEndian.AppendUint32(nil, binary.BigEndian.Uint32(b))
	}
	return b
}

// loadFields loads joined fields one behind the other, each on a register
// boundary.
func loadFields(fs []firewall.Field) ([]expr.Any, error) {
	reg := uint32(firstReg)
	var es []expr.Any
	for _, f := range fs {
		l, err := loadOf(f)
		if err != nil {
			return nil, err
		}
		es = append(es, l.expr(reg))
		reg += uint32(l.len+3) / 4
	}
	return es, nil
}

// encodeRule returns the rule's expressions; anon makes the unnamed set of a
// match with several values.
func encodeRule(r firewall.Rule, anon func(firewall.Type, []firewall.Range) (*nftables.Set, error)) ([]expr.Any, error) {
	var es []expr.Any
	for _, m := range r.Match {
		e, err := encodeMatch(m, anon)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", r, err)
		}
		es = append(es, e...)
	}
	for _, a := range r.Do {
		e, err := encodeAction(a)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", r, err)
		}
		es = append(es, e...)
	}
	return es, nil
}

func encodeMatch(m firewall.Match, anon func(firewall.Type, []firewall.Range) (*nftables.Set, error)) ([]expr.Any, error) {
	es, err := loadFields(m.Fields)
	if err != nil {
		return nil, err
	}
	if m.Set != "" {
		return append(es, &expr.Lookup{SourceRegister: firstReg, SetName: m.Set, Invert: m.Not}), nil
	}
	if len(m.Fields) != 1 || len(m.In) == 0 {
		return nil, fmt.Errorf("match %q: needs a set", m)
	}
	l, err := loadOf(m.Fields[0])
	if err != nil {
		return nil, err
	}
	if m.Mask != "" {
		mask, err := l.bytes(m.Mask)
		if err != nil {
			return nil, err
		}
		es = append(es, &expr.Bitwise{SourceRegister: firstReg, DestRegister: firstReg, Len: uint32(l.len),
			Mask: mask, Xor: make([]byte, l.len)})
	}
	if len(m.In) > 1 {
		s, err := anon(m.Fields[0].Type(), m.In)
		if err != nil {
			return nil, err
		}
		return append(es, &expr.Lookup{SourceRegister: firstReg, SetName: s.Name, SetID: s.ID, Invert: m.Not}), nil
	}
	if m.In[0].From != m.In[0].To {
		return nil, fmt.Errorf("match %q: a range needs a set", m)
	}
	b, err := l.bytes(m.In[0].From)
	if err != nil {
		return nil, err
	}
	op := expr.CmpOpEq
	if m.Not {
		op = expr.CmpOpNeq
	}
	return append(es, &expr.Cmp{Op: op, Register: firstReg, Data: b}), nil
}

func encodeAction(a firewall.Action) ([]expr.Any, error) {
	verdict := func(k expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: k, Chain: a.Name}} }
	switch a.Do {
	case firewall.DoDrop:
		return verdict(expr.VerdictDrop), nil
	case firewall.DoAccept:
		return verdict(expr.VerdictAccept), nil
	case firewall.DoReturn:
		return verdict(expr.VerdictReturn), nil
	case firewall.DoJump:
		return verdict(expr.VerdictJump), nil
	case firewall.DoGoto:
		return verdict(expr.VerdictGoto), nil
	case firewall.DoCount:
		return []expr.Any{&expr.Objref{Type: unix.NFT_OBJECT_COUNTER, Name: a.Name}}, nil
	case firewall.DoMasquerade:
		return []expr.Any{&expr.Masq{}}, nil
	case firewall.DoLog:
		return []expr.Any{
			&expr.Limit{Type: expr.LimitTypePkts, Rate: firewall.LogRate, Unit: expr.LimitTimeSecond, Burst: firewall.LogBurst},
			&expr.Log{Key: 1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_PREFIX, Group: firewall.LogGroup, Data: []byte(firewall.LogPrefix)},
		}, nil
	case firewall.DoReset:
		return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}}, nil
	case firewall.DoReject:
		return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_PORT_UNREACH}}, nil
	case firewall.DoDNAT:
		family := uint32(unix.NFPROTO_IPV4)
		if len(a.To) == 16 {
			family = unix.NFPROTO_IPV6
		} else if len(a.To) != 4 {
			return nil, fmt.Errorf("dnat to %x: no address", string(a.To))
		}
		return []expr.Any{
			&expr.Immediate{Register: firstReg, Data: []byte(a.To)},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: family, RegAddrMin: firstReg},
		}, nil
	}
	es, err := loadFields(a.Fields)
	if err != nil {
		return nil, err
	}
	from := &expr.Lookup{SourceRegister: firstReg, DestRegister: firstReg, IsDestRegSet: true, SetName: a.Name}
	switch a.Do {
	case firewall.DoCountIn:
		return append(es, &expr.Dynset{SrcRegKey: firstReg, SetName: a.Name, Operation: unix.NFT_DYNSET_OP_UPDATE}), nil
	case firewall.DoMarkFrom:
		return append(es, from, &expr.Ct{Key: expr.CtKeyMARK, Register: firstReg, SourceRegister: true}), nil
	case firewall.DoDNATFrom: // the map's data is address, then port
		return append(es, from, &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4,
			RegAddrMin: firstReg, RegProtoMin: firstReg + 1, Specified: true}), nil
	}
	return nil, fmt.Errorf("action %d: not known", a.Do)
}

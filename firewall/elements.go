package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The shortest and longest opening. Under a millisecond the kernel would keep
// an element for ever; over eight hours nobody may open (the domain's maximum).
const (
	MinOpen = time.Millisecond
	MaxOpen = 8 * time.Hour
)

// Elements is what an opening puts into the live sets: win_live, and the maps
// of its ways, by set name. All of them end with the opening. It refuses a way
// that leaves anything open: source, target, port, protocol or end.
func (o Opening) Elements() (map[string][]Elem, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("window %d: %w", o.Mark, err)
	}
	els := o.Ways()
	els["win_live"] = []Elem{o.Mark.Elem()}
	for name, es := range els {
		for i, e := range es {
			if j := slices.IndexFunc(es[:i], e.Overlaps); j >= 0 {
				return nil, fmt.Errorf("window %d: two ways are the same or overlap in %s", o.Mark, name)
			}
		}
	}
	return els, nil
}

// Ways are the elements of the opening's ways, whether or not anybody may open
// them: what somebody else put into the kernel must have a name to be taken away
// by.
func (o Opening) Ways() map[string][]Elem {
	els := map[string][]Elem{}
	put := func(set string, of netip.Addr, key ...Range) {
		set += family(of)
		els[set] = append(els[set], Elem{Key: key, Data: []Value{num32(o.Mark.ConntrackMark())}})
	}
	for _, p := range o.Passes {
		from, proto := rangeOf(p.Source), One(num8(uint8(p.Proto)))
		to, port := addr(p.Inside.Addr()), num16(p.Inside.Port())
		if p.Direct {
			put("inner", p.Source.Addr(), from, One(to), proto, One(port))
			continue
		}
		put("win", p.Source.Addr(), from, One(to), proto, One(port))
		if p.Source.Addr().Is4() {
			els["dnat4"] = append(els["dnat4"], Elem{Key: []Range{from, proto, One(num16(p.WANPort))}, Data: []Value{to, port}})
		}
	}
	for _, p := range o.OutPasses {
		put("out", p.Device, One(addr(p.Device)), One(addr(p.To.Addr())), One(num8(uint8(p.Proto))), One(num16(p.To.Port())))
	}
	for _, p := range o.Outer {
		put("outer", p.Source.Addr(), rangeOf(p.Source), One(addr(p.Box.Addr())), One(num8(uint8(UDP))), One(num16(p.Box.Port())))
	}
	for _, d := range o.Egress {
		put("egress", d, One(addr(d)))
	}
	return els
}

// Elem is the mark's element in a set keyed by mark.
func (m Mark) Elem() Elem { return Elem{Key: []Range{One(num32(m.ConntrackMark()))}} }

// ProbeElem is an interface's element in probe_if.
func ProbeElem(iface string) (Elem, error) {
	if err := checkIface(iface); err != nil {
		return Elem{}, err
	}
	return Elem{Key: []Range{One(Value(iface))}}, nil
}

// GateElems are the elements of the mark's gates, by set name. Gates that
// nothing could go through are left out: what a name leads to is the network's
// to say, and may be an address of the other family or of no host.
func (m Mark) GateElems(gs []Gate) (map[string][]Elem, error) {
	if m == 0 {
		return nil, errors.New("gates without mark")
	}
	return pairs("gate", gs, num32(m.ConntrackMark())), nil
}

// AnsweredElems are the elements of what a device was told by name, by set
// name, without what it could not reach from this address of its own.
func AnsweredElems(device netip.Addr, to []netip.Addr) (map[string][]Elem, error) {
	if !isHost(device) {
		return nil, fmt.Errorf("device %s: not a host", device)
	}
	var gs []Gate
	for _, a := range to {
		gs = append(gs, Gate{device, a})
	}
	return pairs("answered", gs), nil
}

// pairs are the elements of a set of device and target, each once.
func pairs(set string, gs []Gate, data ...Value) map[string][]Elem {
	els := map[string][]Elem{}
	for _, g := range gs {
		if !isHost(g.Device) || !isHost(g.Target) || g.Device.Is4() != g.Target.Is4() {
			continue
		}
		name := set + family(g.Device)
		e := Elem{Key: []Range{One(addr(g.Device)), One(addr(g.Target))}, Data: data}
		if !slices.ContainsFunc(els[name], e.Equal) {
			els[name] = append(els[name], e)
		}
	}
	return els
}

// family is "4" or "6", as the names of sets end.
func family(a netip.Addr) string {
	if a.Is4() {
		return "4"
	}
	return "6"
}

func (o Opening) check() error {
	switch {
	case o.Mark == 0:
		return errors.New("without mark")
	case o.For < MinOpen || o.For > MaxOpen:
		return fmt.Errorf("cannot be open for %s", o.For)
	case len(o.Passes)+len(o.OutPasses)+len(o.Outer)+len(o.Egress) == 0 && !o.ByName:
		return errors.New("opens nothing")
	}
	var errs []error
	for _, p := range o.Passes {
		errs = append(errs, p.check())
	}
	for _, p := range o.OutPasses {
		errs = append(errs, p.check())
	}
	for _, p := range o.Outer {
		errs = append(errs, p.check())
	}
	for _, d := range o.Egress {
		if !isHost(d) {
			errs = append(errs, fmt.Errorf("device %s: not a host", d))
		}
	}
	return errors.Join(errs...)
}

func (p Pass) check() error {
	if err := checkPrefix(p.Source); err != nil {
		return fmt.Errorf("source %w", err)
	}
	switch {
	case p.Proto != TCP && p.Proto != UDP:
		return fmt.Errorf("protocol %d: neither TCP nor UDP", p.Proto)
	case !isHost(p.Inside.Addr()) || p.Inside.Port() == 0:
		return fmt.Errorf("target %s: not a port of a host", p.Inside)
	case p.Inside.Addr().Is4() != p.Source.Addr().Is4():
		return fmt.Errorf("target %s: of another family than source %s", p.Inside, p.Source)
	case p.Source.Addr().Is4() && !p.Direct && p.WANPort == 0:
		return fmt.Errorf("target %s: no port on the WAN address", p.Inside)
	case p.Direct && p.WANPort != 0:
		return fmt.Errorf("target %s: direct, but by a port on the WAN address", p.Inside)
	}
	return nil
}

func (o Outer) check() error {
	if err := checkPrefix(o.Source); err != nil {
		return fmt.Errorf("source %w", err)
	}
	if !isHost(o.Box.Addr()) || o.Box.Port() == 0 || o.Box.Port() == 53 || o.Box.Addr().Is4() != o.Source.Addr().Is4() {
		return fmt.Errorf("tunnel at %s: not a free port of ours that %s can dial", o.Box, o.Source)
	}
	return nil
}

func (p OutPass) check() error {
	switch {
	case p.Proto != TCP && p.Proto != UDP:
		return fmt.Errorf("protocol %d: neither TCP nor UDP", p.Proto)
	case !isHost(p.Device):
		return fmt.Errorf("device %s: not a host", p.Device)
	case !isHost(p.To.Addr()) || p.To.Port() == 0 || p.To.Addr().Is4() != p.Device.Is4():
		return fmt.Errorf("target %s: not a port of a host that %s can dial", p.To, p.Device)
	}
	return nil
}

// Overlaps reports whether some packet is meant by both elements.
func (e Elem) Overlaps(o Elem) bool {
	if len(e.Key) != len(o.Key) {
		return false
	}
	for i, r := range e.Key {
		if len(r.From) != len(o.Key[i].From) || r.To < o.Key[i].From || o.Key[i].To < r.From {
			return false
		}
	}
	return true
}

// WaysOf is the inverse of Elements: what each mark lets through, read from
// the elements of the live maps, without mark and time. Elements that belong
// to no way are left out, as is a way whose range is no prefix (see Odd).
func WaysOf(live map[string][]Elem) map[Mark]Opening {
	out := map[Mark]Opening{}
	for _, kind := range []string{"win", "inner", "out", "outer", "egress"} {
		for _, e := range slices.Concat(live[kind+"4"], live[kind+"6"]) {
			var wan uint16
			if i := slices.IndexFunc(live["dnat4"], func(d Elem) bool { return d.Leads(e) }); kind == "win" && i >= 0 {
				wan = uint16(live["dnat4"][i].Key[2].From.num())
			}
			m := Mark(e.Data[0].num())
			o := out[m]
			o.take(kind, e, wan)
			out[m] = o
		}
	}
	return out
}

// take adds what an element of the set of that kind lets through, if that can
// be said; wan is the port that is dialled for it.
func (o *Opening) take(kind string, e Elem, wan uint16) {
	source, whole := prefixOf(e.Key[0])
	switch {
	case kind == "egress":
		o.Egress = append(o.Egress, addrOf(e.Key[0].From))
	case kind == "out":
		o.OutPasses = append(o.OutPasses, OutPass{Device: addrOf(e.Key[0].From), Proto: Proto(e.Key[2].From.num()), To: addrPort(e.Key[1].From, e.Key[3].From)})
	case kind == "outer" && whole:
		o.Outer = append(o.Outer, Outer{Source: source, Box: addrPort(e.Key[1].From, e.Key[3].From)})
	case (kind == "win" || kind == "inner") && whole:
		o.Passes = append(o.Passes, Pass{Source: source, Proto: Proto(e.Key[2].From.num()), WANPort: wan,
			Inside: addrPort(e.Key[1].From, e.Key[3].From), Direct: kind == "inner"})
	}
}

// Odd are those elements of the live maps that no opening has nor gate is, by
// set name: WaysOf cannot say what they let through, or not all of it. The
// elements of dnat4 are not looked at; those that lead to none of the rest are
// nobody's.
func Odd(live map[string][]Elem) map[string][]Elem {
	out := map[string][]Elem{}
	for name, es := range live {
		if name == "dnat4" || name == "win_live" {
			continue
		}
		for _, e := range es {
			m := Mark(e.Data[0].num())
			same := e.Data[0] == num32(m.ConntrackMark())
			if !strings.HasPrefix(name, "gate") { // of which there are many, and no ranges
				o := Opening{Mark: m}
				o.take(strings.TrimRight(name, "46"), e, 0)
				same = slices.ContainsFunc(o.Ways()[name], e.Equal)
			}
			if !same {
				out[name] = append(out[name], e)
			}
		}
	}
	return out
}

// Leads reports whether the element, of dnat4, leads to a way in, of win4. The
// way in says whose it is.
func (e Elem) Leads(way Elem) bool {
	return e.Key[0] == way.Key[0] && e.Key[1] == way.Key[2] && e.Data[0] == way.Key[1].From && e.Data[1] == way.Key[3].From
}

// GatesOf is the inverse of GateElems.
func GatesOf(live map[string][]Elem) map[Mark][]Gate {
	out := map[Mark][]Gate{}
	for _, e := range slices.Concat(live["gate4"], live["gate6"]) {
		m := Mark(e.Data[0].num())
		out[m] = append(out[m], Gate{addrOf(e.Key[0].From), addrOf(e.Key[1].From)})
	}
	return out
}

func addrOf(v Value) netip.Addr {
	a, _ := netip.AddrFromSlice([]byte(v))
	return a
}

func addrPort(a, port Value) netip.AddrPort { return netip.AddrPortFrom(addrOf(a), uint16(port.num())) }

package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
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
	if o.Mark == 0 {
		return nil, errors.New("window without mark")
	}
	if o.For < MinOpen || o.For > MaxOpen {
		return nil, fmt.Errorf("window %d: cannot be open for %s", o.Mark, o.For)
	}
	if len(o.Passes)+len(o.OutPasses) == 0 {
		return nil, fmt.Errorf("window %d: opens nothing", o.Mark)
	}
	mark := num32(o.Mark.ConntrackMark())
	els := map[string][]Elem{"win_live": {o.Mark.Elem()}}
	for _, p := range o.Passes {
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("window %d: %w", o.Mark, err)
		}
		p.elements(els, mark)
	}
	for _, p := range o.OutPasses {
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("window %d: %w", o.Mark, err)
		}
		set := "out4"
		if p.Device.Is6() {
			set = "out6"
		}
		key := []Range{One(addr(p.Device)), One(addr(p.To.Addr())), One(num8(uint8(p.Proto))), One(num16(p.To.Port()))}
		els[set] = append(els[set], Elem{Key: key, Data: []Value{mark}})
	}
	for name, es := range els {
		for i, e := range es {
			if j := slices.IndexFunc(es[:i], e.Overlaps); j >= 0 {
				return nil, fmt.Errorf("window %d: two ways are the same or overlap in %s", o.Mark, name)
			}
		}
	}
	return els, nil
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

func (p Pass) elements(els map[string][]Elem, mark Value) {
	from, proto := rangeOf(p.Source), One(num8(uint8(p.Proto)))
	to, port := addr(p.Inside.Addr()), num16(p.Inside.Port())
	way := Elem{Key: []Range{from, One(to), proto, One(port)}, Data: []Value{mark}}
	if p.Source.Addr().Is6() {
		els["win6"] = append(els["win6"], way)
		return
	}
	els["win4"] = append(els["win4"], way)
	els["dnat4"] = append(els["dnat4"], Elem{Key: []Range{from, proto, One(num16(p.WANPort))}, Data: []Value{to, port}})
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
	case p.Source.Addr().Is4() && p.WANPort == 0:
		return fmt.Errorf("target %s: no port on the WAN address", p.Inside)
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

// PassesOf is the inverse of Elements: the ways through of each mark, read
// from the elements of the live maps. Elements that belong to no way are left
// out, as is a way whose range is no prefix.
func PassesOf(live map[string][]Elem) (map[Mark][]Pass, map[Mark][]OutPass) {
	in, out := map[Mark][]Pass{}, map[Mark][]OutPass{}
	for _, name := range []string{"win4", "win6"} {
		for _, e := range live[name] {
			p := Pass{Proto: Proto(e.Key[2].From.num()), Inside: addrPort(e.Key[1].From, e.Key[3].From)}
			var ok bool
			if p.Source, ok = prefixOf(e.Key[0]); !ok {
				continue
			}
			for _, d := range live["dnat4"] {
				if name == "win4" && d.Key[0] == e.Key[0] && d.Key[1] == e.Key[2] && d.Data[0] == e.Key[1].From && d.Data[1] == e.Key[3].From {
					p.WANPort = uint16(d.Key[2].From.num())
				}
			}
			m := Mark(e.Data[0].num())
			in[m] = append(in[m], p)
		}
	}
	for _, name := range []string{"out4", "out6"} {
		for _, e := range live[name] {
			m := Mark(e.Data[0].num())
			device, _ := netip.AddrFromSlice([]byte(e.Key[0].From))
			out[m] = append(out[m], OutPass{Device: device, Proto: Proto(e.Key[2].From.num()), To: addrPort(e.Key[1].From, e.Key[3].From)})
		}
	}
	return in, out
}

func addrPort(a, port Value) netip.AddrPort {
	ip, _ := netip.AddrFromSlice([]byte(a))
	return netip.AddrPortFrom(ip, uint16(port.num()))
}

package firewall

import (
	"net/netip"
	"slices"
)

// Decide says what becomes of a packet: through prerouting, to the box or
// through it, as the kernel would. It works on the plain rules alone, so what
// it says holds for whatever made them. What it does not understand it drops.
func (rs Ruleset) Decide(p Packet, w World) Decision {
	if p.State == 0 {
		p.State = StateNew
	}
	d := &decider{rs: rs, w: w, p: p, live: liveElems(w), d: Decision{Mark: p.Mark}}
	if p.In != "" && !d.hook("prerouting") {
		return d.end()
	}
	switch {
	case p.In == "":
		d.p.Out = w.out(d.p)
		if d.hook("output") {
			d.hook("postrouting")
		}
	case w.isBox(d.p.Target) || p.Broadcast || p.Several || d.p.Target.IsMulticast():
		d.p.Out = ""
		d.hook("input")
	default:
		d.p.Out = w.out(d.p)
		if d.p.Out == "" {
			d.d = Decision{Chain: "route", Why: "no route", Mark: d.d.Mark, Counts: d.d.Counts}
			return d.d
		}
		if d.hook("forward") {
			d.hook("postrouting")
		}
	}
	return d.end()
}

func (w World) out(p Packet) string {
	switch {
	case p.Out != "":
		return p.Out
	case w.isBox(p.Target):
		return "lo"
	}
	return w.route(p.Target)
}

type decider struct {
	rs   Ruleset
	w    World
	p    Packet
	live map[string][]Elem
	d    Decision
}

func (d *decider) end() Decision {
	d.d.Mark = d.p.Mark
	d.d.Target = netip.AddrPortFrom(d.p.Target, d.p.Port)
	return d.d
}

// hook runs the base chains of one hook and reports whether the packet goes
// on. A NAT chain only sees the first packet of a flow.
func (d *decider) hook(at string) bool {
	for _, c := range d.rs.Chains {
		if c.Hook == nil || c.Hook.At != at || c.Hook.Type == "nat" && d.p.State != StateNew {
			continue
		}
		v, done := d.run(c, 0)
		if !done {
			v = c.Hook.Policy
			if at != "prerouting" && at != "postrouting" || v == Drop {
				d.d.Chain, d.d.Why = c.Name, "policy"
			}
		}
		d.d.Verdict = v
		if v != Accept {
			d.d.Verdict = Drop
			return false
		}
	}
	return true
}

// run applies a chain; done says that it, or one it led to, decided. As in the
// kernel, a chain gone to does not come back where it was gone from.
func (d *decider) run(c Chain, depth int) (v Verdict, done bool) {
	if depth > 16 {
		return Drop, true
	}
rules:
	for _, r := range c.Rules {
		for _, m := range r.Match {
			if !d.matches(m) {
				continue rules
			}
		}
		for _, a := range r.Do {
			switch a.Do {
			case DoAccept, DoDrop, DoReset, DoReject:
				if a.Do == DoReset && d.p.Proto != TCP {
					return Drop, true // the kernel takes no such rule
				}
				d.d.Chain, d.d.Why, d.d.Told = c.Name, r.reason(), a.Do == DoReset || a.Do == DoReject
				return map[Verb]Verdict{DoAccept: Accept}[a.Do], true
			case DoReturn:
				return Drop, false
			case DoJump, DoGoto:
				to, ok := d.rs.chain(a.Name)
				if !ok {
					return Drop, true
				}
				if v, done = d.run(to, depth+1); done || a.Do == DoGoto {
					return v, done
				}
			case DoCount:
				d.d.Counts = append(d.d.Counts, a.Name)
			case DoCountIn:
				d.d.Counts = append(d.d.Counts, "@"+a.Name)
			case DoMarkFrom:
				data, ok := d.lookup(a.Name, a.Fields)
				if !ok {
					continue rules
				}
				d.p.Mark = data[0].num()
			case DoDNATFrom:
				data, ok := d.lookup(a.Name, a.Fields)
				if !ok {
					continue rules
				}
				to := addrPort(data[0], data[1])
				d.p.Target, d.p.Port = to.Addr(), to.Port()
				return Accept, true
			case DoDNAT:
				d.p.Target, _ = netip.AddrFromSlice([]byte(a.To))
				return Accept, true
			case DoMasquerade:
				d.d.Masq = true
				return Accept, true
			case DoLog: // changes nothing
			default:
				return Drop, true
			}
		}
	}
	return Drop, false
}

func (r Rule) reason() string {
	if r.Why != "" {
		return r.Why
	}
	for _, a := range r.Do {
		if a.Do == DoCount {
			return a.Name
		}
	}
	return r.String()
}

func (d *decider) matches(m Match) bool {
	if m.Set != "" {
		_, ok := d.lookup(m.Set, m.Fields)
		return ok != m.Not && d.has(m.Fields)
	}
	if len(m.Fields) != 1 {
		return false
	}
	v, ok := d.p.value(m.Fields[0], d.w)
	if !ok {
		return false
	}
	if m.Mask != "" {
		if len(m.Mask) != len(v) {
			return false
		}
		b := []byte(v)
		for i := range b {
			b[i] &= m.Mask[i]
		}
		v = Value(b)
	}
	return slices.ContainsFunc(m.In, func(r Range) bool { return r.Has(v) }) != m.Not
}

func (d *decider) has(fs []Field) bool {
	for _, f := range fs {
		if _, ok := d.p.value(f, d.w); !ok {
			return false
		}
	}
	return len(fs) > 0
}

// lookup finds the element of the set that the fields of the packet lie in.
func (d *decider) lookup(set string, fs []Field) ([]Value, bool) {
	s, ok := d.rs.Set(set)
	if !ok || len(fs) != len(s.Key) {
		return nil, false
	}
	es := s.Elems
	if s.Live() {
		es = d.live[set]
	}
search:
	for _, e := range es {
		if len(e.Key) != len(fs) || len(e.Data) != len(s.Data) {
			continue
		}
		for i, f := range fs {
			v, ok := d.p.value(f, d.w)
			if !ok || !e.Key[i].Has(v) {
				continue search
			}
		}
		return e.Data, true
	}
	return nil, false
}

// liveElems is what the live sets hold in this world.
func liveElems(w World) map[string][]Elem {
	out := map[string][]Elem{}
	for _, o := range w.Open {
		els, err := o.Elements()
		if err != nil {
			continue // the kernel would not have taken it either
		}
		for name, es := range els {
			out[name] = append(out[name], es...)
		}
	}
	put := func(els map[string][]Elem, err error) {
		for name, es := range els {
			if err == nil {
				out[name] = append(out[name], es...)
			}
		}
	}
	for m, gs := range w.Gates {
		put(m.GateElems(gs))
	}
	for _, a := range w.Answered {
		put(AnsweredElems(a.Device, []netip.Addr{a.Target}))
	}
	for _, i := range w.Probes {
		out["probe_if"] = append(out["probe_if"], Elem{Key: []Range{One(Value(i))}})
	}
	return out
}

package firewall

import (
	"fmt"
	"slices"
)

// Check proves, from the rules themselves and not from how they were made,
// what no setting may lift:
//
//   - input, forward and output drop what no rule decides;
//   - a packet that came neither from the LAN nor from the box is accepted only
//     as an answer, as part of a flow whose mark is in win_live, or on its way to
//     the box as what a DHCP client and IPv6 need; so the page never answers it;
//   - marks and translated targets come only from maps whose elements end and
//     whose keys name source, target, protocol and port. Two kinds of map name
//     less, a device with or without its target, and set marks only on what
//     the LAN begins through the box: they never let anybody in;
//   - to the box itself a mark lets in UDP alone, so no window shows the page;
//   - nobody outside is told that he was refused.
func (rs Ruleset) Check() error {
	for _, at := range []string{"input", "forward", "output"} {
		c, ok := rs.chain(at)
		if !ok || c.Hook == nil || c.Hook.At != at || c.Hook.Type != "filter" || c.Hook.Policy != Drop {
			return fmt.Errorf("chain %s does not drop by default", at)
		}
	}
	for _, c := range rs.Chains {
		if c.Hook != nil {
			if err := rs.walk(c, c.Hook.At, false, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// walk checks a chain as seen from a hook; inside says that only packets from
// the LAN or from the box itself come by here.
func (rs Ruleset) walk(c Chain, hook string, inside bool, depth int) error {
	if depth > 16 { // the kernel's own limit, NFT_JUMP_STACK_SIZE
		return fmt.Errorf("chain %s: too deep", c.Name)
	}
	for _, r := range c.Rules {
		bad := func(what string) error { return fmt.Errorf("chain %s: %s: %s", c.Name, r, what) }
		for _, m := range r.Match {
			if err := rs.fits(m.Set, m.Fields); err != nil {
				return bad(err.Error())
			}
		}
		inside := inside || r.fromInside()
		for _, a := range r.Do {
			switch a.Do {
			case DoAccept:
				if !inside && !rs.mayAccept(r, hook) {
					return bad("lets in packets from outside")
				}
			case DoJump, DoGoto:
				to, ok := rs.chain(a.Name)
				if !ok {
					return bad("no such chain")
				}
				if err := rs.walk(to, hook, inside, depth+1); err != nil {
					return err
				}
			case DoMarkFrom, DoDNATFrom:
				if err := rs.fits(a.Name, a.Fields); err != nil {
					return bad(err.Error())
				}
				if s, _ := rs.Set(a.Name); !s.Timeout {
					return bad("opens without end")
				}
				if what := r.opens(a, hook, inside); what != "" {
					return bad(what)
				}
			case DoReset, DoReject:
				if !inside {
					return bad("tells the outside what is refused")
				}
			case DoDNAT:
				if !inside {
					return bad("turns packets from outside")
				}
			case DoCountIn:
				if err := rs.fits(a.Name, a.Fields); err != nil {
					return bad(err.Error())
				}
			case DoCount:
				if !slices.Contains(rs.Counters, a.Name) {
					return bad("no such counter")
				}
			}
		}
	}
	return nil
}

// opens reports what is wrong with setting a mark or a target by the map of a.
func (r Rule) opens(a Action, hook string, inside bool) string {
	names := func(any ...Field) bool {
		return slices.ContainsFunc(any, func(f Field) bool { return slices.Contains(a.Fields, f) })
	}
	target, port := names(Target4, Target6), names(TargetPort)
	switch {
	case !names(Source4, Source6):
		return "opens to everybody"
	case inside && hook == "forward" && a.Do == DoMarkFrom:
		return "" // a device of the LAN dials out
	case hook == "output": // the box speaks: its own end is the source
		port = names(SourcePort)
	case a.Do == DoDNATFrom: // the target is the box
		target = hook == "prerouting"
	case hook == "input" && !slices.ContainsFunc(r.Match, func(m Match) bool { return m.only(L4Proto, num8(uint8(UDP))) }):
		return "opens more of the box than UDP"
	}
	if !target || !port || !names(L4Proto) {
		return "opens without target, port or protocol"
	}
	return ""
}

// only reports whether packets that match have the one value in the field.
func (m Match) only(f Field, v Value) bool {
	return slices.Equal(m.Fields, []Field{f}) && !m.Not && m.Mask == "" && m.Set == "" && slices.Equal(m.In, []Range{One(v)})
}

// fits reports what is wrong with looking the fields up in the set.
func (rs Ruleset) fits(set string, fs []Field) error {
	if set == "" {
		return nil
	}
	s, ok := rs.Set(set)
	if !ok {
		return fmt.Errorf("no set %s", set)
	}
	types := make([]Type, len(fs))
	for i, f := range fs {
		types[i] = f.Type()
	}
	if !slices.Equal(types, s.Key) {
		return fmt.Errorf("set %s is not of %s", set, joinFields(fs))
	}
	return nil
}

func (r Rule) fromInside() bool {
	return slices.ContainsFunc(r.Match, func(m Match) bool {
		return slices.Equal(m.Fields, []Field{InIface}) && !m.Not &&
			(m.Set == "lan_if" || len(m.In) == 1 && m.In[0] == One("lo"))
	})
}

// mayAccept says whether an accept of packets that may come from outside is
// one of the few.
func (rs Ruleset) mayAccept(r Rule, hook string) bool {
	if hook == "prerouting" || hook == "postrouting" || hook == "output" {
		return true // only input and forward let anything in
	}
	var udp, dhcp, icmp6 bool
	for _, m := range r.Match {
		if m.Not && m.Fields[0] != State || len(m.Fields) > 1 {
			continue
		}
		switch m.Fields[0] {
		case CTMark:
			if m.Set == "win_live" {
				return true
			}
		case State:
			if m.Not && m.Mask.num() != 0 && m.Mask.num()&^answers == 0 && slices.Equal(m.In, []Range{One(num32(0))}) {
				return true
			}
		case L4Proto:
			udp = slices.Equal(m.In, []Range{One(num8(uint8(UDP)))})
			icmp6 = slices.Equal(m.In, []Range{One(num8(uint8(ICMPv6)))})
		case TargetPort:
			dhcp = slices.Equal(m.In, []Range{One(num16(68))}) || slices.Equal(m.In, []Range{One(num16(546))})
		}
	}
	return hook == "input" && (udp && dhcp || icmp6)
}

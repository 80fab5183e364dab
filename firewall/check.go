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
//     whose keys name source, target, protocol and port.
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
				if s, _ := rs.Set(a.Name); !s.Timeout || !slices.Contains(a.Fields, TargetPort) || !slices.Contains(a.Fields, L4Proto) {
					return bad("opens without port, protocol or end")
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

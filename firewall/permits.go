package firewall

import (
	"net/netip"
	"slices"
	"strings"
)

// Permits says whether a flow that began under other rules may go on under
// these. The rules look at a flow's ends once, when it is new; package kernel
// asks this for the rest when they change. A flow from the LAN may not go on to
// a vendor without permission, nor to a blocked address.
func (rs Ruleset) Permits(source netip.Addr, target netip.AddrPort, p Proto) bool {
	family := family(source)
	if rs.Outside(source) {
		return true // not from behind us
	}
	to := addr(target.Addr())
	if rs.holds("vendor"+family, to) {
		return rs.holds("allow"+family, addr(source), to, num8(uint8(p)), num16(target.Port()))
	}
	return !rs.holds("blocked"+family, to)
}

// Outside reports whether an address is none of the networks behind the box.
func (rs Ruleset) Outside(a netip.Addr) bool {
	return a.IsValid() && !rs.holds("bogon"+family(a), addr(a)) // the WAN's bogons are first of all the LAN
}

// holds looks a key up in a static set. Its elements are sorted, and those of
// a single field do not overlap.
func (rs Ruleset) holds(set string, key ...Value) bool {
	s, ok := rs.Set(set)
	if !ok || len(key) != len(s.Key) {
		return false
	}
	if len(key) > 1 {
		return slices.ContainsFunc(s.Elems, func(e Elem) bool {
			for i, v := range key {
				if !e.Key[i].Has(v) {
					return false
				}
			}
			return true
		})
	}
	i, _ := slices.BinarySearchFunc(s.Elems, key[0], func(e Elem, v Value) int {
		return strings.Compare(string(e.Key[0].To), string(v))
	})
	return i < len(s.Elems) && s.Elems[i].Key[0].Has(key[0])
}

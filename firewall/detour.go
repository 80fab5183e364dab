package firewall

import (
	"net/netip"
	"slices"
)

// A Detour is DNS of one device that was not meant for the box: first packets
// of flows to a port, since the count was last forgotten. Port 53 is captured
// and answered by the box; 853 is DNS over TLS and QUIC to anybody; the others
// are HTTPS and the like to those that answer nothing but DNS.
type Detour struct {
	Device [6]byte // hardware address
	Port   uint16
	Count
}

// RefusesDNS says whether DNS that goes past the box is captured and refused,
// and not only counted.
func (rs Ruleset) RefusesDNS() bool {
	c, _ := rs.chain("lan_out")
	return slices.ContainsFunc(c.Rules, func(r Rule) bool {
		return slices.ContainsFunc(r.Do, func(a Action) bool { return a.Do == DoJump && a.Name == "dns_past" })
	})
}

// PermitsDNS is Permits for what the name filter's rules say: false for a flow
// from the LAN past it, unless the device is exempt. dialled is what the device
// asked for, reached where the flow went.
func (rs Ruleset) PermitsDNS(source netip.Addr, dialled netip.AddrPort, reached netip.Addr, p Proto) bool {
	family := family(source)
	to := addr(dialled.Addr())
	if rs.Outside(source) || !rs.Outside(reached) || p != TCP && p != UDP || rs.holds("vendor"+family, to) {
		return true
	}
	switch port := dialled.Port(); port {
	case 53, 853:
		return false
	default:
		return !slices.Contains(hiddenPorts, port) || !rs.holds("doh"+family, to)
	}
}

package gateway

import (
	"context"
	"net/netip"
	"slices"

	"monban/firewall"
	"monban/gateway/checklist"
	"monban/gateway/text"
	"monban/gateway/window"
)

// A Listener is a local end anybody could talk to, but for the packet rules.
type Listener struct {
	Proto firewall.Proto // TCP or UDP
	At    netip.AddrPort // without a zone, as /proc/net has it
}

func (l Listener) String() string { return l.At.String() + "/" + l.Proto.String() }

// wanExposure is E-01: what listens towards the outside on the box itself.
func (g *Gateway) wanExposure(context.Context) (checklist.Evidence, bool) {
	s := g.current()
	if g.o.Listeners == nil || s.mode == SetUp {
		return checklist.Evidence{}, false
	}
	ls, err := g.o.Listeners()
	if err != nil {
		return checklist.Evidence{}, false
	}
	wan, err := g.o.LocalAddrs(s.config.WAN.Interface)
	if err != nil {
		return checklist.Evidence{}, false
	}
	e := g.evidence("E-01", dayOld)
	outside := 0
	for _, l := range ls {
		if !l.At.Addr().IsUnspecified() && !containsAddr(wan, l.At.Addr()) {
			continue
		}
		outside++
		code := g.letToBox(l)
		if code == "" {
			seen(&e, true, "evidence.listens_wan", text.Args{"address": l.String()})
			continue
		}
		seen(&e, false, code, text.Args{"address": l.String()})
	}
	switch {
	case outside == 0:
		seen(&e, false, "evidence.listens_not_wan", text.Args{"n": len(ls)})
	case e.Result == checklist.Pass:
		seen(&e, false, "evidence.listens_rest", text.Args{"n": len(ls) - outside})
	}
	return e, true
}

// The ports of the box's own DHCP clients (RFC 2131, 4.1; RFC 8415, 7.2).
const (
	dhcpClient4 = 68
	dhcpClient6 = 546
)

// letToBox says why something that listens outside is meant to: the code of an
// observation, or nothing. It knows exactly what the packet rules let in to the
// box from the WAN (chain wan_box of package firewall): answers of DHCP servers
// to the address they are for, and a tunnel's packets while its window is open.
func (g *Gateway) letToBox(l Listener) string {
	a, port := l.At.Addr(), l.At.Port()
	wg := g.current().config.WireGuard
	switch {
	case l.Proto != firewall.UDP:
	case port == dhcpClient4 && a.Is4() && !a.IsUnspecified(), port == dhcpClient6 && a.Is6() && a.IsLinkLocalUnicast():
		return "evidence.listens_dhcp"
	case port == wg.Port && len(wg.Addresses) > 0 &&
		slices.ContainsFunc(g.open(), func(w window.Window) bool { return w.Kind == window.WireGuard }):
		return "evidence.listens_tunnel"
	}
	return ""
}

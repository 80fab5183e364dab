package window

import (
	"fmt"
	"net/netip"
)

// named is what two windows collide in where that is no port and no target.
type named string

func (n named) String() string { return string(n) }

// Collides reports the first thing of w that o would use too: two open ones
// cannot, since a packet must belong to one of them. What it is, is for
// showing; nil if they go together.
//
// Inbound: one WAN end for overlapping sources (IPv6 is never translated and
// collides only on the same device). Outbound: one target of one device. Tool:
// one device, whose unknown flows can carry one mark only. WireGuard: one
// vendor, who has one peer. Windows of different kinds never collide: inbound
// and outbound differ in who dials, and what comes out of a tunnel has the
// tunnel's addresses, which no vendor's range may hold (package config sees to
// that).
func (w Window) Collides(o Window) (what fmt.Stringer, hit bool) {
	if w.kind() != o.kind() {
		return nil, false
	}
	switch w.kind() {
	case Outbound:
		return w.sharedTarget(o)
	case Tool:
		return named(w.Tool), w.Device == o.Device
	case WireGuard:
		return named("WireGuard"), w.Vendor == o.Vendor
	}
	return w.sharedPort(o)
}

func (w Window) sharedPort(o Window) (fmt.Stringer, bool) {
	for _, p := range w.Ports {
		for _, q := range o.Ports {
			if p.Proto != q.Proto {
				continue
			}
			sameWAN := p.WAN == q.WAN && overlap(w.Sources, o.Sources, true)
			sameDevice := w.Device == o.Device && p.Port == q.Port && overlap(w.Sources, o.Sources, false)
			if sameWAN || sameDevice {
				return p, true
			}
		}
	}
	return nil, false
}

func (w Window) sharedTarget(o Window) (fmt.Stringer, bool) {
	for _, t := range w.Targets {
		for _, u := range o.Targets {
			if w.Device == o.Device && t == u {
				return t, true
			}
		}
	}
	return nil, false
}

// overlap reports whether any two ranges share an address, in IPv4 alone or in
// either family.
func overlap(a, b []netip.Prefix, only4 bool) bool {
	for _, p := range a {
		for _, q := range b {
			if p.Overlaps(q) && (!only4 || p.Addr().Is4()) {
				return true
			}
		}
	}
	return false
}

// kind is w's Kind, and Inbound for a record older than the others.
func (w Window) kind() Kind {
	if w.Kind == "" {
		return Inbound
	}
	return w.Kind
}

package firewall

import (
	"net/netip"
	"time"
)

// A Pass is one way in through an open window: from the vendor's range to a
// port of a device. For IPv4 the vendor dials WANPort on the WAN address and
// is translated; for IPv6 he dials the device itself and WANPort is ignored.
type Pass struct {
	Source  netip.Prefix
	Proto   Proto
	WANPort uint16
	Inside  netip.AddrPort
}

// An OutPass is one way out through an open window: a device may dial To.
type OutPass struct {
	Device netip.Addr
	To     netip.AddrPort
	Proto  Proto
}

// An Opening is a window about to open: who may pass, for how long. Every
// opening ends; For is what makes it.
type Opening struct {
	Mark      Mark
	For       time.Duration
	Passes    []Pass
	OutPasses []OutPass
}

// A Flow is one connection through a window, as conntrack sees it. Its
// counts include what the forward hook refused after the end.
type Flow struct {
	ID     uint32 // conntrack id, stable while the entry lives
	Mark   Mark
	Proto  Proto
	Source netip.AddrPort // who began it
	Target netip.AddrPort // whom it reached, after translation
	WAN    netip.AddrPort // what Source dialled; equals Target if not translated
	Start  time.Time      // zero where nf_conntrack_timestamp is off
	End    time.Time      // zero while it lives
	In     Count          // Source to Target
	Out    Count          // Target to Source
	Gone   bool           // the entry no longer exists
}

// Meets reports whether a flow lies between the same ends as a way of the
// opening, in front of the translation or behind it.
func (o Opening) Meets(f Flow) bool {
	for _, p := range o.Passes {
		if p.Proto != f.Proto || !p.Source.Contains(f.Source.Addr()) {
			continue
		}
		if f.Target == p.Inside || p.Inside.Addr().Is4() && f.WAN.Port() == p.WANPort {
			return true
		}
	}
	for _, p := range o.OutPasses {
		if p.Proto == f.Proto && p.Device == f.Source.Addr() && p.To == f.WAN {
			return true
		}
	}
	return false
}

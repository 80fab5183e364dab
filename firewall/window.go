package firewall

import (
	"net/netip"
	"slices"
	"time"
)

// A Pass is one way in through an open window: from the vendor's range to a
// port of a device. For IPv4 the vendor dials WANPort on the WAN address and
// is translated; for IPv6 he dials the device itself and WANPort is ignored.
// A Direct one comes out of a tunnel, from a tunnel address, and is never
// translated; packets from the WAN do not meet it.
type Pass struct {
	Source  netip.Prefix
	Proto   Proto
	WANPort uint16
	Inside  netip.AddrPort
	Direct  bool
}

// An OutPass is one way out through an open window: a device may dial To.
type OutPass struct {
	Device netip.Addr
	To     netip.AddrPort
	Proto  Proto
}

// An Outer is a tunnel's own way: UDP between the vendor's range, whatever his
// port, and a port of the box.
type Outer struct {
	Source netip.Prefix
	Box    netip.AddrPort
}

// A Gate is an address a device may dial: in a tool window, since it is one of
// the tool's, or under answered-only egress, since the name filter told it.
type Gate struct{ Device, Target netip.Addr }

// An Opening is a window about to open: who may pass, for how long. Every
// opening ends; For is what makes it.
type Opening struct {
	Mark      Mark
	For       time.Duration
	Passes    []Pass
	OutPasses []OutPass
	Outer     []Outer
	// Egress are addresses of devices under answered-only egress. Whatever TCP
	// or UDP they begin to what they were not told by name carries the mark.
	Egress []netip.Addr
	// ByName says that the window's ways come by name while it is open, as its
	// Gates: only then may it open nothing at first.
	ByName bool
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
		if f.Target == p.Inside || p.Inside.Addr().Is4() && !p.Direct && f.WAN.Port() == p.WANPort {
			return true
		}
	}
	for _, p := range o.OutPasses {
		if p.Proto == f.Proto && p.Device == f.Source.Addr() && p.To == f.WAN {
			return true
		}
	}
	for _, p := range o.Outer { // whoever of the two spoke first
		if f.Proto == UDP && (f.WAN == p.Box && p.Source.Contains(f.Source.Addr()) ||
			f.Source == p.Box && p.Source.Contains(f.WAN.Addr())) {
			return true
		}
	}
	return slices.Contains(o.Egress, f.Source.Addr())
}

// Meets reports whether the flow goes through the gate.
func (g Gate) Meets(f Flow) bool { return f.Source.Addr() == g.Device && f.WAN.Addr() == g.Target }

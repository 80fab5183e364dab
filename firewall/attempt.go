package firewall

import (
	"net/netip"
	"time"
)

// A Try is who tried to come in while no window let him, since he was last
// forgotten: every packet that began something, or nothing conntrack knows, to
// the box or to the LAN. Source is as the packet claims.
type Try struct {
	Source netip.Addr
	Vendor bool // lies in a registered vendor's range
	Count
}

// A Sample is one refused packet of those a Try counts. Most are not sampled.
type Sample struct {
	At     time.Time // when it was read
	Source netip.AddrPort
	Target netip.AddrPort // ports are 0 but for TCP and UDP
	Proto  Proto
	In     string // interface; empty if it has gone since
}

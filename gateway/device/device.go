// Package device is the inventory: it merges sightings on the LAN into
// devices and says what is new.
//
// It asks nobody: package neigh brings the sightings, package store keeps what
// is to be kept. Nothing here proves who somebody is; a MAC address is only
// what a frame said.
package device

import (
	"net/netip"
	"slices"
	"time"
)

// The sources of a sighting.
const (
	FromNeigh = "neigh" // the kernel's neighbour table
	FromARP   = "arp"   // an ARP frame (RFC 826)
	FromNDP   = "ndp"   // a neighbour discovery frame (RFC 4861)
)

// A Sighting is one proof that a device was on the LAN.
type Sighting struct {
	At     time.Time
	MAC    MAC
	Addr   netip.Addr // what it used; invalid if the proof names none
	Iface  string
	Source string // FromNeigh, FromARP, …
}

// An Address is an IP address a device was seen with.
type Address struct {
	Addr netip.Addr
	Seen time.Time // last
}

// A Device is one MAC address and what was seen of it.
type Device struct {
	ID        int64 // the store's; 0 until it is stored
	MAC       MAC
	Addrs     []Address // newest first, at most MaxAddrs
	Iface     string    // where it was last seen
	FirstSeen time.Time
	LastSeen  time.Time
	Name      string // given by a person or by site.toml; empty: nobody did
	NamedBy   string // who gave the name
	Present   bool   // filled in copies: seen within Grace of the asked time
}

// Grace is how long after its last sign a device still counts as present. It
// is long because a quiet PC is not a lost one.
const Grace = 15 * time.Minute

// MaxAddrs is how many addresses are kept for a device: an IPv6 host has
// several and changes some of them daily (RFC 8981).
const MaxAddrs = 16

// copied returns d as it stands at that time, sharing nothing with it.
func (d *Device) copied(at time.Time) Device {
	c := *d
	c.Addrs = slices.Clone(d.Addrs)
	c.Present = !d.LastSeen.IsZero() && at.Sub(d.LastSeen) <= Grace
	return c
}

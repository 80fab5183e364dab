package device

import (
	"bytes"
	"net/netip"
	"slices"
	"time"
)

// All returns copies of all devices as they stand at that time, the longest
// known first.
func (v *Inventory) All(at time.Time) []Device {
	out := make([]Device, 0, len(v.devices))
	for _, e := range v.devices {
		out = append(out, e.copied(at))
	}
	slices.SortFunc(out, func(a, b Device) int {
		if c := a.FirstSeen.Compare(b.FirstSeen); c != 0 {
			return c
		}
		return bytes.Compare(a.MAC[:], b.MAC[:])
	})
	return out
}

// ByMAC returns a copy of the device with that MAC.
func (v *Inventory) ByMAC(m MAC, at time.Time) (Device, bool) {
	e := v.devices[m]
	if e == nil {
		return Device{}, false
	}
	return e.copied(at), true
}

// ByAddr returns a copy of the device that used the address last. Whoever can
// send frames on the LAN can claim an address: good for naming, not for trust.
func (v *Inventory) ByAddr(a netip.Addr, at time.Time) (Device, bool) {
	m, ok := v.holders[a.Unmap().WithZone("")]
	if !ok {
		return Device{}, false
	}
	return v.ByMAC(m, at)
}

// Flood is how many passing devices (unnamed, around for less than Settled)
// are still worth storing. Above it somebody invents addresses, and writing
// them down would only wear out the card.
const Flood = 256

// Changes returns copies of the devices that changed since the last call, and
// of stored ones that were forgotten, and begins anew. What was invented and
// forgotten in between never reaches the store; during a flood no passing
// device does.
func (v *Inventory) Changes(at time.Time) (put, gone []Device) {
	flood := v.passing.n > Flood
	for _, e := range v.devices {
		if e.dirty && !(flood && e.in == &v.passing) {
			e.dirty = false
			put = append(put, e.copied(at))
		}
	}
	slices.SortFunc(put, func(a, b Device) int { return bytes.Compare(a.MAC[:], b.MAC[:]) })
	gone, v.gone = v.gone, nil
	return put, gone
}

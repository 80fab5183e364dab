package device

import (
	"net/netip"
	"slices"
	"time"
)

// Limits of an inventory. A clinic has tens of devices, a hospital ward a few
// hundred; whoever shows more addresses than that is inventing them.
const (
	// MaxUnnamed is how many devices without a name are remembered. Named
	// ones are never forgotten; people make those, not frames.
	MaxUnnamed = 4096
	// Settled is how long a device must have been around to be forgotten
	// only after those that came and went.
	Settled = 10 * time.Minute
)

// An Inventory is all devices known. It is not safe for concurrent use.
type Inventory struct {
	devices map[MAC]*entry
	holders map[netip.Addr]MAC // who used an address last
	passing queue              // unnamed, not settled
	staying queue              // unnamed, settled
	gone    []Device           // forgotten since the last Changes, if stored
}

// NewInventory returns an inventory that knows the devices of the store.
func NewInventory(known []Device) *Inventory {
	v := &Inventory{devices: map[MAC]*entry{}, holders: map[netip.Addr]MAC{}}
	// Oldest first, so that the queues come out in order of last sight.
	known = slices.Clone(known)
	slices.SortFunc(known, func(a, b Device) int { return a.LastSeen.Compare(b.LastSeen) })
	for _, d := range known {
		if !d.MAC.Single() || v.devices[d.MAC] != nil {
			continue
		}
		e := &entry{Device: d}
		e.Addrs = slices.Clone(d.Addrs[:min(len(d.Addrs), MaxAddrs)])
		v.devices[d.MAC] = e
		for _, a := range e.Addrs {
			v.holders[a.Addr] = d.MAC
		}
		v.enqueue(e)
	}
	v.trim(nil)
	return v
}

// See takes in a sighting. It returns the device as it stands now (valid
// until the next call), whether it was never seen before, and whether
// anything but the time of the last sight changed. A sighting that names no
// single device is ignored: nil, false, false.
func (v *Inventory) See(s Sighting) (d *Device, fresh, changed bool) {
	if !s.MAC.Single() {
		return nil, false, false
	}
	e := v.devices[s.MAC]
	if e == nil {
		e = &entry{Device: Device{MAC: s.MAC, FirstSeen: s.At}}
		v.devices[s.MAC] = e
		fresh, changed = true, true
	}
	// The clock may step back; what was seen later stays.
	if e.FirstSeen.IsZero() {
		e.FirstSeen = s.At
	}
	if s.At.After(e.LastSeen) {
		e.LastSeen = s.At
	}
	if s.Iface != "" && s.Iface != e.Iface {
		e.Iface, changed = s.Iface, true
	}
	if usable(s.Addr) && v.use(e, s.Addr.WithZone(""), s.At) {
		changed = true
	}
	e.dirty = true
	v.enqueue(e)
	v.trim(e)
	return &e.Device, fresh, changed
}

// usable says whether an address can be a host's own.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() &&
		a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// use notes that e used a, and says whether that is news.
func (v *Inventory) use(e *entry, a netip.Addr, at time.Time) (news bool) {
	a = a.Unmap()
	i := slices.IndexFunc(e.Addrs, func(x Address) bool { return x.Addr == a })
	switch {
	case i >= 0:
		if at.After(e.Addrs[i].Seen) {
			e.Addrs[i].Seen = at
		}
	case len(e.Addrs) < MaxAddrs:
		i, news = len(e.Addrs), true
		e.Addrs = append(e.Addrs, Address{a, at})
	default:
		i, news = len(e.Addrs)-1, true
		v.unhold(e.Addrs[i].Addr, e.MAC)
		e.Addrs[i] = Address{a, at}
	}
	newest := e.Addrs[i]
	copy(e.Addrs[1:i+1], e.Addrs[:i])
	e.Addrs[0] = newest
	if v.holders[a] != e.MAC {
		v.holders[a], news = e.MAC, true
	}
	return news
}

func (v *Inventory) unhold(a netip.Addr, m MAC) {
	if v.holders[a] == m {
		delete(v.holders, a)
	}
}

// Name sets a device's name and who gave it; an empty name takes it away. A
// device never seen is made, so that site.toml can name one that is off.
func (v *Inventory) Name(m MAC, name, by string) (*Device, bool) {
	if !m.Single() {
		return nil, false
	}
	e := v.devices[m]
	if e == nil {
		e = &entry{Device: Device{MAC: m}}
		v.devices[m] = e
	}
	if e.Name != name || e.NamedBy != by {
		e.Name, e.NamedBy, e.dirty = name, by, true
	}
	v.enqueue(e)
	v.trim(e)
	return &e.Device, true
}

// SetID tells the number the store gave a device.
func (v *Inventory) SetID(m MAC, id int64) {
	if e := v.devices[m]; e != nil {
		e.ID = id
	}
}

// Len returns how many devices are known, and how many of them nobody named.
func (v *Inventory) Len() (all, unnamed int) {
	return len(v.devices), v.passing.n + v.staying.n
}

package gateway

import (
	"net/netip"
	"slices"
	"time"

	"monban/gateway/config"
	"monban/gateway/device"
)

// holdings are the addresses each device has now, in order. An address that
// went on to another device (a lease that ended, say) is remembered of both; it
// is that of who used it last, so that it takes nothing along that was meant
// for the other. Link-local addresses are among them: devices ask us by those,
// too.
type holdings map[device.MAC][]netip.Addr

func holdingsOf(known []device.Device) holdings {
	type use struct {
		by device.MAC
		at time.Time
	}
	last := map[netip.Addr]use{}
	for _, d := range known {
		for _, a := range d.Addrs {
			if had, ok := last[a.Addr]; !ok || a.Seen.After(had.at) {
				last[a.Addr] = use{d.MAC, a.Seen}
			}
		}
	}
	h := holdings{}
	for a, u := range last {
		h[u.by] = append(h[u.by], a)
	}
	for _, addrs := range h {
		slices.SortFunc(addrs, netip.Addr.Compare)
	}
	return h
}

// of are the addresses of a device of site.toml.
func (h holdings) of(d config.Device) []netip.Addr {
	mac, _ := device.MACFrom(d.MAC)
	return h[mac]
}

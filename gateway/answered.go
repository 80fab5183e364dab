package gateway

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"monban/gateway/device"
)

// answered remembers which device was told by name what it may reach from an
// address, since the kernel knows the address alone.
type answered struct {
	mu     sync.Mutex // held over the kernel, so that nothing told meanwhile is taken back
	owners map[netip.Addr]device.MAC
}

// maxOwners bounds what is remembered. A clinic has some tens of such
// addresses; who is forgotten leaves at most what a name was good for.
const maxOwners = 4096

// claim makes an address that of the device mac, which is about to be told
// something there: what another one was told does not serve it.
func (g *Gateway) claim(a netip.Addr, mac device.MAC) error {
	g.answered.mu.Lock()
	defer g.answered.mu.Unlock()
	last, known := g.answered.owners[a]
	if known && last == mac {
		return nil
	}
	if known {
		if err := g.o.Firewall.Unadmit(a); err != nil {
			return fmt.Errorf("taking back what another device was told: %w", err)
		}
		g.o.Log.Info("address has moved; what was told there is taken back", "addr", a, "from", last, "to", mac)
	}
	if g.answered.owners == nil || len(g.answered.owners) >= maxOwners {
		g.answered.owners = map[netip.Addr]device.MAC{}
	}
	g.answered.owners[a] = mac
	return nil
}

// claimMoved takes back what was told at addresses that another device under
// answered-only egress has now, before that asks for anything. (For other
// devices it means nothing, and their coming and going takes nothing away from
// the owner: a repeater may show its own MAC for a while.)
func (g *Gateway) claimMoved() {
	c := g.current().config
	g.answered.mu.Lock()
	all := slices.Collect(maps.Keys(g.answered.owners))
	g.answered.mu.Unlock()
	for _, a := range all {
		g.mu.Lock()
		holder, ok := g.inventory.ByAddr(a, g.o.Clock.Wall())
		g.mu.Unlock()
		if !ok || !answeredOnly(c, holder.MAC) {
			continue
		}
		if err := g.claim(a, holder.MAC); err != nil {
			g.o.Log.Error("addresses told by name", "addr", a, "err", err)
		}
	}
}

package gateway

import (
	"net/netip"
	"time"

	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
)

// NamesLimited is that a device asked the name filter for more than one may.
type NamesLimited struct {
	At      time.Time
	Client  netip.Addr
	Dropped uint64 // questions left unanswered
}

const (
	limitedPause = time.Hour // between two lines about one device
	// limitedLines bounds the lines of that time: who invents addresses and
	// MACs could fill the log with them.
	limitedLines = 32
)

// limitWatch is about which devices there is a line of the last hour.
type limitWatch struct {
	told map[device.MAC]time.Duration // on the boot clock; the zero MAC is all unknown devices
}

// SeeLimited takes in that a device asked too much. It goes to the log, and on
// record once an hour for each device, whichever of its addresses it asks from;
// it never waits.
func (g *Gateway) SeeLimited(s NamesLimited) {
	g.mu.Lock()
	d, known := g.inventory.ByAddr(s.Client, g.o.Clock.Wall())
	now := g.o.Clock.Boot()
	if g.limited.told == nil {
		g.limited.told = map[device.MAC]time.Duration{}
	}
	for mac, at := range g.limited.told {
		if now-at >= limitedPause {
			delete(g.limited.told, mac)
		}
	}
	_, told := g.limited.told[d.MAC]
	news := !told && len(g.limited.told) < limitedLines
	if news {
		g.limited.told[d.MAC] = now
	}
	g.mu.Unlock()
	name, mac := s.Client.String(), ""
	if known {
		name, mac = g.deviceView(d).displayName(), d.MAC.String()
	}
	g.o.Log.Warn("the name filter left questions of a device unanswered, it asks too much",
		"device", name, "mac", mac, "address", s.Client, "questions", s.Dropped)
	if !news {
		return
	}
	args := map[string]any{"device": name, "mac": mac, "address": s.Client.String(), "n": s.Dropped}
	g.queue(lateRecord{who: people.Box, fn: func(tx *store.Tx) error { return g.tell(tx, "dns.limited", args) }})
}

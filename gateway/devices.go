package gateway

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// see takes in what was seen on the LAN. A new device goes to the store at
// once, everything else with the next batch.
func (g *Gateway) see(s device.Sighting) {
	g.mu.Lock()
	d, fresh, changed := g.inventory.See(s)
	// A further address of a device with a way in or out changes what the
	// kernel must hold.
	rules := changed && d != nil && d.Name != ""
	_, unnamed := g.inventory.Len()
	flood := unnamed > device.Flood
	g.mu.Unlock()
	// Somebody who invents addresses must not make the card write.
	if fresh && !flood {
		signal(g.flush)
	}
	if rules {
		g.kick()
	}
}

// signal wakes whoever waits on c, without waiting itself.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// observe writes what was seen to the store: new devices at once, the rest in
// batches, so that a card lasts.
func (g *Gateway) observe(ctx context.Context) error {
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			g.putDevices(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
		case <-g.flush:
			// New devices come in a burst when the box starts.
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
		g.putDevices(ctx)
	}
}

// putDevices stores what changed since the last time. Without a database
// nothing is lost but history: the inventory still knows.
func (g *Gateway) putDevices(ctx context.Context) {
	db := g.db()
	if db == nil {
		return
	}
	g.mu.Lock()
	put, gone := g.inventory.Changes(g.o.Clock.Wall())
	g.mu.Unlock()
	for batch := range slices.Chunk(put, observeRows) {
		ids, err := db.PutDevices(ctx, batch, nil)
		if err != nil {
			g.troubled(err)
			return
		}
		g.mu.Lock()
		for mac, id := range ids {
			g.inventory.SetID(mac, id)
		}
		g.mu.Unlock()
	}
	if len(gone) > 0 {
		if _, err := db.PutDevices(ctx, nil, gone); err != nil {
			g.troubled(err)
		}
	}
}

// Devices lists the ledger: those nobody named first, then by name.
func (g *Gateway) Devices(ctx context.Context, who people.Actor) ([]Device, error) {
	if err := may(who, people.ActRead); err != nil {
		return nil, err
	}
	g.putDevices(ctx) // so that each has its number
	g.mu.Lock()
	all := g.inventory.All(g.o.Clock.Wall())
	g.mu.Unlock()
	out := make([]Device, 0, len(all))
	for _, d := range all {
		out = append(out, g.deviceView(d))
	}
	slices.SortStableFunc(out, func(a, b Device) int {
		switch {
		case a.Name == "" && b.Name != "":
			return -1
		case a.Name != "" && b.Name == "":
			return 1
		}
		return 0
	})
	return out, nil
}

func (g *Gateway) deviceView(d device.Device) Device {
	v := Device{ID: d.ID, Name: d.Name, NamedBy: d.NamedBy, MAC: d.MAC.String(), Maker: device.Maker(d.MAC),
		Random: d.MAC.Random(), FirstSeen: d.FirstSeen, LastSeen: d.LastSeen, Present: d.Present}
	for _, a := range d.Addrs {
		v.Addrs = append(v.Addrs, a.Addr)
	}
	slices.SortFunc(v.Addrs, netip.Addr.Compare)
	for _, c := range g.current().config.Devices {
		if slices.Equal(c.MAC, d.MAC[:]) {
			v.Label, v.Answered = c.Label, c.Egress == config.Answered
		}
	}
	return v
}

// displayName is what people call a device.
func (v Device) displayName() string {
	switch {
	case v.Label != "" && v.NamedBy == fromSite:
		return v.Label
	case v.Name != "":
		return v.Name
	}
	return v.MAC
}

// NameDevice gives a device the name a person chose.
func (g *Gateway) NameDevice(ctx context.Context, who people.Actor, id int64, name string) error {
	if err := may(who, people.ActNameDevice); err != nil {
		return err
	}
	d, ok := g.deviceByID(id)
	if !ok {
		return text.NewFault("device.unknown", "device", id)
	}
	name, err := g.nameFor(d, name)
	if err != nil {
		return err
	}
	if err := g.act(ctx, who, func(tx *store.Tx) error {
		if err := tx.NameDevice(id, name, who.Name); err != nil {
			return err
		}
		return tx.Audit("device.named", map[string]any{"device": id, "mac": d.MAC.String(), "name": name, "before": d.Name})
	}); err != nil {
		return err
	}
	g.mu.Lock()
	g.inventory.Name(d.MAC, name, who.Name)
	g.mu.Unlock()
	g.kick()
	return nil
}

func (g *Gateway) deviceByID(id int64) (device.Device, bool) {
	return g.deviceWhere(func(d device.Device) bool { return d.ID == id && id != 0 })
}

func (g *Gateway) deviceWhere(is func(device.Device) bool) (device.Device, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.inventory.All(g.o.Clock.Wall())
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	return device.Device{}, false
}

// findDevice finds a device by what a person calls it: its number as "#12",
// its name in site.toml or in the ledger, its MAC or an address. No name can
// look like one of the others; see nameFor.
func (g *Gateway) findDevice(ctx context.Context, s string) (device.Device, error) {
	g.putDevices(ctx)
	var is func(device.Device) bool
	addr, notAddr := netip.ParseAddr(s)
	mac, notMAC := device.ParseMAC(s)
	switch c, inSite := g.current().config.Device(s); {
	case strings.HasPrefix(s, "#"):
		is = func(d device.Device) bool { return d.ID != 0 && s == "#"+itoa(d.ID) }
	case inSite:
		is = func(d device.Device) bool { return slices.Equal(d.MAC[:], c.MAC) }
	case notAddr == nil: // before a MAC: 2001:db8:10::200 has twelve digits, too
		g.mu.Lock()
		holder, _ := g.inventory.ByAddr(addr, g.o.Clock.Wall())
		g.mu.Unlock()
		is = func(d device.Device) bool { return d.MAC == holder.MAC }
	case notMAC == nil:
		is = func(d device.Device) bool { return d.MAC == mac }
	default:
		is = func(d device.Device) bool { return s != "" && d.Name == s }
	}
	found, ok := g.deviceWhere(is)
	switch {
	case !ok:
		return device.Device{}, text.NewFault("device.unknown", "device", s).On("device")
	case found.ID == 0:
		// Only without a database, and then no window opens either.
		return device.Device{}, g.storeFault()
	}
	return found, nil
}

// nameFor checks a name a person gives to d: it must not be what something
// else is called by, or a window could open to the wrong device.
func (g *Gateway) nameFor(d device.Device, name string) (string, error) {
	name, err := people.Clean(name)
	if err != nil {
		return "", err
	}
	_, notAddr := netip.ParseAddr(name)
	_, notMAC := device.ParseMAC(name)
	c, inSite := g.current().config.Device(name)
	if strings.HasPrefix(name, "#") || notAddr == nil || notMAC == nil || inSite && !slices.Equal(c.MAC, d.MAC[:]) {
		return "", text.NewFault("device.name_misleads", "name", name).On("name")
	}
	return name, nil
}

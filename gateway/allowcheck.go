package gateway

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"monban/dnsfilter"
	"monban/dnsfilter/tools"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// checkAllow wants a name that a list could refuse and people may allow.
func (g *Gateway) checkAllow(ctx context.Context, ask AllowAsk, wished bool) (store.Allow, error) {
	x, err := g.explain(ctx, ask.Name, netip.Addr{})
	if err != nil {
		return store.Allow{}, err
	}
	a := store.Allow{Name: x.Name}
	if ask.Device != "" {
		d, ok := g.deviceByKey(ask.Device)
		if !ok {
			return a, text.NewFault("device.unknown", "device", ask.Device).On("device")
		}
		a.MAC = d.MAC.String()
	}
	if ask.Reason != "" {
		if a.Reason, err = people.CleanText(ask.Reason); err != nil {
			return a, on("reason", err)
		}
	}
	switch {
	case !strings.Contains(a.Name, "."): // everything below jp, or com
		return a, text.NewFault("dns.allow_wide", "name", a.Name).On("name")
	case g.ofTool(a.Name):
		return a, text.NewFault("dns.allow_tool", "name", a.Name).On("name")
	case slices.Contains([]string{dnsfilter.Canary, dnsfilter.Rebinding, dnsfilter.AtHome, dnsfilter.Known}, x.Reason):
		return a, text.NewFault("dns.allow_useless", "name", a.Name).On("name")
	case wished && g.wishes() >= maxAllows/2: // room for those who may allow
		return a, fullIf(true)
	}
	return a, nil
}

// ofTool says whether letting name through would let a remote-support tool
// through without its window.
func (g *Gateway) ofTool(name string) bool {
	if g.o.Tools == nil {
		return false
	}
	for _, t := range g.o.Tools.Tools() {
		for _, d := range t.Domains {
			if d.Class != tools.Shared && (within(name, d.Name) || within(d.Name, name)) {
				return true
			}
		}
	}
	return false
}

// wished finds a wish that waits for the same name on the same device.
func (g *Gateway) wished(a store.Allow) (store.Allow, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.IndexFunc(g.chosen.allows, func(b store.Allow) bool { return b.At.IsZero() && b.Name == a.Name && b.MAC == a.MAC })
	if i < 0 {
		return store.Allow{}, false
	}
	return g.chosen.allows[i], true
}

// within says whether name is zone or below it.
func within(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }

func (g *Gateway) wishes() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.chosen.allows {
		if a.At.IsZero() {
			n++
		}
	}
	return n
}

// deviceByKey finds a device by the hardware address it is counted under.
func (g *Gateway) deviceByKey(key string) (device.Device, bool) {
	mac, err := device.ParseMAC(key)
	if err != nil {
		return device.Device{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inventory.ByMAC(mac, g.o.Clock.Wall())
}

// deviceCalled finds a device by its hardware address, its short name or what
// people call it.
func (g *Gateway) deviceCalled(s string) (device.Device, bool) {
	if d, ok := g.deviceByKey(s); ok {
		return d, true
	}
	g.mu.Lock()
	all := g.inventory.All(g.o.Clock.Wall())
	g.mu.Unlock()
	for _, d := range all {
		if s != "" && (d.Name == s || g.deviceView(d).displayName() == s) {
			return d, true
		}
	}
	return device.Device{}, false
}

// nameOfKey is what people call what a key stands for.
func (g *Gateway) nameOfKey(key string) string {
	if d, ok := g.deviceByKey(key); ok {
		return g.deviceView(d).displayName()
	}
	return key
}

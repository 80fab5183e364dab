package window_test

import (
	"net/netip"
	"testing"

	"monban/gateway/window"
)

func TestCollides(t *testing.T) {
	mk := func(device int64, src string, inside, wan uint16, proto window.Proto) window.Window {
		return window.Window{Device: device, Sources: []netip.Prefix{netip.MustParsePrefix(src)},
			Ports: []window.Port{{Proto: proto, Port: inside, WAN: wan}}}
	}
	of := func(k window.Kind, w window.Window) window.Window { w.Kind = k; return w }
	a := mk(1, "203.0.113.0/28", 3389, 3389, window.TCP)
	v6 := mk(1, "2001:db8::/48", 104, 104, window.TCP)
	out := func(device int64, targets ...string) window.Window {
		w := window.Window{Kind: window.Outbound, Device: device}
		for _, s := range targets {
			w.Targets = append(w.Targets, target(t, s))
		}
		return w
	}
	tool := func(device int64, name string) window.Window {
		return window.Window{Kind: window.Tool, Device: device, Tool: name}
	}
	tunnel := func(vendor string, device int64) window.Window {
		return window.Window{Kind: window.WireGuard, Vendor: vendor, Device: device, Ports: a.Ports, Sources: a.Sources}
	}
	for _, c := range []struct {
		name string
		a, b window.Window
		want string
	}{
		{"itself", a, a, "3389/tcp"},
		{"an old record and a new one", a, of(window.Inbound, a), "3389/tcp"},
		{"another device, same WAN port", a, mk(2, "203.0.113.8/32", 22, 3389, window.TCP), "3389/tcp"},
		{"another WAN port", a, mk(2, "203.0.113.8/32", 3389, 3390, window.TCP), ""},
		{"another vendor", a, mk(2, "198.51.100.0/24", 3389, 3389, window.TCP), ""},
		{"UDP", a, mk(1, "203.0.113.0/28", 3389, 3389, window.UDP), ""},
		{"same device by another WAN port", a, mk(1, "203.0.113.0/28", 3389, 3390, window.TCP), "3389/tcp"},
		{"IPv6 needs no WAN port", v6, mk(2, "2001:db8::/64", 104, 104, window.TCP), ""},
		{"two windows for one IPv6 way", v6, mk(1, "2001:db8::/64", 104, 105, window.TCP), "104/tcp"},
		{"one target of two", out(1, "203.0.113.5:443", "203.0.113.6:443"), out(1, "203.0.113.6:443"), "203.0.113.6:443/tcp"},
		{"one target, two devices", out(1, "203.0.113.5:443"), out(2, "203.0.113.5:443"), ""},
		{"one target, two protocols", out(1, "203.0.113.5:443"), out(1, "203.0.113.5:443/udp"), ""},
		{"two tools on one device", tool(1, "AnyDesk"), tool(1, "TeamViewer"), "AnyDesk"},
		{"one tool on two devices", tool(1, "AnyDesk"), tool(2, "AnyDesk"), ""},
		{"two tunnels of one vendor", tunnel("acme", 1), tunnel("acme", 2), "WireGuard"},
		{"two vendors' tunnels to one port", tunnel("acme", 1), tunnel("other", 1), ""},
		// What comes out of a tunnel has its own addresses.
		{"a tunnel beside the same way in", tunnel("", 1), a, ""},
		{"a tool beside a way out", tool(1, "AnyDesk"), out(1, "203.0.113.5:443"), ""},
	} {
		if what, hit := c.a.Collides(c.b); hit != (c.want != "") || hit && what.String() != c.want {
			t.Errorf("%s: %v, %v", c.name, what, hit)
		}
		if _, hit := c.b.Collides(c.a); hit != (c.want != "") {
			t.Errorf("%s, the other way: %v", c.name, hit)
		}
	}
}

func target(t testing.TB, s string) window.Target {
	t.Helper()
	to, err := window.ParseTarget(s)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

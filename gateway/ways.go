package gateway

import (
	"net/netip"
	"slices"

	"monban/firewall"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/window"
)

// opening is what a window puts into the kernel for its device as it is known
// now; only For is missing. Its lists are empty if there is no way.
func (g *Gateway) opening(w window.Window, d device.Device) firewall.Opening {
	return opening(g.current().config, g.outside(), w, g.onLAN(d))
}

// outside are our addresses on the WAN now, but for those of the link alone.
func (g *Gateway) outside() []netip.Addr {
	as, err := g.o.LocalAddrs(g.current().config.WAN.Interface)
	if err != nil {
		g.o.Log.Warn("WAN addresses not read", "err", err)
	}
	return globals(as)
}

// opening decides; wan are our addresses outside, d has only those addresses
// that are its own and on the LAN.
func opening(c config.Config, wan []netip.Addr, w window.Window, d device.Device) firewall.Opening {
	o := firewall.Opening{Mark: firewall.Mark(w.Mark)}
	switch w.Kind {
	case window.Outbound:
		o.OutPasses = outPasses(w, d)
	case window.Tool:
		o.ByName = true
		if answeredOnly(c, d.MAC) {
			o.Egress = own(d)
		}
	case window.WireGuard:
		o.Passes, o.Outer = tunnelled(c, wan, w, d)
	default:
		o.Passes = passes(w, d)
	}
	return o
}

// leads says whether an opening has any way at all: a tool's window releases a
// name.
func leads(o firewall.Opening) bool { return len(o.Passes)+len(o.OutPasses) > 0 || o.ByName }

// dialled are the addresses of a device a window can lead to: its newest IPv4
// address, and all global ones of IPv6 (unique local ones cannot be reached
// from outside).
func dialled(d device.Device) (v4 netip.Addr, v6 []netip.Addr) {
	for _, a := range d.Addrs { // newest first
		switch {
		case a.Addr.Is4():
			if !v4.IsValid() {
				v4 = a.Addr
			}
		case a.Addr.IsGlobalUnicast() && !a.Addr.IsPrivate():
			v6 = append(v6, a.Addr)
		}
	}
	slices.SortFunc(v6, netip.Addr.Compare)
	return v4, v6
}

// own are all addresses packets of a device may come from.
func own(d device.Device) []netip.Addr {
	var out []netip.Addr
	for _, a := range d.Addrs {
		if !a.Addr.IsLinkLocalUnicast() {
			out = append(out, a.Addr)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// passes are the ways in that an inbound window opens to a device: by IPv4
// through the WAN port that leads to it, by IPv6 straight to each of its
// global addresses (never translated).
func passes(w window.Window, d device.Device) []firewall.Pass {
	var out []firewall.Pass
	v4, v6 := dialled(d)
	for _, src := range w.Sources {
		for _, p := range w.Ports {
			if src.Addr().Is4() {
				if v4.IsValid() {
					out = append(out, firewall.Pass{Source: src, Proto: protocol(p.Proto), WANPort: p.WAN,
						Inside: netip.AddrPortFrom(v4, p.Port)})
				}
				continue
			}
			for _, a := range v6 {
				out = append(out, firewall.Pass{Source: src, Proto: protocol(p.Proto), Inside: netip.AddrPortFrom(a, p.Port)})
			}
		}
	}
	return out
}

// outPasses are the ways out: from each address of the device to the targets
// of its family.
func outPasses(w window.Window, d device.Device) []firewall.OutPass {
	var out []firewall.OutPass
	for _, from := range own(d) {
		for _, t := range w.Targets {
			// What is unique local has no way to a global address and back.
			if from.Is4() == t.Addr.Is4() && (from.Is4() || !from.IsPrivate()) {
				out = append(out, firewall.OutPass{Device: from, To: netip.AddrPortFrom(t.Addr, t.Port), Proto: protocol(t.Proto)})
			}
		}
	}
	return out
}

// tunnelled are the ways of a WireGuard window: the tunnel's own packets from
// the vendor's ranges to the box, and from the engineer's address inside the
// tunnel to the ports.
func tunnelled(c config.Config, wan []netip.Addr, w window.Window, d device.Device) (in []firewall.Pass, outer []firewall.Outer) {
	v, ok := c.Vendor(w.Vendor)
	if !ok {
		return nil, nil
	}
	for _, a := range wan {
		for _, src := range w.Sources {
			if src.Addr().Is4() == a.Is4() {
				outer = append(outer, firewall.Outer{Source: src, Box: netip.AddrPortFrom(a, c.WireGuard.Port)})
			}
		}
	}
	v4, _ := dialled(d)
	for _, from := range v.WireGuardAddresses {
		for _, p := range w.Ports {
			for _, to := range own(d) {
				if from.Is4() != to.Is4() || to.Is4() && to != v4 {
					continue
				}
				in = append(in, firewall.Pass{Source: netip.PrefixFrom(from, from.BitLen()), Proto: protocol(p.Proto),
					Inside: netip.AddrPortFrom(to, p.Port), Direct: true})
			}
		}
	}
	if len(outer) == 0 {
		return nil, nil
	}
	return in, outer
}

// answeredOnly says whether a device reaches only addresses the name filter
// gave it.
func answeredOnly(c config.Config, mac device.MAC) bool {
	return slices.ContainsFunc(c.Devices, func(d config.Device) bool {
		return slices.Equal(d.MAC, mac[:]) && d.Egress == config.Answered
	})
}

// shown are the ways of an opening as people read them; wan is our address
// outside.
func shown(o firewall.Opening, wan string) []Way {
	var out []Way
	for _, p := range o.Passes {
		x := Way{Source: p.Source, Proto: window.Proto(p.Proto.String()), Dial: p.Inside.String(), Inside: p.Inside}
		if p.WANPort != 0 && !p.Direct {
			x.Dial = wan + ":" + itoa(int64(p.WANPort))
		}
		out = append(out, x)
	}
	for _, p := range o.OutPasses {
		out = append(out, Way{Source: netip.PrefixFrom(p.Device, p.Device.BitLen()), Proto: window.Proto(p.Proto.String()),
			Dial: p.To.String(), Inside: p.To, Out: true})
	}
	for _, p := range o.Outer {
		out = append(out, Way{Source: p.Source, Proto: window.UDP, Dial: p.Box.String(), Inside: p.Box})
	}
	return out
}

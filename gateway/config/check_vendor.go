package config

import (
	"net/netip"
	"slices"
)

// The widest range a vendor may register. A way in from more than this is no
// longer a way in for one company.
const (
	widest4 = 16
	widest6 = 48
)

// A claim is a range somebody registered before.
type claim struct {
	prefix netip.Prefix
	path   string
}

func (f *faults) vendors(written []fileVendor, c Config) []Vendor {
	var vendors []Vendor
	var claims []claim
	names, tunnels := f.unique(), f.tunnels(c)
	for i, w := range written {
		at := index("vendor", i)
		v := Vendor{
			Name:  f.id(join(at, "name"), w.Name),
			Label: f.text(join(at, "label"), w.Label, optional),
			Phone: f.text(join(at, "phone"), w.Phone, optional),
		}
		if v.Label == "" {
			v.Label = v.Name
		}
		names.add(join(at, "name"), v.Name)
		if len(w.Sources) == 0 {
			f.add(join(at, "sources"), "config.source_none")
		}
		for j, s := range w.Sources {
			path := index(join(at, "sources"), j)
			p, ok := f.source(path, s)
			if !ok || !f.sourceFits(path, p, c) {
				continue
			}
			k := slices.IndexFunc(claims, func(o claim) bool { return o.prefix.Overlaps(p) })
			if k >= 0 {
				f.add(path, "config.source_shared", "value", s, "first", claims[k].path)
			}
			claims = append(claims, claim{p, path})
			v.Sources = append(v.Sources, p)
		}
		tunnels.check(at, w, &v)
		v.Outbound = f.outbound(join(at, "outbound"), w.Outbound, v, c)
		vendors = append(vendors, v)
	}
	return vendors
}

// source reads a range, or one address, by its own form.
func (f *faults) source(path, s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if a, alone := netip.ParseAddr(s); alone == nil && a.Zone() == "" {
		p, err = host(a), nil
	}
	widest := widest4
	if p.Addr().Is6() {
		widest = widest6
	}
	switch {
	case err != nil || p.Addr().Is4In6():
		f.add(path, "config.source", "value", show(s))
	case p.Bits() == 0:
		f.add(path, "config.source_all", "value", s)
	case p.Bits() < widest:
		f.add(path, "config.source_wide", "value", s, "max", widest)
	case special(p):
		f.add(path, "config.address_special", "value", s)
	case p != p.Masked():
		f.add(path, "config.source_bits", "value", s, "range", p.Masked(), "host", host(p.Addr()))
	default:
		return p, true
	}
	return p, false
}

// sourceFits checks a range against the rest of the file: what comes from a
// vendor must not be able to come from us, and what the clinic needs must not
// fall under the drop of all else towards a vendor.
func (f *faults) sourceFits(path string, p netip.Prefix, c Config) bool {
	for _, l := range c.LAN.Addresses {
		if l.IsValid() && l.Overlaps(p) {
			f.add(path, "config.source_lan", "value", p, "net", l.Masked())
		}
	}
	for _, n := range c.WireGuard.Addresses {
		if n.IsValid() && n.Overlaps(p) {
			f.add(path, "config.source_tunnel", "value", p, "net", n.Masked())
		}
	}
	for _, w := range c.WAN.Addresses {
		if w.IsValid() && p.Contains(w.Addr()) {
			f.add(path, "config.source_ours", "value", p, "ours", w.Addr())
		}
	}
	for _, u := range c.DNS.Resolvers() {
		if p.Contains(u) {
			f.add(path, "config.source_upstream", "value", p, "upstream", u)
		}
	}
	return !f.has(path)
}

// outbound checks what devices may always open to v.
func (f *faults) outbound(path string, written []fileOutbound, v Vendor, c Config) []Outbound {
	var all []Outbound
	for i, w := range written {
		at := index(path, i)
		o := Outbound{Device: w.Device, Why: f.text(join(at, "why"), w.Why, required)}
		o.Proto, o.Port = f.protoPort(at, w.Proto, w.Port)
		if _, ok := c.Device(w.Device); !ok || w.Device == "" {
			f.add(join(at, "device"), "config.unknown_device", "value", show(w.Device))
		}
		to, err := netip.ParseAddr(w.To)
		switch {
		case err != nil || to.Zone() != "":
			f.add(join(at, "to"), "config.outbound_to", "value", show(w.To))
		// Towards any other address the way out is open anyway.
		case !slices.ContainsFunc(v.Sources, func(p netip.Prefix) bool { return p.Contains(to) }):
			f.add(join(at, "to"), "config.outbound_outside", "value", to)
		}
		o.To = to
		all = append(all, o)
	}
	return all
}

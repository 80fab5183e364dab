package config

import (
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
)

func (f *faults) dns(t fileDNS, c Config) DNS {
	return DNS{
		Upstreams: f.upstreams(t.Upstreams, c),
		Lists:     f.lists(t.Lists),
		MustWork:  f.mustWork(t.MustWork),
		Exempt:    f.exempt(t.Exempt, c),
	}
}

var errUpstream = errors.New("not an address with an optional port")

// upstream reads an address, with port 53 unless another is given.
func upstream(s string) (netip.AddrPort, error) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return ap, errUpstream
		}
		ap = netip.AddrPortFrom(a, 53)
	}
	if a := ap.Addr(); ap.Port() == 0 || a.Zone() != "" || a.Is4In6() || special(host(a)) {
		return ap, errUpstream
	}
	return ap, nil
}

func (f *faults) upstreams(written []string, c Config) []netip.AddrPort {
	if len(written) == 0 {
		f.add("dns.upstreams", "config.missing")
	}
	var ups []netip.AddrPort
	seen := f.unique()
	for i, s := range written {
		at := index("dns.upstreams", i)
		// Our own addresses come first: loopback is one of them.
		if ap, _ := upstream(s); ap.Addr().IsLoopback() || ours(c, ap.Addr()) {
			f.add(at, "config.upstream_own", "value", show(s))
			continue
		}
		ap, err := upstream(s)
		if err != nil {
			f.add(at, "config.upstream", "value", show(s))
			continue
		}
		seen.add(at, ap.String())
		ups = append(ups, ap)
	}
	return ups
}

// ours says whether a is an address of the box itself.
func ours(c Config, a netip.Addr) bool {
	return slices.ContainsFunc(slices.Concat(c.LAN.Addresses, c.WAN.Addresses, c.WireGuard.Addresses),
		func(p netip.Prefix) bool { return p.IsValid() && p.Addr() == a })
}

func (f *faults) lists(written []fileList) []List {
	var lists []List
	seen := f.unique()
	for i, w := range written {
		at := index("dns.list", i)
		l := List{Name: f.id(join(at, "name"), w.Name), File: w.File}
		seen.add(join(at, "name"), l.Name)
		// The path stays below site.toml, the only place a backup keeps and
		// the service may read.
		switch {
		case w.File == "":
			f.add(join(at, "file"), "config.missing")
		case strings.ContainsAny(w.File, "\\\x00") || !filepath.IsLocal(w.File) || w.File == ".":
			f.add(join(at, "file"), "config.list_path", "value", show(w.File))
		}
		lists = append(lists, l)
	}
	return lists
}

func (f *faults) mustWork(written []string) []string {
	var names []string
	seen := f.unique()
	for i, s := range written {
		at := index("dns.must_work", i)
		name := f.host(at, s)
		seen.add(at, name)
		names = append(names, name)
	}
	return names
}

// exempt checks devices by name or by hardware address.
func (f *faults) exempt(written []string, c Config) []string {
	var all []string
	seen := f.unique()
	for i, s := range written {
		at := index("dns.exempt", i)
		if _, ok := c.Device(s); !ok || s == "" {
			if _, err := net.ParseMAC(s); err != nil {
				f.add(at, "config.unknown_device", "value", show(s))
				continue
			}
			s = f.mac(at, s).String()
		}
		seen.add(at, s)
		all = append(all, s)
	}
	return all
}

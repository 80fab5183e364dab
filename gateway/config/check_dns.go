package config

import (
	"net"
	"path/filepath"
	"strings"
)

func (f *faults) dns(t fileDNS, c Config) DNS {
	return DNS{
		Upstreams: f.upstreams("dns.upstreams", t.Upstreams, c),
		Zones:     f.zones(t.Zones, c),
		Lists:     f.lists(t.Lists),
		MustWork:  f.mustWork(t.MustWork),
		Exempt:    f.exempt(t.Exempt, c),
	}
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

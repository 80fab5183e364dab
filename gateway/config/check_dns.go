package config

import (
	"net"
)

func (f *faults) dns(t fileDNS, c Config) DNS {
	return DNS{
		Upstreams: f.upstreams("dns.upstreams", t.Upstreams, c),
		Zones:     f.zones(t.Zones, c),
		Lists:     f.lists(t.Lists),
		MustWork:  f.hosts("dns.must_work", t.MustWork),
		Deny:      f.hosts("dns.deny", t.Deny),
		Allow:     f.hosts("dns.allow", t.Allow),
		Exempt:    f.exempt(t.Exempt, c),
		Around:    f.around("dns.around", t.Around),
		Refuse:    f.refuseWith("dns.refuse_with", t.RefuseWith),
		Log:       f.nameLog("dns.log", t.Log),
	}
}

// hosts checks a list of host names.
func (f *faults) hosts(path string, written []string) []string {
	var names []string
	seen := f.unique()
	for i, s := range written {
		at := index(path, i)
		name := f.host(at, s)
		seen.add(at, name)
		names = append(names, name)
	}
	return names
}

// around checks what becomes of DNS past the box; without a word it is refused.
func (f *faults) around(path, s string) Around {
	switch a := Around(s); a {
	case "":
		return Refuse
	case Refuse, Observe:
		return a
	}
	f.add(path, "config.around", "value", show(s))
	return Refuse
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

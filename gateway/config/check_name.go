package config

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Whether a key must be there.
const (
	optional = false
	required = true
)

// maxText is the most characters of a label, a place or a reason.
const maxText = 80

// idForm is the form of names that people type in commands and that stand in
// rules and in the log.
var idForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

func (f *faults) id(path, s string) string {
	switch {
	case s == "":
		f.add(path, "config.missing")
	case !idForm.MatchString(s):
		f.add(path, "config.id", "value", show(s))
	default:
		return s
	}
	return ""
}

// text checks words for people.
func (f *faults) text(path, s string, must bool) string {
	s = strings.TrimSpace(s)
	// Invisible and direction-changing characters could make one name look
	// like another on the page of whoever approves.
	hidden := strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
	switch {
	case s == "" && must:
		f.add(path, "config.missing")
	case hidden || utf8.RuneCountInString(s) > maxText:
		f.add(path, "config.text", "max", maxText)
	}
	return s
}

// ifaceForm is what the kernel takes as the name of a network port, less what
// would need quoting somewhere.
var ifaceForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`)

// IsInterface says whether a network port could be called s. A number alone,
// and what the kernel calls all of them, is no port's name (systemd.link(5)).
func IsInterface(s string) bool {
	return ifaceForm.MatchString(s) && strings.Trim(s, "0123456789") != "" && s != "lo" && s != "all" && s != "default"
}

func (f *faults) iface(path, s string) string {
	switch {
	case s == "":
		f.add(path, "config.missing")
	case !IsInterface(s):
		f.add(path, "config.interface", "value", show(s))
	default:
		return s
	}
	return ""
}

// mac checks a hardware address of one device: 48 bits, not a group's.
func (f *faults) mac(path, s string) net.HardwareAddr {
	if s == "" {
		f.add(path, "config.missing")
		return nil
	}
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 || mac[0]&1 != 0 || slices.Max(mac) == 0 {
		f.add(path, "config.mac", "value", show(s))
		return nil
	}
	return mac
}

// hostForm is a host name in lower case, without the final dot (RFC 1123,
// 2.1; underscores stand in real service names).
var hostForm = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*$`)

// host returns a host name in its canonical form, or "" after a fault.
func (f *faults) host(path, s string) string {
	name := strings.TrimSuffix(strings.ToLower(s), ".")
	if len(name) > 253 || !hostForm.MatchString(name) || numeric(name) {
		f.add(path, "config.hostname", "value", show(s))
		return ""
	}
	return name
}

// numeric says whether a name's last label is a number, as only an address's
// is.
func numeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

// pageNames checks what the page answers to, and puts PageName first.
func (f *faults) pageNames(written []string) []string {
	names, seen := []string{PageName}, f.unique()
	for i, s := range written {
		at := index("page.names", i)
		name := s
		if a, err := netip.ParseAddr(s); err == nil {
			if a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
				f.add(at, "config.page_address", "value", show(s))
				continue
			}
			name = a.Unmap().String()
		} else {
			name = f.host(at, s)
		}
		seen.add(at, name)
		if name != "" && name != PageName {
			names = append(names, name)
		}
	}
	return names
}

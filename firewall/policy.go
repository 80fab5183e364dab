package firewall

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// The widest ranges a vendor's sources and the like may have. What is wider
// names nobody.
const (
	widest4 = 8
	widest6 = 16
)

// check finds everything wrong with the policy at once.
func (p Policy) check() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	for _, i := range slices.Concat(p.WAN, p.LAN, p.Tunnels) {
		if err := checkIface(i); err != nil {
			bad("%w", err)
		}
	}
	for _, i := range p.WAN {
		if slices.Contains(p.LAN, i) {
			bad("interface %s: cannot be WAN and LAN", i)
		}
	}
	for _, i := range p.Tunnels {
		if slices.Contains(p.WAN, i) || slices.Contains(p.LAN, i) {
			bad("interface %s: cannot be a tunnel and WAN or LAN", i)
		}
	}
	if len(p.LAN) == 0 {
		bad("no LAN interface")
	}
	if p.LAN4.IsValid() && (!p.LAN4.Is4() || !isHost(p.LAN4)) {
		bad("LAN address %s: not an IPv4 host address", p.LAN4)
	}
	if p.LAN6.IsValid() && (!isHost(p.LAN6) || p.LAN6.Is4()) {
		bad("LAN address %s: not an IPv6 host address", p.LAN6)
	}
	if slices.Contains(p.PagePorts, 0) {
		bad("page port 0")
	}
	if p.SetUp {
		return errors.Join(errs...)
	}
	if len(p.WAN) == 0 {
		bad("no WAN interface")
	}
	if len(p.lanAddrs()) == 0 {
		bad("no LAN address")
	}
	if p.ServeDNS && slices.Contains(p.PagePorts, 53) {
		bad("page port 53: is for DNS")
	}
	for _, m := range p.DNSExempt {
		if len(m) != 6 {
			bad("exempt device %q: not an Ethernet address", m)
		}
	}
	for _, m := range p.Answered {
		switch {
		case len(m) != 6:
			bad("answered-only device %q: not an Ethernet address", m)
		case !p.ServeDNS, slices.ContainsFunc(p.DNSExempt, func(e net.HardwareAddr) bool { return slices.Equal(e, m) }):
			bad("answered-only device %s: nobody answers it; it would reach nothing", m)
		}
	}
	for _, v := range p.Vendors {
		if len(v.Sources) == 0 {
			bad("vendor %s: no source range", v.Name)
		}
		for _, s := range v.Sources {
			if err := checkPrefix(s); err != nil {
				bad("vendor %s: %w", v.Name, err)
			}
			if slices.ContainsFunc(p.LANPrefixes, s.Overlaps) {
				bad("vendor %s: %s lies in the LAN", v.Name, s)
			}
		}
	}
	for _, l := range p.LANPrefixes {
		if err := checkPrefix(l); err != nil {
			bad("LAN: %w", err)
		}
	}
	for _, b := range p.Blocked {
		if err := checkPrefix(b); err != nil {
			bad("block set: %w", err)
		}
	}
	for _, r := range p.Resolvers {
		if err := checkPrefix(r); err != nil {
			bad("resolvers: %w", err)
		} else if slices.ContainsFunc(p.LANPrefixes, r.Overlaps) {
			bad("resolvers: %s lies in the LAN", r)
		}
	}
	for _, o := range p.Outbound {
		if err := o.check(); err != nil {
			bad("permitted outbound from %s: %w", o.Device, err)
		}
	}
	return errors.Join(errs...)
}

func (o Outbound) check() error {
	if err := checkPrefix(o.To); err != nil {
		return err
	}
	switch {
	case !isHost(o.Device):
		return errors.New("device is not a host address")
	case o.Device.Is4() != o.To.Addr().Is4():
		return fmt.Errorf("%s is of the other family", o.To)
	case o.Proto != TCP && o.Proto != UDP:
		return fmt.Errorf("protocol %d: neither TCP nor UDP", o.Proto)
	case o.Port == 0:
		return errors.New("port 0")
	}
	return nil
}

// checkIface refuses what Linux or nft would not take as one interface's
// name; a "*" at the end would mean many.
func checkIface(name string) error {
	if name == "" || len(name) > 15 || name == "." || name == ".." {
		return fmt.Errorf("interface %q: not a name", name)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == '/' || c == '"' || c == '\\' || c == '*' || c == ':' {
			return fmt.Errorf("interface %q: not a name", name)
		}
	}
	if name == "lo" {
		return errors.New("interface lo: is the box itself")
	}
	return nil
}

func checkPrefix(p netip.Prefix) error {
	switch {
	case !p.IsValid() || p.Addr().Is4In6():
		return fmt.Errorf("%s: not a range", p)
	case p.Addr().Is4() && p.Bits() < widest4, p.Addr().Is6() && p.Bits() < widest6:
		return fmt.Errorf("%s: too wide to name anybody", p)
	}
	return nil
}

// isHost reports whether a can be one host's own address on a network.
func isHost(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified() && !a.IsLoopback() &&
		!a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (p Policy) lanAddrs() []netip.Addr {
	return slices.DeleteFunc([]netip.Addr{p.LAN4, p.LAN6}, func(a netip.Addr) bool { return !a.IsValid() })
}

// lanTargets are the matches of packets to the box's LAN addresses. A box in
// set-up may not know them; whatever of its own is dialled will do.
func (p Policy) lanTargets() [][]Match {
	var out [][]Match
	for _, a := range p.lanAddrs() {
		out = append(out, target(a))
	}
	if len(out) == 0 && p.SetUp {
		out = append(out, nil)
	}
	return out
}

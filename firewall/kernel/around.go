package kernel

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"monban/firewall"
)

// Around returns which devices sent DNS past the box, by device and port, since
// each was last forgotten. The kernel has room for 8192 of these; further ones
// the counters of the rules have alone. When it made the table anew it begins at
// nothing.
func (k *Kernel) Around() ([]firewall.Detour, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	els, _, err := k.liveElements("around")
	if err != nil {
		return nil, fmt.Errorf("reading who goes around: %w", err)
	}
	out := make([]firewall.Detour, 0, len(els))
	for _, e := range els {
		out = append(out, detourOf(e))
	}
	slices.SortFunc(out, func(a, b firewall.Detour) int {
		return cmp.Or(bytes.Compare(a.Device[:], b.Device[:]), cmp.Compare(a.Port, b.Port))
	})
	return out, nil
}

func detourOf(e element) firewall.Detour {
	d := firewall.Detour{Count: e.count}
	copy(d.Device[:], e.Key[0].From)
	if p := e.Key[1].From; len(p) == 2 {
		d.Port = uint16(p[0])<<8 | uint16(p[1])
	}
	return d
}

// ForgetAround makes room in the kernel. What it counted of these devices since
// Around is lost, so forget those whose counts stand still.
func (k *Kernel) ForgetAround(devices [][6]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	els, _, err := k.liveElements("around")
	if err != nil {
		return fmt.Errorf("forgetting who goes around: %w", err)
	}
	gone := map[[6]byte]bool{}
	for _, d := range devices {
		gone[d] = true
	}
	var there []firewall.Elem
	for _, e := range els {
		if gone[detourOf(e).Device] {
			there = append(there, e.Elem)
		}
	}
	if len(there) == 0 {
		return nil
	}
	if err := k.remove(map[string][]firewall.Elem{"around": there}); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("forgetting who goes around: %w", err)
	}
	return nil
}

// dnsChanged says whether rs refuses DNS past the box that the rules before it
// may have let through.
func dnsChanged(have snapshot, rs firewall.Ruleset) bool {
	if !rs.RefusesDNS() {
		return false
	}
	if !have.rules.RefusesDNS() {
		return true
	}
	for _, name := range []string{"doh4", "doh6", "dns_exempt"} {
		old, _ := have.rules.Set(name)
		now, _ := rs.Set(name)
		gone, added := difference(old.Elems, now.Elems)
		if name == "dns_exempt" {
			added = gone // whoever is exempt no longer
		}
		if len(added) > 0 {
			return true
		}
	}
	return false
}

// exempt are the addresses of devices whose DNS is left alone, as the neighbour
// table knows them.
func (k *Kernel) exempt(rs firewall.Ruleset) (map[netip.Addr]bool, error) {
	s, _ := rs.Set("dns_exempt")
	return k.addrsOf(s.Elems)
}

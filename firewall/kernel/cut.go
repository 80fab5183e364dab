package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// cutUnpermitted takes out of conntrack what the rules would no longer let
// begin, if they changed in that: the next packet is then a new one to them,
// and TCP is not taken up in the middle. What a device began before it came
// under answered-only egress nobody told it by name, so that ends too; so does DNS
// that went past us when that was not refused yet.
func (k *Kernel) cutUnpermitted(have snapshot, rs firewall.Ruleset) error {
	changed := false
	for _, name := range []string{"vendor4", "vendor6", "allow4", "allow6", "blocked4", "blocked6"} {
		old, _ := have.rules.Set(name)
		now, _ := rs.Set(name)
		changed = changed || !slices.EqualFunc(old.Elems, now.Elems, firewall.Elem.Equal)
	}
	caught, err := k.newlyAnswered(have, rs)
	around := dnsChanged(have, rs)
	if err != nil || !changed && !around && len(caught) == 0 {
		return err
	}
	exempt, err := k.exempt(rs)
	if err != nil {
		return err
	}
	k.ctMu.Lock()
	es, err := k.ct.Dump(nil)
	k.ctMu.Unlock()
	if err != nil {
		return err
	}
	for _, e := range es {
		f := flowOf(e)
		if e.Mark&firewall.Governed != 0 || !f.Source.Addr().IsValid() {
			continue
		}
		past := around && !exempt[f.Source.Addr()] && !rs.PermitsDNS(f.Source.Addr(), f.WAN, f.Target.Addr(), f.Proto)
		if !past && rs.Permits(f.Source.Addr(), f.WAN, f.Proto) && !(caught[f.Source.Addr()] && rs.Outside(f.Target.Addr())) {
			continue
		}
		if err := k.deleteEntry(e); err != nil {
			return err
		}
	}
	return nil
}

// newlyAnswered are the addresses of devices that the rules have put under
// answered-only egress, as the neighbour table knows them. A device it does not
// know has not spoken for long.
func (k *Kernel) newlyAnswered(have snapshot, rs firewall.Ruleset) (map[netip.Addr]bool, error) {
	old, _ := have.rules.Set("answered_only")
	now, _ := rs.Set("answered_only")
	_, added := difference(old.Elems, now.Elems)
	return k.addrsOf(added)
}

// addrsOf are the addresses the neighbour table has of devices, elements of a
// set of hardware addresses.
func (k *Kernel) addrsOf(devices []firewall.Elem) (map[netip.Addr]bool, error) {
	if len(devices) == 0 {
		return nil, nil
	}
	known, err := k.neigh.list()
	if err != nil {
		return nil, fmt.Errorf("reading neighbours: %w", err)
	}
	out := map[netip.Addr]bool{}
	for _, n := range known {
		mac := firewall.One(firewall.Value(n.HardwareAddr))
		a, ok := netip.AddrFromSlice(n.IP)
		if ok && slices.ContainsFunc(devices, func(e firewall.Elem) bool { return e.Key[0] == mac }) {
			out[a.Unmap()] = true
		}
	}
	return out, nil
}

// neighbours are who is on our links, by a socket of the namespace that Open
// was called in.
type neighbours struct{ *netlink.Handle }

func openNeighbours() (*neighbours, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening neighbour socket: %w", err)
	}
	return &neighbours{h}, nil
}

func (n *neighbours) list() ([]netlink.Neigh, error) {
	for range 10 {
		ns, err := n.NeighList(0, 0)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return ns, err
		}
	}
	return nil, netlink.ErrDumpInterrupted
}

package neigh

import (
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestOnlyProofOfPresenceCounts(t *testing.T) {
	now := time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
	mac := net.HardwareAddr{0, 0x1b, 0x21, 1, 2, 3}
	good := func() netlink.Neigh {
		return netlink.Neigh{Family: unix.AF_INET, State: netlink.NUD_REACHABLE, IP: net.IPv4(192, 168, 1, 9), HardwareAddr: mac, Confirmed: 250, Updated: 250}
	}
	for _, c := range []struct {
		name   string
		change func(*netlink.Neigh)
		ok     bool
	}{
		{"reachable", func(*netlink.Neigh) {}, true},
		{"stale", func(n *netlink.Neigh) { n.State = netlink.NUD_STALE }, true},
		{"delay", func(n *netlink.Neigh) { n.State = netlink.NUD_DELAY }, true},
		{"probe", func(n *netlink.Neigh) { n.State = netlink.NUD_PROBE }, true},
		{"failed, with its old address", func(n *netlink.Neigh) { n.State = netlink.NUD_FAILED }, false},
		{"incomplete", func(n *netlink.Neigh) { n.State, n.HardwareAddr = netlink.NUD_INCOMPLETE, nil }, false},
		{"permanent", func(n *netlink.Neigh) { n.State = netlink.NUD_PERMANENT }, false},
		{"noarp", func(n *netlink.Neigh) { n.State = netlink.NUD_NOARP }, false},
		{"no link address", func(n *netlink.Neigh) { n.HardwareAddr = nil }, false},
		{"group link address", func(n *netlink.Neigh) { n.HardwareAddr = net.HardwareAddr{1, 0, 0x5e, 0, 0, 1} }, false},
		{"group", func(n *netlink.Neigh) { n.IP = net.IPv4(224, 0, 0, 1) }, false},
		{"bridge entry", func(n *netlink.Neigh) { n.Family = unix.AF_BRIDGE }, false},
		{"proxy", func(n *netlink.Neigh) { n.Flags = netlink.NTF_PROXY }, false},
		{"no address", func(n *netlink.Neigh) { n.IP = nil }, false},
	} {
		n := good()
		c.change(&n)
		s, ok := sighting(n, now)
		if ok != c.ok {
			t.Errorf("%s: %v, want %v", c.name, ok, c.ok)
		}
		if ok && (s.At != now.Add(-2500*time.Millisecond) || s.Addr.String() != "192.168.1.9") {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

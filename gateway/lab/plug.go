package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// cable lays a veth between two hosts, held by their agents' process numbers;
// neither end is ever in the machine's own namespace.
func cable(p port, nearPid int, far port, farPid int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Namespace = p.Name, netlink.NsPid(nearPid)
	var err error
	if attrs.HardwareAddr, err = net.ParseMAC(p.MAC); err != nil {
		return fmt.Errorf("laying the cable %s to %s: %w", p.Name, p.To, err)
	}
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: p.ToPort, PeerNamespace: netlink.NsPid(farPid)}
	if far.MAC != "" {
		if veth.PeerHardwareAddr, err = net.ParseMAC(far.MAC); err != nil {
			return fmt.Errorf("laying the cable %s to %s: %w", p.Name, p.To, err)
		}
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("laying the cable %s to %s: %w", p.Name, p.To, err)
	}
	return nil
}

// plug sets the network of this namespace up as h says.
func plug(h host) error {
	if err := up("lo"); err != nil {
		return err
	}
	if h.Switch {
		return plugSwitch()
	}
	for _, name := range []string{"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"} {
		if err := sysctl("net/"+name, "0"); err != nil {
			return err
		}
	}
	if h.Router {
		if err := errors.Join(sysctl("net/ipv4/ip_forward", "1"), sysctl("net/ipv6/conf/all/forwarding", "1")); err != nil {
			return err
		}
	}
	for _, p := range h.Ports {
		if err := plugPort(p); err != nil {
			return fmt.Errorf("setting up port %s: %w", p.Name, err)
		}
	}
	for _, r := range h.Routes {
		if err := netlink.RouteReplace(&netlink.Route{Dst: ipNet(r.To), Gw: r.Via.AsSlice()}); err != nil {
			return fmt.Errorf("adding the route to %s: %w", r.To, err)
		}
	}
	return nil
}

func plugPort(p port) error {
	// Addresses are usable at once: no duplicate detection, no router wanted.
	for key, value := range map[string]string{"accept_dad": "0", "accept_ra": "0", "ndisc_notify": "1"} {
		if err := sysctl("net/ipv6/conf/"+p.Name+"/"+key, value); err != nil {
			return err
		}
	}
	if err := sysctl("net/ipv4/conf/"+p.Name+"/arp_notify", "1"); err != nil {
		return err
	}
	l, err := netlink.LinkByName(p.Name)
	if err != nil {
		return err
	}
	for _, a := range p.Addrs {
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: a.Addr().AsSlice(), Mask: net.CIDRMask(a.Bits(), a.Addr().BitLen())}}
		if a.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrReplace(l, addr); err != nil {
			return fmt.Errorf("adding %s: %w", a, err)
		}
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return fmt.Errorf("bringing it up: %w", err)
	}
	for _, n := range p.Knows {
		mac, err := net.ParseMAC(n.MAC)
		if err != nil {
			return err
		}
		err = netlink.NeighSet(&netlink.Neigh{LinkIndex: l.Attrs().Index, IP: n.Addr.AsSlice(), HardwareAddr: mac, State: netlink.NUD_PERMANENT})
		if err != nil {
			return fmt.Errorf("adding neighbour %s: %w", n.Addr, err)
		}
	}
	return nil
}

// plugSwitch makes the bridge; ports join it as they are plugged in.
func plugSwitch() error {
	// The switch itself must not appear as a device of the clinic.
	if err := sysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "br0"
	snooping := false // snooping without a querier loses neighbour discovery
	br := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	if err := netlink.LinkAdd(br); err != nil {
		return fmt.Errorf("making the switch: %w", err)
	}
	return up("br0")
}

// join takes the named port of this namespace into the switch.
func join(name string) error {
	br, err := netlink.LinkByName("br0")
	if err != nil {
		return fmt.Errorf("finding the switch: %w", err)
	}
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("finding port %s: %w", name, err)
	}
	if err := netlink.LinkSetMaster(l, br); err != nil {
		return fmt.Errorf("joining port %s: %w", name, err)
	}
	return up(name)
}

func up(name string) error {
	l, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(l)
	}
	if err != nil {
		return fmt.Errorf("bringing %s up: %w", name, err)
	}
	return nil
}

// sysctl writes a value under /proc/sys; key is its path, with slashes.
func sysctl(key, value string) error {
	key = strings.TrimPrefix(key, "/proc/sys/")
	if err := os.WriteFile("/proc/sys/"+key, []byte(value), 0o644); err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

package kernel_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/firewall"
	"monban/firewall/kernel"
)

// needRoot skips where namespaces cannot be made, but never in CI.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("network namespaces need root, and CI must not skip them")
	}
	t.Skip("network namespaces need root")
}

// A netns is a network namespace that lives as long as its descriptor.
type netns struct{ fd int }

func newNetns(t testing.TB) *netns {
	t.Helper()
	n := &netns{}
	var err error
	locked(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		if n.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			err = upLink("lo")
		}
		for _, c := range []string{"all", "default"} { // no waiting for duplicate addresses
			err = errors.Join(err, os.WriteFile("/proc/sys/net/ipv6/conf/"+c+"/accept_dad", []byte("0"), 0o644))
		}
	})
	if err != nil {
		t.Fatal("making a namespace:", err)
	}
	t.Cleanup(func() { unix.Close(n.fd) })
	return n
}

// locked runs f on a thread that dies with it, so that no other code ever runs
// in the namespace f went to.
func locked(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		f()
	}()
	<-done
}

// do runs f in the namespace, on a thread of its own.
func (n *netns) do(t testing.TB, f func() error) {
	t.Helper()
	if err := <-n.start(f); err != nil {
		t.Fatal(err)
	}
}

// start is do without waiting; the channel tells the end.
func (n *netns) start(f func() error) <-chan error {
	done := make(chan error, 1)
	go locked(func() {
		err := unix.Setns(n.fd, unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	})
	return done
}

// enter moves the test itself into the namespace, for good: the thread ends
// with the test's goroutine.
func (n *netns) enter(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
		t.Fatal("entering a namespace:", err)
	}
}

func upLink(name string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

func address(iface string, addrs ...string) error {
	l, err := netlink.LinkByName(iface)
	if err != nil {
		return err
	}
	for _, s := range addrs {
		a, err := netlink.ParseAddr(s)
		if err != nil {
			return err
		}
		a.Flags = unix.IFA_F_NODAD
		if err := netlink.AddrAdd(l, a); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(l)
}

func route(to, via string) error {
	_, dst, err := net.ParseCIDR(to)
	if err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)})
}

// cable joins two namespaces by a veth pair.
func cable(t testing.TB, a *netns, aName string, b *netns, bName string) {
	t.Helper()
	a.do(t, func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: aName}, PeerName: bName, PeerNamespace: netlink.NsFd(b.fd)})
	})
}

// A clinic is a gateway between an outside, with a vendor and a stranger, and
// a LAN with one device. The test runs inside the gateway.
type clinic struct {
	testing.TB
	gw, out, lan *netns
	k            *kernel.Kernel
}

// The addresses of the clinic.
const (
	wan4, wan6           = "198.51.100.1", "2001:db8:f::1"
	vendor4, vendor6     = "198.51.100.10", "2001:db8:f::10"
	stranger4, stranger6 = "198.51.100.66", "2001:db8:f::66"
	other4, other6       = "198.51.100.77", "2001:db8:f::77" // on no list either
	resolver4, resolver6 = "203.0.113.200", "2001:db8:77::5" // answer DNS and nothing else
	box4, box6           = "192.168.10.1", "2001:db8:10::1"
	dev4, dev6           = "192.168.10.20", "2001:db8:10::20"
)

func policy() firewall.Policy {
	return firewall.Policy{
		WAN: []string{"wan0"}, LAN: []string{"lan0"}, Tunnels: []string{"tun0"},
		LAN4: netip.MustParseAddr(box4), LAN6: netip.MustParseAddr(box6),
		LANPrefixes: []netip.Prefix{netip.MustParsePrefix("192.168.10.0/24"), netip.MustParsePrefix("2001:db8:10::/64")},
		PagePorts:   []uint16{80, 443}, ServeDNS: true, Masquerade: true,
		DNSExempt: []net.HardwareAddr{{2, 0, 0, 0, 0, 9}}, Answered: []net.HardwareAddr{{2, 0, 0, 0, 0, 7}},
		Vendors: []firewall.Vendor{{Name: "v", Sources: []netip.Prefix{netip.MustParsePrefix(vendor4 + "/32"), netip.MustParsePrefix(vendor6 + "/128")}}},
		Outbound: []firewall.Outbound{{Device: netip.MustParseAddr(dev4), To: netip.MustParsePrefix(vendor4 + "/32"), Proto: firewall.TCP, Port: 4443},
			{Device: netip.MustParseAddr(dev6), To: netip.MustParsePrefix(vendor6 + "/128"), Proto: firewall.TCP, Port: 4443}},
		Resolvers: []netip.Prefix{netip.MustParsePrefix(resolver4 + "/32"), netip.MustParsePrefix(resolver6 + "/128")},
		Blocked:   []netip.Prefix{netip.MustParsePrefix("203.0.113.0/25"), netip.MustParsePrefix("2001:db8:bad::/48")},
	}
}

func newClinic(t testing.TB) *clinic {
	t.Helper()
	needRoot(t)
	c := &clinic{TB: t, gw: newNetns(t), out: newNetns(t), lan: newNetns(t)}
	cable(t, c.gw, "wan0", c.out, "eth0")
	cable(t, c.gw, "lan0", c.lan, "eth0")
	c.out.do(t, func() error {
		if err := address("eth0", vendor4+"/24", stranger4+"/24", other4+"/24", vendor6+"/64", stranger6+"/64", other6+"/64"); err != nil {
			return err
		}
		return route("2001:db8:10::/64", wan6)
	})
	c.lan.do(t, func() error {
		if err := address("eth0", dev4+"/24", dev6+"/64"); err != nil {
			return err
		}
		if err := route("0.0.0.0/0", box4); err != nil {
			return err
		}
		return route("::/0", box6)
	})
	c.gw.enter(t)
	for _, err := range []error{address("wan0", wan4+"/24", wan6+"/64"), address("lan0", box4+"/24", box6+"/64"),
		route("0.0.0.0/0", vendor4), route("::/0", vendor6), kernel.Tune()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	k, err := kernel.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	c.k = k
	c.apply(policy())
	for iface, n := range map[string]*netns{"wan0": c.gw, "lan0": c.gw} {
		eventually(t, iface+" is ready", func() bool { return n.ready(t, iface) })
	}
	for _, n := range []*netns{c.out, c.lan} {
		eventually(t, "eth0 is ready", func() bool { return n.ready(t, "eth0") })
	}
	time.Sleep(20 * time.Millisecond) // the links' own chatter
	return c
}

// The ends of the tunnel.
const (
	tunBox4, tunBox6   = "10.77.0.1", "fd77::1"
	tunPeer4, tunPeer6 = "10.77.0.2", "fd77::2"
)

// tunnel gives the gateway another interface, as WireGuard's is to the rules,
// and returns who is at its other end.
func (c *clinic) tunnel() *netns {
	c.Helper()
	peer := newNetns(c)
	cable(c, c.gw, "tun0", peer, "eth0")
	peer.do(c, func() error {
		return errors.Join(address("eth0", tunPeer4+"/24", tunPeer6+"/64"), route("192.168.10.0/24", tunBox4), route("2001:db8:10::/64", tunBox6))
	})
	if err := address("tun0", tunBox4+"/24", tunBox6+"/64"); err != nil {
		c.Fatal(err)
	}
	eventually(c, "tun0 is ready", func() bool { return c.gw.ready(c, "tun0") && peer.ready(c, "eth0") })
	// A tunnel has no neighbours to look for, and the rules let nobody look.
	here, there := mac(c, "tun0"), net.HardwareAddr{}
	peer.do(c, func() error {
		there = mac(c, "eth0")
		return neighbour("eth0", tunBox6, here)
	})
	if err := neighbour("tun0", tunPeer6, there); err != nil {
		c.Fatal(err)
	}
	return peer
}

func mac(t testing.TB, iface string) net.HardwareAddr {
	l, err := netlink.LinkByName(iface)
	if err != nil {
		t.Error(err)
		return nil
	}
	return l.Attrs().HardwareAddr
}

func neighbour(iface, ip string, mac net.HardwareAddr) error {
	l, err := netlink.LinkByName(iface)
	if err != nil {
		return err
	}
	return netlink.NeighSet(&netlink.Neigh{LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(ip), HardwareAddr: mac})
}

// ready reports whether IPv6 has begun on the interface: the kernel may take a
// second to see a new link.
func (n *netns) ready(t testing.TB, iface string) (ok bool) {
	n.do(t, func() error {
		l, err := netlink.LinkByName(iface)
		if err != nil {
			return err
		}
		as, err := netlink.AddrList(l, netlink.FAMILY_V6)
		for _, a := range as {
			ok = ok || a.IP.IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0
		}
		return err
	})
	return ok
}

func (c *clinic) apply(p firewall.Policy) firewall.Ruleset {
	c.Helper()
	rs, err := firewall.Compile(p)
	if err != nil {
		c.Fatal(err)
	}
	if err := c.k.Apply(rs); err != nil {
		c.Fatal(err)
	}
	return rs
}

// nft runs the nft tool in the test's namespace.
func nft(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("nft", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nft %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

package selftest

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/window"
)

// alone runs the test again in a process and a network namespace of its own,
// so that every thread is in there. It returns true in there.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("SELFTEST_ALONE") == t.Name() {
		return true
	}
	if _, err := exec.LookPath("nft"); err != nil {
		skip(t, err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=120s")
	cmd.Env = append(os.Environ(), "SELFTEST_ALONE="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		skip(t, err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func skip(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("namespace test cannot run: %v", why)
	}
	t.Skipf("namespace test cannot run: %v", why)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A host is a namespace behind one of the box's ports.
type host func(func())

// plugHost makes the box's interface with its addresses and a host behind it
// that uses the box as its router.
func plugHost(t *testing.T, iface string, box, own []string) host {
	t.Helper()
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: iface, TxQLen: 1000}, PeerName: iface + "-far"}))
	address(t, iface, box)
	far, err := netlink.LinkByName(iface + "-far")
	must(t, err)
	acts, done, tid := make(chan func()), make(chan bool), make(chan int)
	go func() {
		runtime.LockOSThread() // never given back
		must(t, unix.Unshare(unix.CLONE_NEWNET))
		tid <- unix.Gettid()
		for act := range acts {
			act()
			done <- true
		}
	}()
	ns, err := os.Open("/proc/self/task/" + strconv.Itoa(<-tid) + "/ns/net")
	must(t, err)
	defer ns.Close()
	must(t, netlink.LinkSetNsFd(far, int(ns.Fd())))
	in := host(func(f func()) { acts <- f; <-done })
	in(func() {
		address(t, "lo", nil)
		address(t, iface+"-far", own)
		for _, b := range box {
			gw := netip.MustParsePrefix(b).Addr()
			must(t, netlink.RouteAdd(&netlink.Route{Gw: gw.AsSlice(), Dst: &net.IPNet{IP: make(net.IP, gw.BitLen()/8), Mask: make(net.IPMask, gw.BitLen()/8)}}))
		}
	})
	return in
}

func address(t *testing.T, iface string, addrs []string) {
	t.Helper()
	l, err := netlink.LinkByName(iface)
	must(t, err)
	for _, s := range addrs {
		a, err := netlink.ParseAddr(s)
		must(t, err)
		if a.IP.To4() == nil {
			a.Flags |= unix.IFA_F_NODAD
		}
		must(t, netlink.AddrAdd(l, a))
	}
	must(t, netlink.LinkSetUp(l))
}

func policy() firewall.Policy {
	return firewall.Policy{
		WAN: []string{"wan0"}, LAN: []string{"lan0"},
		LAN4: netip.MustParseAddr("192.168.7.1"), LAN6: netip.MustParseAddr("2001:db8:7::1"),
		LANPrefixes: []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24"), netip.MustParsePrefix("2001:db8:7::/64")},
		WANGlobal:   true, PagePorts: []uint16{443, 80}, ServeDNS: true, Masquerade: true,
		Vendors: []firewall.Vendor{{Name: "v", Sources: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}},
	}
}

// clinic builds the box with one stranger outside and one device inside.
func clinic(t *testing.T) (k *kernel.Kernel, outside, device host) {
	t.Helper()
	address(t, "lo", nil)
	must(t, kernel.Tune())
	outside = plugHost(t, "wan0", []string{"203.0.113.2/24", "2001:db8:f::2/64"}, []string{"203.0.113.9/24", "2001:db8:f::9/64"})
	device = plugHost(t, "lan0", []string{"192.168.7.1/24", "2001:db8:7::1/64"}, []string{"192.168.7.20/24", "2001:db8:7::20/64"})
	k, err := kernel.Open()
	must(t, err)
	rs, err := firewall.Compile(policy())
	must(t, err)
	must(t, k.Apply(rs))
	return k, outside, device
}

func asked() Request {
	as := func(ss ...string) (out []netip.Addr) {
		for _, s := range ss {
			out = append(out, netip.MustParseAddr(s))
		}
		return out
	}
	return Request{
		WAN: as("203.0.113.2", "2001:db8:f::2"), LAN: as("192.168.7.1", "2001:db8:7::1"),
		Devices: as("192.168.7.20", "2001:db8:7::20"), Pages: []uint16{443, 80},
		Ports: []window.Port{{Proto: window.TCP, Port: 104, WAN: 11104}, {Proto: window.UDP, Port: 5000, WAN: 5000}},
	}
}

func nft(t *testing.T, args string) {
	t.Helper()
	if out, err := exec.Command("nft", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("nft %s: %v: %s", args, err, out)
	}
}

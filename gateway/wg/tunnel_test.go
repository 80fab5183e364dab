package wg

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/ipc"
	"golang.zx2c4.com/wireguard/tun"
	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// The peers are the same for a WireGuard in user space, which any kernel can
// run: only the interface is made by somebody else.
func TestTunnel(t *testing.T) {
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("no tunnel devices here:", err)
	}
	if !alone(t) {
		return
	}
	userspace(t, ours)
	userspace(t, "vendor0")
	open := func(c Config) (*Device, error) {
		l, err := netlink.LinkByName(c.Name)
		must(t, err)
		return adopt(l, c)
	}
	tunnel(t, config(t), open, "vendor0")
}

// tunnel opens our end, lets a vendor in and out again, and sends real packets
// all the time. The vendor's interface is there and is moved to a namespace of
// its own; its outer packets stay in ours.
func tunnel(t *testing.T, c Config, open func(Config) (*Device, error), vendor string) {
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(lo))
	d, err := open(c)
	must(t, err)
	defer func() { d.Close() }()

	private := newPrivate(t)
	addrs := []netip.Addr{netip.MustParseAddr("10.99.0.10"), netip.MustParseAddr("fd00:99::10")}
	peer := Peer{private.Public(), addrs}
	call := theVendor(t, vendor, private, c)
	for _, p := range c.Addresses {
		echo(t, netip.AddrPortFrom(p.Addr(), 7))
	}
	passes := func(want bool, when string) {
		t.Helper()
		for _, p := range c.Addresses {
			if got := call(netip.AddrPortFrom(p.Addr(), 7), want); got != want {
				t.Errorf("%s: a packet to %s passes: %v", when, p.Addr(), got)
			}
		}
	}

	passes(false, "without a peer")
	must(t, d.SetPeers([]Peer{peer}))
	passes(true, "with the peer")
	first := one(t, d)
	if !first.Peer.equal(peer) || first.Endpoint.Addr() != netip.MustParseAddr("127.0.0.1") || time.Since(first.Handshake) > time.Minute || first.Received == 0 || first.Sent == 0 {
		t.Errorf("the peer is %+v", first)
	}

	// A second peer leaves the first alone, and so does opening again.
	second := Peer{newPrivate(t).Public(), []netip.Addr{netip.MustParseAddr("10.99.0.11")}}
	must(t, d.SetPeers([]Peer{second, peer}))
	if ps, err := d.Peers(); err != nil || len(ps) != 2 {
		t.Errorf("two peers are %+v, %v", ps, err)
	}
	must(t, d.SetPeers([]Peer{peer}))
	must(t, d.Close())
	d, err = open(c)
	must(t, err)
	if again := one(t, d); again.Handshake != first.Handshake {
		t.Errorf("the tunnel was begun anew: %+v, before %+v", again, first)
	}
	passes(true, "after a restart")

	// Another's address is refused before anything changes.
	if err := d.SetPeers([]Peer{peer, {second.Key, addrs[:1]}}); err == nil {
		t.Error("two peers have one address")
	}
	passes(true, "after a refusal")

	// Addresses of a peer change; what he may no longer send from is dropped.
	must(t, d.SetPeers([]Peer{{peer.Key, addrs[1:]}}))
	if call(netip.AddrPortFrom(c.Addresses[0].Addr(), 7), false) || !call(netip.AddrPortFrom(c.Addresses[1].Addr(), 7), true) {
		t.Error("the peer's addresses are not what they should be")
	}
	must(t, d.SetPeers([]Peer{peer}))
	passes(true, "with both addresses again")
	// Two peers exchange theirs.
	must(t, d.SetPeers([]Peer{peer, second}))
	must(t, d.SetPeers([]Peer{{peer.Key, second.Addrs}, {second.Key, addrs}}))
	passes(false, "with the other's addresses")
	must(t, d.SetPeers([]Peer{peer}))
	passes(true, "with its own once more")
	if again := one(t, d); again.Handshake != first.Handshake {
		t.Errorf("the tunnel was begun anew: %+v, before %+v", again, first)
	}

	must(t, d.SetPeers(nil))
	passes(false, "after the end")
	if ps, err := d.Peers(); err != nil || len(ps) != 0 {
		t.Errorf("peers after the end: %+v, %v", ps, err)
	}
	must(t, d.Close())
	if !slices.Contains(links(t), c.Name) {
		t.Error("Close took the interface away")
	}
}

func one(t *testing.T, d *Device) Status {
	t.Helper()
	ps, err := d.Peers()
	must(t, err)
	if len(ps) != 1 {
		t.Fatalf("peers are %+v", ps)
	}
	return ps[0]
}

// theVendor sets his end up and moves it away. call sends packets through the
// tunnel until one comes back, if one should, or for a while.
func theVendor(t *testing.T, name string, private PrivateKey, box Config) (call func(to netip.AddrPort, should bool) bool) {
	t.Helper()
	ctl, err := wgctrl.New()
	must(t, err)
	defer ctl.Close()
	key := wgtypes.Key(private)
	peer := wgtypes.PeerConfig{PublicKey: wgtypes.Key(box.Key.Public()), Endpoint: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(box.Port)}}
	for _, p := range box.Addresses {
		peer.AllowedIPs = append(peer.AllowedIPs, *ipNet(netip.PrefixFrom(p.Addr(), p.Addr().BitLen())))
	}
	must(t, ctl.ConfigureDevice(name, wgtypes.Config{PrivateKey: &key, Peers: []wgtypes.PeerConfig{peer}}))
	l, err := netlink.LinkByName(name)
	must(t, err)
	in := namespace(t, l)
	in(func() {
		l, err := netlink.LinkByName(name)
		must(t, err)
		must(t, setAddrs(l, []netip.Prefix{netip.MustParsePrefix("10.99.0.10/24"), netip.MustParsePrefix("fd00:99::10/64")}))
		must(t, netlink.LinkSetUp(l))
	})
	return func(to netip.AddrPort, should bool) (back bool) {
		in(func() {
			c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
			must(t, err)
			defer c.Close()
			wait := soon
			if should {
				wait = 20 * soon // a lost first packet costs a handshake
			}
			for end := time.Now().Add(wait); time.Now().Before(end) && !back; {
				c.Write([]byte("hello"))
				c.SetReadDeadline(time.Now().Add(soon / 5))
				_, err := c.Read(make([]byte, 16))
				back = err == nil
			}
		})
		return back
	}
}

// echo sends back what comes to at, until the test ends.
func echo(t *testing.T, at netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	must(t, err)
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			c.WriteToUDPAddrPort(b[:n], from)
		}
	}()
}

// userspace makes an interface that a WireGuard in this process serves.
func userspace(t *testing.T, name string) {
	t.Helper()
	tunnel, err := tun.CreateTUN(name, 1420)
	must(t, err)
	dev := device.NewDevice(tunnel, conn.NewDefaultBind(), device.NewLogger(device.LogLevelError, name+" "))
	t.Cleanup(dev.Close)
	must(t, dev.Up())
	file, err := ipc.UAPIOpen(name)
	must(t, err)
	listener, err := ipc.UAPIListen(name, file)
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go dev.IpcHandle(c)
		}
	}()
}

// namespace moves l into a namespace of its own and returns a function that
// runs another in there.
func namespace(t *testing.T, l netlink.Link) func(func()) {
	t.Helper()
	acts, done, thread := make(chan func()), make(chan bool), make(chan int)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with us
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			panic(err)
		}
		thread <- unix.Gettid()
		for act := range acts {
			func() {
				defer func() { done <- true }() // also if act ends the goroutine
				act()
			}()
		}
	}()
	t.Cleanup(func() { close(acts) })
	ns, err := os.Open("/proc/self/task/" + strconv.Itoa(<-thread) + "/ns/net")
	must(t, err)
	defer ns.Close()
	must(t, netlink.LinkSetNsFd(l, int(ns.Fd())))
	return func(act func()) { acts <- act; <-done }
}

func links(t *testing.T) (names []string) {
	t.Helper()
	ls, err := netlink.LinkList()
	must(t, err)
	for _, l := range ls {
		names = append(names, l.Attrs().Name)
	}
	return names
}

// alone runs the test again in a process of its own, with its own network and
// its own /run. It returns true in there.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("WG_ALONE") == t.Name() {
		must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		run, err := filepath.EvalSymlinks("/var/run")
		must(t, err)
		must(t, unix.Mount("tmpfs", run, "tmpfs", 0, "mode=0700"))
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=120s")
	cmd.Env = append(os.Environ(), "WG_ALONE="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no network namespace: %v", err)
		}
		t.Skipf("no network namespace: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sprint(format string, args ...any) string { return fmt.Sprintf(format, args...) }

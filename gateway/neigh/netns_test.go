package neigh

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/gateway/device"
)

// alone runs the test again in a process of its own, in a network namespace of
// its own, so that every goroutine is in there. It returns true in there.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("NEIGH_ALONE") == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "NEIGH_ALONE="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
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

// lan makes the interface lan0 with 192.168.7.1 and fd00:7::1; its other end
// is the LAN.
func lan(t *testing.T) (peer netlink.Link) {
	t.Helper()
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan0", TxQLen: 1000}, PeerName: "host0"}))
	ours, err := netlink.LinkByName("lan0")
	must(t, err)
	for _, s := range []string{"192.168.7.1/24", "fd00:7::1/64"} {
		a, err := netlink.ParseAddr(s)
		must(t, err)
		a.Flags |= unix.IFA_F_NODAD
		must(t, netlink.AddrAdd(ours, a))
	}
	must(t, netlink.LinkSetUp(ours))
	peer, err = netlink.LinkByName("host0")
	must(t, err)
	must(t, netlink.LinkSetUp(peer))
	return peer
}

// notes collects sightings.
type notes struct {
	mu  sync.Mutex
	all []device.Sighting
}

func (n *notes) seen(s device.Sighting) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, s)
}

// wait returns the first sighting that fits, and how long it took.
func (n *notes) wait(t *testing.T, what string, fits func(device.Sighting) bool) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < 5*time.Second {
		n.mu.Lock()
		for _, s := range n.all {
			if fits(s) {
				n.mu.Unlock()
				return time.Since(began)
			}
		}
		n.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s was not seen; seen: %+v", what, n.all)
	return 0
}

func watch(t *testing.T) *notes {
	t.Helper()
	var n notes
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Watch(ctx, []string{"lan0"}, n.seen) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(3 * time.Second):
			t.Error("Watch does not end")
		}
	})
	return &n
}

// A host that appears on the LAN and speaks by its own kernel is reported in
// well under two seconds, by frame and by neighbour table, in both families.
func TestNewHostIsSeen(t *testing.T) {
	if !alone(t) {
		return
	}
	peer := lan(t)
	n := watch(t)
	mac := device.MAC(peer.Attrs().HardwareAddr)
	host := newHost(t, peer)
	began := time.Now()
	host(func() {
		for _, to := range []string{"192.168.7.1:9", "[fd00:7::1]:9"} {
			c, err := net.Dial("udp", to)
			must(t, err)
			_, err = c.Write([]byte("hello"))
			must(t, err)
			c.Close()
		}
	})
	for _, want := range []struct{ source, addr string }{
		{device.FromARP, "192.168.7.20"}, {device.FromNDP, "fd00:7::20"},
		{device.FromNeigh, "192.168.7.20"}, {device.FromNeigh, "fd00:7::20"},
	} {
		n.wait(t, want.source+" "+want.addr, func(s device.Sighting) bool {
			return s.MAC == mac && s.Source == want.source && s.Addr == netip.MustParseAddr(want.addr) && s.Iface == "lan0"
		})
	}
	took := time.Since(began)
	t.Logf("seen in all four ways after %v", took)
	if took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	ours, err := net.InterfaceByName("lan0")
	must(t, err)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.all {
		if s.MAC == device.MAC(ours.HardwareAddr) {
			t.Errorf("we saw ourselves: %+v", s)
		}
		if time.Since(s.At) > 2*time.Second {
			t.Errorf("old news: %+v", s)
		}
	}
}

// newHost moves the link into a new namespace, gives it addresses, and
// returns a function that runs another in there.
func newHost(t *testing.T, link netlink.Link) func(func()) {
	t.Helper()
	acts, done, ready := make(chan func()), make(chan bool), make(chan int)
	go func() {
		runtime.LockOSThread()
		must(t, unix.Unshare(unix.CLONE_NEWNET))
		ready <- unix.Gettid()
		for act := range acts {
			act()
			done <- true
		}
	}()
	ns, err := os.Open("/proc/self/task/" + strconv.Itoa(<-ready) + "/ns/net")
	must(t, err)
	must(t, netlink.LinkSetNsFd(link, int(ns.Fd())))
	ns.Close()
	in := func(f func()) { acts <- f; <-done }
	in(func() {
		l, err := netlink.LinkByName(link.Attrs().Name)
		must(t, err)
		for _, s := range []string{"192.168.7.20/24", "fd00:7::20/64"} {
			a, err := netlink.ParseAddr(s)
			must(t, err)
			a.Flags |= unix.IFA_F_NODAD
			must(t, netlink.AddrAdd(l, a))
		}
		must(t, netlink.LinkSetUp(l))
	})
	t.Cleanup(func() { close(acts) })
	return in
}

// Who is in the table already is reported at the start, ghosts and ourselves
// are not, and a subscription that broke under a flood misses nothing in the
// end.
func TestTableSurvivesAFlood(t *testing.T) {
	if !alone(t) {
		return
	}
	peer := lan(t)
	ours, err := netlink.LinkByName("lan0")
	must(t, err)
	add := func(ip net.IP, last byte, state int) {
		err := netlink.NeighSet(&netlink.Neigh{LinkIndex: ours.Attrs().Index, Family: unix.AF_INET, State: state,
			IP: ip, HardwareAddr: net.HardwareAddr{2, 0, 0, ip[len(ip)-2], ip[len(ip)-1], last}})
		must(t, err)
	}
	add(net.IPv4(192, 168, 7, 3), 1, netlink.NUD_REACHABLE)
	add(net.IPv4(192, 168, 7, 4), 1, netlink.NUD_FAILED)
	add(net.IPv4(192, 168, 7, 5), 1, netlink.NUD_PERMANENT)
	n := watch(t)
	n.wait(t, "who was there", func(s device.Sighting) bool { return s.Addr.String() == "192.168.7.3" })

	c, err := packet.Listen(&net.Interface{Index: peer.Attrs().Index, Name: "host0"}, packet.Raw, unix.ETH_P_ALL, nil)
	must(t, err)
	defer c.Close()
	for i := range 20_000 {
		a := arpReply(i)
		_, _ = c.WriteTo(a, &packet.Addr{HardwareAddr: net.HardwareAddr(a[:6])})
		if i%10 == 0 && i < 5000 {
			add(net.IPv4(192, 168, 7, byte(10+i%200)), byte(i>>8), netlink.NUD_REACHABLE)
		}
	}
	add(net.IPv4(192, 168, 7, 250), 9, netlink.NUD_REACHABLE)
	n.wait(t, "who came in the flood", func(s device.Sighting) bool { return s.Addr.String() == "192.168.7.250" })
	n.mu.Lock()
	defer n.mu.Unlock()
	t.Logf("%d sightings", len(n.all))
	for _, s := range n.all {
		if a := s.Addr.String(); a == "192.168.7.4" || a == "192.168.7.5" {
			t.Errorf("a ghost: %+v", s)
		}
	}
}

// arpReply is a frame of invented device i.
func arpReply(i int) []byte {
	m := string([]byte{2, 9, 9, byte(i >> 16), byte(i >> 8), byte(i)})
	return []byte("\xff\xff\xff\xff\xff\xff" + m + "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02" +
		m + string([]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) + "\x00\x00\x00\x00\x00\x00\xc0\xa8\x07\x01")
}

// An interface that is unplugged ends Watch, so that the caller begins again.
func TestUnplugged(t *testing.T) {
	if !alone(t) {
		return
	}
	peer := lan(t)
	done := make(chan error)
	go func() { done <- Watch(t.Context(), []string{"lan0"}, func(device.Sighting) {}) }()
	time.Sleep(200 * time.Millisecond)
	must(t, netlink.LinkDel(peer))
	select {
	case err := <-done:
		t.Log(err)
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(3 * time.Second):
		t.Error("Watch goes on")
	}
	if err := Watch(t.Context(), []string{"lan0"}, func(device.Sighting) {}); err == nil {
		t.Error("no error for an interface that is not there")
	}
}

package vm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A side is the network on one side of the box: a namespace of its own whose
// only card is the other end of the box's cable.
type side struct {
	ns  *os.File
	tap *os.File
}

const card = "box0"

// newSide makes a network in which this machine has the given addresses, and
// reaches everything else by way of the next hops.
func newSide(t *testing.T, mac string, addresses []string, via ...string) *side {
	t.Helper()
	s := &side{}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with us
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			s.ns, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
	}()
	if err := <-made; err != nil {
		t.Fatalf("making a network namespace: %v", err)
	}
	if err := s.in(func() error { return s.plug(mac, addresses, via) }); err != nil {
		t.Fatalf("plugging the box in: %v", err)
	}
	t.Cleanup(func() { s.tap.Close(); s.ns.Close() })
	return s
}

func (s *side) plug(mac string, addresses, via []string) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	s.tap = os.NewFile(uintptr(fd), card)
	req, err := unix.NewIfreq(card)
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return fmt.Errorf("making the tap: %w", err)
	}
	for key, value := range map[string]string{"ipv4/conf/all/rp_filter": "0", "ipv6/conf/" + card + "/accept_ra": "0", "ipv6/conf/" + card + "/accept_dad": "0"} {
		if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0); err != nil {
			return err
		}
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	l, err := netlink.LinkByName(card)
	if err != nil {
		return err
	}
	hw, err := net.ParseMAC(mac)
	if err != nil {
		return err
	}
	if err := errors.Join(netlink.LinkSetHardwareAddr(l, hw), netlink.LinkSetUp(lo), netlink.LinkSetUp(l)); err != nil {
		return err
	}
	for _, a := range addresses {
		addr, err := netlink.ParseAddr(a)
		if err != nil {
			return err
		}
		if addr.IP.To4() == nil {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(l, addr); err != nil {
			return fmt.Errorf("adding %s: %w", a, err)
		}
	}
	for _, v := range via {
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: net.ParseIP(v)}); err != nil {
			return fmt.Errorf("adding the route via %s: %w", v, err)
		}
	}
	return nil
}

// in runs f in the network. What f opens stays there.
func (s *side) in(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(s.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// dial is net.DialTimeout in the network; addresses are numbers.
func (s *side) dial(network, addr string) (net.Conn, error) { return s.dialFrom(network, nil, addr) }

func (s *side) dialFrom(network string, from net.Addr, addr string) (c net.Conn, err error) {
	err = s.in(func() error {
		d := net.Dialer{Timeout: 3 * time.Second, LocalAddr: from}
		c, err = d.DialContext(context.Background(), network, addr)
		return err
	})
	return c, err
}

func (s *side) listen(t *testing.T, addr string) (l net.Listener) {
	t.Helper()
	err := s.in(func() (err error) { l, err = net.Listen("tcp", addr); return err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (s *side) listenPacket(t *testing.T, addr string) (p net.PacketConn) {
	t.Helper()
	err := s.in(func() (err error) { p, err = net.ListenPacket("udp", addr); return err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// packets opens a packet socket on the card: it sees and sends whole frames.
func (s *side) packets(t *testing.T) int {
	t.Helper()
	fd := -1
	err := s.in(func() error {
		l, err := net.InterfaceByName(card)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: l.Index})
	})
	if err != nil {
		t.Fatalf("opening a packet socket: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// Both sides of the box as the tests have them: the provider's router, which is
// also everything in the internet, and a device of the clinic.
var (
	router   = netip.MustParseAddr("203.0.113.1")
	router6  = netip.MustParseAddr("2001:db8:0:1::1")
	resolver = netip.MustParseAddr("198.51.100.153")
	server   = netip.MustParseAddr("198.51.100.130")
	vendor   = netip.MustParseAddr("198.51.100.10")
	device   = netip.MustParseAddr("192.168.10.31")
	device6  = netip.MustParseAddr("2001:db8:10::31")
	boxLAN   = netip.MustParseAddr("192.168.10.1")
	boxLAN6  = netip.MustParseAddr("2001:db8:10::1")
	boxWAN   = netip.MustParseAddr("203.0.113.10")
	boxWAN6  = netip.MustParseAddr("2001:db8:0:1::10")
)

const (
	routerMAC = "02:00:00:00:00:01"
	deviceMAC = "00:1b:8b:00:00:31" // as in testdata/site.toml
)

func plugged(t *testing.T, m *machine) {
	t.Helper()
	m.wan = newSide(t, routerMAC, []string{
		router.String() + "/24", resolver.String() + "/32", server.String() + "/32", vendor.String() + "/32", router6.String() + "/64",
	}, boxWAN.String(), boxWAN6.String())
	m.lan = newSide(t, deviceMAC, []string{device.String() + "/24", device6.String() + "/64"}, boxLAN.String(), boxLAN6.String())
}

package selftest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/gateway/device"
	"monban/gateway/run"
)

// addresses are the bench's own: the probe's is the stranger's on the WAN
// side, the sink's where the canary window leads.
type addresses struct{ probe4, probe6, sink4, sink6 netip.Addr }

// draw returns addresses from the ranges set aside for testing network devices
// (RFC 2544, RFC 5180), which nobody has. They are new for each run: the
// kernel may still remember a flow of the last one, and what it remembers
// passes.
func draw() addresses {
	var r [8]byte
	_, _ = rand.Read(r[:]) // never fails
	v4 := func(b []byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 18, b[0], 1 + b[1]%254}) }
	v6 := func(b []byte) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0, 2, 0, 0, 0, 0xdf, 13: b[0], 14: b[1], 15: 1 + b[2]%254})
	}
	a := addresses{v4(r[0:]), v6(r[2:]), v4(r[5:]), v6(r[5:])}
	if a.sink4 == a.probe4 || a.sink6 == a.probe6 {
		return draw()
	}
	return a
}

// The bench's interfaces on the box.
const (
	probeIface = "mbprobe"
	sinkIface  = "mbsink"
)

// A plug is a veth: one end is on the box, the other in a network namespace
// that nobody's kernel answers in.
type plug struct {
	name     string
	box, far device.MAC
	conn     *packet.Conn // the far end
}

// A bench is the probe and the sink, plugged in. Its namespace lives as long
// as the sockets in it: when the process dies, the kernel takes everything
// away, interfaces, routes and neighbours included.
type bench struct {
	addresses
	probe, sink *plug
	lock        net.Listener
	has4, has6  bool // families the box does
}

// errBusy: another self-test runs in this network namespace.
var errBusy = errors.New("another self-test is running")

// newBench plugs the bench into the network namespace of the calling thread.
func newBench(ctx context.Context) (*bench, error) {
	// An abstract socket belongs to the namespace and goes with the process.
	l, err := net.Listen("unix", "@monban-selftest")
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, errBusy
	}
	if err != nil {
		return nil, fmt.Errorf("taking the self-test's lock: %w", err)
	}
	b := &bench{addresses: draw(), lock: l, probe: &plug{name: probeIface}, sink: &plug{name: sinkIface}}
	if err := b.plugIn(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) plugIn(ctx context.Context) error {
	unplug() // in case the kernel is still about the last run's
	box, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("opening our network namespace: %w", err)
	}
	defer box.Close()
	g, _ := run.NewGroup(ctx)
	g.Go("making the probe's namespace", func(context.Context) error { return b.makeFar(int(box.Fd())) })
	if err := g.Wait(); err != nil {
		return err
	}
	for _, p := range []struct {
		*plug
		a4, a6 netip.Addr
	}{{b.probe, b.probe4, b.probe6}, {b.sink, b.sink4, b.sink6}} {
		l, err := quiet(p.name)
		if err != nil {
			return err
		}
		p.box = device.MAC(l.Attrs().HardwareAddr)
		// A family the box does not do has no ways in either.
		b.has4, err = p.reach(l, p.a4)
		if err != nil {
			return err
		}
		b.has6, err = p.reach(l, p.a6)
		if err != nil {
			return err
		}
	}
	return nil
}

// makeFar makes a namespace and the plugs, with their near ends in the
// namespace box is a file of. It changes the thread it runs on, which is
// given back only if it could be brought home.
func (b *bench) makeFar(box int) (err error) {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("making a network namespace: %w", err)
	}
	defer func() {
		if home := unix.Setns(box, unix.CLONE_NEWNET); home == nil {
			runtime.UnlockOSThread()
		} else if err == nil {
			err = fmt.Errorf("coming back from the namespace: %w", home)
		}
	}()
	for _, p := range []*plug{b.probe, b.sink} {
		// The far end has the same name: it is in another namespace.
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: p.name, TxQLen: 1000}, PeerName: p.name, PeerNamespace: netlink.NsFd(box)}
		if err := netlink.LinkAdd(veth); err != nil {
			return fmt.Errorf("making %s: %w", p.name, err)
		}
		l, err := quiet(p.name)
		if err != nil {
			return err
		}
		p.far = device.MAC(l.Attrs().HardwareAddr)
		ifi := &net.Interface{Index: l.Attrs().Index, Name: p.name, HardwareAddr: l.Attrs().HardwareAddr}
		if p.conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil); err != nil {
			return fmt.Errorf("listening at %s: %w", p.name, err)
		}
	}
	return nil
}

// quiet sets a link up that says nothing by itself: without a link-local
// address it sends no solicitation that the rules would count.
func quiet(name string) (netlink.Link, error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", name, err)
	}
	const none = 1 // IN6_ADDR_GEN_MODE_NONE; fails where there is no IPv6
	_ = netlink.LinkSetIP6AddrGenMode(l, none)
	if err := netlink.LinkSetUp(l); err != nil {
		return nil, fmt.Errorf("setting up %s: %w", name, err)
	}
	return l, nil
}

// reach leads a to the plug, with its neighbour written in, so that nobody
// asks. ok is false if the box does not do the family.
func (p *plug) reach(l netlink.Link, a netip.Addr) (ok bool, err error) {
	ip := net.IP(a.AsSlice())
	route := &netlink.Route{LinkIndex: l.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: &net.IPNet{IP: ip, Mask: net.CIDRMask(a.BitLen(), a.BitLen())}}
	if err := netlink.RouteAdd(route); err != nil {
		if a.Is6() && (errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, fs.ErrPermission)) {
			return false, nil
		}
		return false, fmt.Errorf("routing %s: %w", a, err)
	}
	family := netlink.FAMILY_V6
	if a.Is4() {
		family = netlink.FAMILY_V4
	}
	n := &netlink.Neigh{LinkIndex: l.Attrs().Index, Family: family, State: netlink.NUD_PERMANENT, IP: ip, HardwareAddr: p.far[:]}
	if err := netlink.NeighSet(n); err != nil {
		return false, fmt.Errorf("naming the neighbour %s: %w", a, err)
	}
	return true, nil
}

// unplug removes the near ends, and with them everything else.
func unplug() {
	for _, name := range []string{probeIface, sinkIface} {
		if l, err := netlink.LinkByName(name); err == nil && l.Type() == "veth" {
			_ = netlink.LinkDel(l)
		}
	}
}

func (b *bench) close() {
	for _, p := range []*plug{b.probe, b.sink} {
		if p.conn != nil {
			p.conn.Close()
		}
	}
	unplug()
	b.lock.Close()
}

// send puts a segment on the wire towards the box.
func (p *plug) send(s segment) error {
	if _, err := p.conn.WriteTo(s.frame(p.box, p.far), &packet.Addr{HardwareAddr: p.box[:]}); err != nil {
		return fmt.Errorf("sending at %s: %w", p.name, err)
	}
	return nil
}

// await reads what arrives until one fits or the time is over.
func (p *plug) await(d time.Duration, fits func(segment) bool) (segment, bool) {
	if err := p.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return segment{}, false
	}
	buf := make([]byte, 2048)
	for {
		n, _, err := p.conn.ReadFrom(buf)
		if err != nil {
			return segment{}, false
		}
		if s, ok := hear(buf[:n]); ok && fits(s) {
			return s, true
		}
	}
}

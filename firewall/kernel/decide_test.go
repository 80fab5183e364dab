package kernel_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"monban/firewall"
	"monban/firewall/kernel"
)

// A wire puts whole frames on a namespace's eth0.
type wire struct {
	fd  int
	mac net.HardwareAddr // of the gateway, at the other end
}

func (n *netns) wire(t testing.TB, peer string) *wire {
	w := &wire{}
	l, err := netlink.LinkByName(peer) // the test is in the gateway
	if err != nil {
		t.Fatal(err)
	}
	w.mac = l.Attrs().HardwareAddr
	n.do(t, func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: 0, Ifindex: l.Attrs().Index})
	})
	t.Cleanup(func() { unix.Close(w.fd) })
	return w
}

// frame makes the packet as it is on the wire.
func frame(p firewall.Packet, mac net.HardwareAddr) []byte {
	var l4 []byte
	sum := -1
	switch p.Proto {
	case firewall.TCP:
		l4, sum = segment(p.SourcePort, p.Port, p.Flags), 16
	case firewall.UDP:
		l4, sum = make([]byte, 12), 6
		binary.BigEndian.PutUint16(l4, p.SourcePort)
		binary.BigEndian.PutUint16(l4[2:], p.Port)
		l4[5] = 12
	case firewall.ICMP, firewall.ICMPv6:
		l4, sum = make([]byte, 32), 2
		l4[0] = p.Kind
		binary.BigEndian.PutUint16(l4[4:], p.SourcePort)
	default:
		l4 = make([]byte, 8)
	}
	if sum >= 0 {
		binary.BigEndian.PutUint16(l4[sum:], checksum(p.Source, p.Target, p.Proto, l4))
	}
	f := slices.Concat(mac, p.EtherSource)
	if p.Source.Is4() {
		h := []byte{0x45, 0, 0, byte(20 + len(l4)), 0, 0, 0x40, 0, 64, byte(p.Proto), 0, 0}
		h = slices.Concat(h, p.Source.AsSlice(), p.Target.AsSlice())
		binary.BigEndian.PutUint16(h[10:], checksum(p.Source, p.Target, firewall.ICMP, h))
		return slices.Concat(f, []byte{8, 0}, h, l4)
	}
	h := []byte{0x60, 0, 0, 0, 0, byte(len(l4)), byte(p.Proto), p.HopLimit}
	return slices.Concat(f, []byte{0x86, 0xdd}, h, p.Source.AsSlice(), p.Target.AsSlice(), l4)
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomPacket begins something, or nothing conntrack would take as such.
func randomPacket(r *rand.Rand, n int) firewall.Packet {
	p := firewall.Packet{Proto: pick(r, firewall.TCP, firewall.TCP, firewall.UDP, firewall.ICMP, firewall.Proto(99)),
		SourcePort: uint16(20000 + n), Port: pick[uint16](r, 22, 53, 67, 68, 80, 443, 546, 853, 3389, 4443, 13389, 40000),
		Flags: pick(r, firewall.FlagSYN, firewall.FlagSYN, firewall.FlagSYN, firewall.FlagACK, firewall.FlagSYN|firewall.FlagACK),
		Kind:  8, HopLimit: pick[uint8](r, 2, 64, 255), EtherSource: net.HardwareAddr{2, 0, 0, 0, 0, pick[byte](r, 7, 8, 9)}, State: firewall.StateNew}
	addrs := []string{wan4, vendor4, stranger4, other4, box4, dev4, "192.168.10.77", "203.0.113.5", resolver4, "10.9.9.9", tunPeer4, tunBox4}
	if r.IntN(2) == 0 {
		addrs = []string{wan6, vendor6, stranger6, other6, box6, dev6, "2001:db8:10::77", resolver6, "2001:db8:bad::5", "fd00::9", tunPeer6, tunBox6}
		if p.Proto == firewall.ICMP {
			p.Proto = firewall.ICMPv6
			p.Kind = pick[uint8](r, 128, 128, 134, 135)
		}
	}
	p.Source, p.Target = netip.MustParseAddr(pick(r, addrs...)), netip.MustParseAddr(pick(r, addrs...))
	switch p.In = "wan0"; {
	case slices.Contains([]string{box4, dev4, "192.168.10.77", box6, dev6, "2001:db8:10::77"}, p.Source.String()):
		p.In = "lan0"
	case slices.Contains([]string{tunPeer4, tunBox4, tunPeer6, tunBox6}, p.Source.String()):
		p.In = "tun0"
	}
	if r.IntN(8) == 0 { // from where it cannot come
		p.In = pick(r, "wan0", "lan0", "tun0")
	}
	if r.IntN(4) == 0 { // what a device under answered-only egress begins, or one with a tool
		p.In, p.Proto, p.Flags, p.EtherSource[5] = "lan0", pick(r, firewall.TCP, firewall.UDP), firewall.FlagSYN, pick[byte](r, 7, 7, 8)
		p.Source, p.Target = netip.MustParseAddr(pick(r, dev4, "192.168.10.77")), netip.MustParseAddr(pick(r, stranger4, other4, "203.0.113.5", resolver4, vendor4))
		if r.IntN(2) == 0 {
			p.Source, p.Target = netip.MustParseAddr(pick(r, dev6, "2001:db8:10::77")), netip.MustParseAddr(pick(r, stranger6, other6, resolver6, "2001:db8:bad::5", vendor6))
		}
		p.Port = pick[uint16](r, 80, 443, 5938, 853, 53, 8443)
	}
	if r.IntN(8) == 0 { // into a tunnel, or out of it
		p.In, p.Proto, p.Flags, p.Port = "wan0", firewall.UDP, firewall.FlagSYN, 51820
		p.Source, p.Target = netip.MustParseAddr(pick(r, vendor4, stranger4)), netip.MustParseAddr(wan4)
		if r.IntN(2) == 0 {
			p.Source, p.Target = netip.MustParseAddr(pick(r, vendor6, stranger6)), netip.MustParseAddr(wan6)
		}
		if r.IntN(2) == 0 {
			p.In, p.Port = "tun0", pick[uint16](r, 22, 22, 23)
			p.Source, p.Target = netip.MustParseAddr(tunPeer4), netip.MustParseAddr(pick(r, dev4, dev4, box4))
		}
	}
	if r.IntN(8) == 0 { // close to a window, or in it
		p.In, p.Proto, p.Flags, p.Port = "wan0", pick(r, firewall.TCP, firewall.UDP), firewall.FlagSYN, pick[uint16](r, 13389, 3389)
		p.Source, p.Target = netip.MustParseAddr(pick(r, vendor4, stranger4)), netip.MustParseAddr(wan4)
		if r.IntN(2) == 0 {
			p.Port = 3389
			p.Source, p.Target = netip.MustParseAddr(pick(r, vendor6, stranger6)), netip.MustParseAddr(dev6)
		}
	}
	if p.Port == 68 && p.Source.String() != wan4 { // the kernel's routing refuses our own address by itself
		p.SourcePort = 67
	}
	switch {
	case p.Proto == firewall.TCP && p.Flags != firewall.FlagSYN:
		p.State = firewall.StateInvalid // with nf_conntrack_tcp_loose=0
	case p.Proto == firewall.ICMPv6 && p.Kind >= 130:
		p.State = firewall.StateUntracked
	}
	return p
}

// What Decide says of random packets is what the kernel does with them: the
// same counter counts them, or none does and they pass.
func TestDecideAsKernel(t *testing.T) {
	c := newClinic(t)
	rs := c.apply(policy())
	o := firewall.Opening{Mark: 77, For: time.Hour, Passes: []firewall.Pass{way(firewall.TCP, false), way(firewall.UDP, false), way(firewall.TCP, true)},
		OutPasses: []firewall.OutPass{{Device: netip.MustParseAddr(dev4), To: netip.MustParseAddrPort(vendor4 + ":3389"), Proto: firewall.UDP}}}
	o.Passes = append(o.Passes, firewall.Pass{Source: netip.MustParsePrefix(tunPeer4 + "/32"), Proto: firewall.UDP, Inside: netip.MustParseAddrPort(dev4 + ":22"), Direct: true})
	o.Outer = []firewall.Outer{{Source: netip.MustParsePrefix(vendor4 + "/32"), Box: netip.MustParseAddrPort(wan4 + ":51820")},
		{Source: netip.MustParsePrefix(vendor6 + "/128"), Box: netip.MustParseAddrPort("[" + wan6 + "]:51820")}}
	o.Egress = []netip.Addr{netip.MustParseAddr(dev4), netip.MustParseAddr("2001:db8:10::77")}
	if _, err := c.k.OpenWindow(o); err != nil {
		t.Fatal(err)
	}
	world := firewall.World{Open: []firewall.Opening{o}, Gates: map[firewall.Mark][]firewall.Gate{77: gates(dev4, other4, dev4, "203.0.113.5", dev6, other6, dev6, "2001:db8:bad::5", dev4, vendor4)},
		Answered: gates(dev4, stranger4, "192.168.10.77", stranger4, dev6, stranger6, "192.168.10.77", "203.0.113.5", dev4, vendor4)}
	if err := c.k.AddGates(77, world.Gates[77]); err != nil {
		t.Fatal(err)
	}
	for _, a := range world.Answered {
		if err := c.k.Admit(a.Device, []netip.Addr{a.Target}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	tun := c.tunnel()
	for _, a := range []string{wan4, wan6, box4, box6, tunBox4, tunBox6} {
		world.Box = append(world.Box, netip.MustParseAddr(a))
	}
	for to, iface := range map[string]string{"0.0.0.0/0": "wan0", "::/0": "wan0", "192.168.10.0/24": "lan0", "2001:db8:10::/64": "lan0", "10.77.0.0/24": "tun0", "fd77::/64": "tun0"} {
		world.Routes = append(world.Routes, firewall.Route{To: netip.MustParsePrefix(to), Iface: iface})
	}
	wires := map[string]*wire{"wan0": c.out.wire(t, "wan0"), "lan0": c.lan.wire(t, "lan0"), "tun0": tun.wire(t, "tun0")}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	reasons := map[string]int{}
	for n := range 1500 {
		p := randomPacket(r, n)
		d := rs.Decide(p, world)
		slices.Sort(d.Counts)
		reasons[fmt.Sprint(d.Verdict, " ", d.Told, " ", d.Why)]++
		if p.Proto == 99 || p.SourcePort == 67 { // not told apart by ports
			flushConntrack(t)
		}
		var got []string
		for range 3 { // a neighbour's chatter may be counted in between
			if got = c.counted(t, wires[p.In], p, d.Counts); slices.Equal(got, d.Counts) {
				break
			}
			if d.Verdict == firewall.Accept && p.SourcePort != 67 {
				p.SourcePort += 2000
			}
		}
		if !slices.Equal(got, d.Counts) {
			t.Errorf("%+v\n\tDecide: %s by %q in %s, counts %v\n\tkernel counts %v", p, d.Verdict, d.Why, d.Chain, d.Counts, got)
		}
	}
	for why, n := range reasons {
		t.Logf("%4d %s", n, why)
	}
}

// counted sends the packet and returns which counters moved, those of windows
// and attempts as "@set"; what the links and the box say by themselves is left
// out.
func (c *clinic) counted(t testing.TB, w *wire, p firewall.Packet, want []string) []string {
	before, tried := c.counts(t)
	around := c.around(t)
	mac := w.mac
	if _, err := unix.Write(w.fd, frame(p, mac)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
		after, triedNow := c.counts(t)
		got = nil
		for name, n := range after.Named {
			if n.Packets != before.Named[name].Packets && name != firewall.CountNoise && name != firewall.CountOutput {
				got = append(got, name)
			}
		}
		if after.Passed[77] != before.Passed[77] {
			got = append(got, "@win_bytes")
		}
		for who, n := range triedNow {
			if n.Packets != tried[who].Packets {
				got = append(got, map[bool]string{true: "@vtry", false: "@try"}[who.Vendor]+map[bool]string{true: "4", false: "6"}[who.Source.Is4()])
			}
		}
		for who, n := range c.around(t) {
			if n != around[who] {
				got = append(got, "@around")
			}
		}
		slices.Sort(got)
		if len(want) > 0 && slices.Equal(got, want) {
			return got
		}
		if len(want) == 0 {
			end = end.Add(-6 * time.Millisecond)
		}
	}
	return got
}

// counts are all counters, with those of attempts by who made them.
func (c *clinic) counts(t testing.TB) (kernel.Counts, map[firewall.Try]firewall.Count) {
	n, err := c.k.Counts()
	if err != nil {
		t.Fatal(err)
	}
	tries, err := c.k.Attempts()
	if err != nil {
		t.Fatal(err)
	}
	by := map[firewall.Try]firewall.Count{}
	for _, a := range tries {
		by[firewall.Try{Source: a.Source, Vendor: a.Vendor}] = a.Count
	}
	return n, by
}

// gates pairs devices with targets.
func gates(ends ...string) (out []firewall.Gate) {
	for p := range slices.Chunk(ends, 2) {
		out = append(out, firewall.Gate{Device: netip.MustParseAddr(p[0]), Target: netip.MustParseAddr(p[1])})
	}
	return out
}

package kernel_test

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/firewall"
)

// A detour is a device, by the last byte of its address, and a port.
type detour struct {
	device byte
	port   uint16
}

// around are the packets of each detour the kernel has counted.
func (c *clinic) around(t testing.TB) map[detour]uint64 {
	t.Helper()
	all, err := c.k.Around()
	if err != nil {
		t.Fatal(err)
	}
	out := map[detour]uint64{}
	for _, d := range all {
		out[detour{d.Device[5], d.Port}] += d.Packets
	}
	return out
}

// ask sends the first packets of n flows of a device.
func (c *clinic) ask(w *wire, n int, device byte, from, to string, proto firewall.Proto, port uint16) {
	c.Helper()
	for i := range n {
		f := frame(firewall.Packet{Source: netip.MustParseAddr(from), Target: netip.MustParseAddr(to), Proto: proto, SourcePort: uint16(20000 + i), Port: port,
			Flags: firewall.FlagSYN, HopLimit: 64, EtherSource: net.HardwareAddr{2, 0, 0, 0, 0, device}}, w.mac)
		if _, err := unix.Write(w.fd, f); err != nil {
			c.Fatal(err)
		}
	}
}

// Who sends DNS past the box is counted by device and port, to the packet, by
// either family; what is for the box, or from an exempt device, is not. The
// counts outlive a change of rules, and end with ForgetAround.
func TestAround(t *testing.T) {
	c := newClinic(t)
	w := c.lan.wire(t, "lan0")
	linkLocal := ""
	ifi, err := net.InterfaceByName("lan0")
	if err != nil {
		t.Fatal(err)
	}
	as, err := ifi.Addrs()
	for _, a := range as {
		if p := netip.MustParsePrefix(a.String()); p.Addr().IsLinkLocalUnicast() && p.Addr().Is6() {
			linkLocal = p.Addr().String()
		}
	}
	if err != nil || linkLocal == "" {
		t.Fatal("no link-local address", err)
	}
	c.ask(w, 30, 1, dev4, stranger4, firewall.UDP, 53)
	c.ask(w, 4, 1, dev6, stranger6, firewall.UDP, 53)
	c.ask(w, 5, 1, dev4, stranger4, firewall.TCP, 853)
	c.ask(w, 6, 1, dev6, stranger6, firewall.UDP, 853)
	c.ask(w, 7, 2, dev4, resolver4, firewall.UDP, 443)
	c.ask(w, 8, 2, dev6, resolver6, firewall.TCP, 8443)
	c.ask(w, 9, 2, dev4, stranger4, firewall.TCP, 443) // to anybody
	c.ask(w, 9, 3, dev4, box4, firewall.UDP, 53)       // where it should
	c.ask(w, 9, 3, "fe80::3", linkLocal, firewall.UDP, 53)
	for _, port := range []uint16{53, 853, 443} { // exempt
		c.ask(w, 9, 9, dev4, resolver4, firewall.UDP, port)
	}
	c.ask(w, 3, 7, "192.168.10.27", resolver4, firewall.TCP, 443) // answered-only
	want := map[detour]uint64{{1, 53}: 34, {1, 853}: 11, {2, 443}: 7, {2, 8443}: 8, {7, 443}: 3}
	holds := func(what string) {
		t.Helper()
		var got map[detour]uint64
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if got = c.around(t); maps.Equal(got, want) {
				return
			}
		}
		t.Errorf("%s: counted %v, want %v", what, got, want)
	}
	holds("at first")
	p := policy()
	p.Resolvers, p.PagePorts = append(p.Resolvers, netip.MustParsePrefix("203.0.113.201/32")), []uint16{443}
	c.apply(p)
	c.ask(w, 2, 2, dev4, "203.0.113.201", firewall.TCP, 443)
	want[detour{2, 443}] = 9
	holds("after a change of rules")
	p.ObserveDNS = true
	c.apply(p)
	c.ask(w, 1, 1, dev4, stranger4, firewall.TCP, 853)
	want[detour{1, 853}] = 12
	holds("only observed")
	for range 2 {
		if err := c.k.ForgetAround([][6]byte{{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 0x55}}); err != nil {
			t.Fatal(err)
		}
	}
	delete(want, detour{2, 443})
	delete(want, detour{2, 8443})
	holds("after forgetting")
}

// Devices that are made up fill the kernel's set and nothing else: all are
// refused as before.
func TestAroundIsBounded(t *testing.T) {
	c := newClinic(t)
	w := c.lan.wire(t, "lan0")
	const devices = 9000
	for i := range devices {
		f := frame(firewall.Packet{Source: netip.MustParseAddr(dev4), Target: netip.MustParseAddr(stranger4), Proto: firewall.UDP, SourcePort: uint16(10000 + i), Port: 853,
			EtherSource: net.HardwareAddr{2, 0, 0, 1, byte(i >> 8), byte(i)}}, w.mac)
		if _, err := unix.Write(w.fd, f); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all were refused", func() bool {
		n, err := c.k.Counts()
		return err == nil && n.Named[firewall.CountDNSTLS].Packets == devices
	})
	all, err := c.k.Around()
	if err != nil || len(all) != 8192 {
		t.Errorf("%d devices, %v", len(all), err)
	}
}

// Whoever is turned away learns it at once, by TCP and by UDP, so that browsers
// fall back; a device whose DNS is left alone gets through.
func TestTurnedAwayAtOnce(t *testing.T) {
	c := newClinic(t)
	p := policy()
	p.Resolvers = []netip.Prefix{netip.MustParsePrefix(stranger4 + "/32"), netip.MustParsePrefix(stranger6 + "/128")}
	c.apply(p)
	for _, a := range []string{stranger4, stranger6, other4, other6} {
		for _, port := range []string{"443", "853"} {
			c.out.serve(t, net.JoinHostPort(a, port))
		}
	}
	const slow = 700 * time.Millisecond // a second try of TCP comes after one second
	try := func(network, to string) (told bool, took time.Duration) {
		start := time.Now()
		c.lan.do(t, func() error {
			conn, err := net.DialTimeout(network, to, 3*time.Second)
			if err == nil {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(3 * time.Second))
				if _, err = conn.Write([]byte("x")); err == nil {
					_, err = conn.Read(make([]byte, 64))
				}
			}
			told = errors.Is(err, unix.ECONNREFUSED)
			return nil
		})
		return told, time.Since(start)
	}
	for _, a := range []string{stranger4, stranger6} {
		for _, port := range []string{"443", "853"} {
			for _, network := range []string{"tcp", "udp"} {
				to := net.JoinHostPort(a, port)
				told, took := try(network, to)
				for range 2 { // a busy machine
					if told && took > slow {
						told, took = try(network, to)
					}
				}
				if !told || took > slow {
					t.Errorf("%s %s: told %t after %s", network, to, told, took)
				}
			}
		}
	}
	for _, ls := range [][]line{{{"tcp", dev4, other4 + ":443", c.lan, c.out}}, {{"tcp", dev4, stranger4 + ":80", c.lan, c.out}}} {
		if ls[0].to == stranger4+":80" {
			c.answer(ls)
		}
		for _, s := range dialAll(t, ls) {
			if s.err != nil {
				t.Errorf("%s: %v", s.to, s.err)
			}
		}
	}
	c.lan.do(t, func() error { p.DNSExempt = append(p.DNSExempt, mac(c, "eth0")); return nil })
	c.apply(p)
	for _, a := range []string{stranger4, stranger6} {
		for _, port := range []string{"443", "853"} {
			s, conn, err := c.lan.dial(t, "tcp", map[bool]string{true: dev4, false: dev6}[a == stranger4], net.JoinHostPort(a, port))
			if err != nil {
				t.Errorf("exempt, %s port %s: %v", a, port, err)
				continue
			}
			eventually(t, "the exempt device talks", func() bool { return s.n.Load() > 3 })
			conn.Close()
		}
	}
}

// DNS that went past the box while it was only observed ends when it is
// refused; nothing else does, nor what an exempt device does.
func TestRefusingDNSCutsOldFlows(t *testing.T) {
	c := newClinic(t)
	p := policy()
	p.Resolvers = []netip.Prefix{netip.MustParsePrefix(stranger4 + "/32"), netip.MustParsePrefix(stranger6 + "/128")}
	p.ObserveDNS = true
	c.apply(p)
	var cut, kept []line
	for _, a := range [][2]string{{dev4, stranger4}, {dev6, stranger6}} {
		for _, port := range []int{443, 853} {
			cut = append(cut, line{"tcp", a[0], net.JoinHostPort(a[1], strconv.Itoa(port)), c.lan, c.out})
		}
	}
	kept = append(kept, line{"tcp", dev4, other4 + ":443", c.lan, c.out}, line{"tcp", dev6, "[" + other6 + "]:443", c.lan, c.out},
		line{"tcp", dev4, stranger4 + ":80", c.lan, c.out})
	c.answer(cut)
	c.answer(kept)
	all := dialAll(t, slices.Concat(cut, kept))
	for _, s := range all {
		if s.err != nil {
			t.Fatalf("%s %s: %v", s.network, s.to, s.err)
		}
		eventually(t, "data flows", func() bool { return s.n.Load() > 3 })
	}
	exempt := p
	exempt.ObserveDNS = false
	c.lan.do(t, func() error { exempt.DNSExempt = append(slices.Clone(p.DNSExempt), mac(c, "eth0")); return nil })
	c.apply(exempt)
	for _, s := range all {
		n := s.n.Load()
		eventually(t, "the exempt device's "+s.to+" goes on", func() bool { return s.n.Load() > n+3 })
	}
	p.ObserveDNS = false
	c.apply(p) // exempt no longer
	time.Sleep(50 * time.Millisecond)
	var heard []int64
	for _, s := range all {
		heard = append(heard, s.n.Load())
	}
	for i, s := range all[len(cut):] {
		eventually(t, s.to+" goes on", func() bool { return s.n.Load() > heard[len(cut)+i]+5 })
	}
	for i, s := range all[:len(cut)] {
		if s.n.Load() > heard[i] {
			t.Errorf("%s: heard %d more", s.to, s.n.Load()-heard[i])
		}
	}
}

// A table of another make is read as such: a rejection of another kind is not
// ours.
func TestRejectRule(t *testing.T) {
	k := open(t)
	needNFT(t)
	for rule, ours := range map[string]bool{
		"meta l4proto tcp reject with tcp reset": true, "meta l4proto udp reject": true, "meta nfproto ipv6 reject with icmpx port-unreachable": true,
		"meta l4proto udp reject with icmpx admin-prohibited": false, "meta nfproto ipv4 reject with icmp port-unreachable": false,
	} {
		nft(t, "table inet monban {\n\tchain c {\n\t\t"+rule+"\n\t}\n}\n", "-f", "-")
		got, err := k.Read()
		if err != nil || strings.Contains(got, "unreadable: reject") == ours {
			t.Errorf("%s\nreads as\n%s%v", rule, got, err)
		}
		nft(t, "", "delete", "table", "inet", "monban")
	}
}

package kernel_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/firewall"
	"monban/firewall/kernel"
)

// knock sends n packets that begin something.
func (c *clinic) knock(n int, from, to string, proto firewall.Proto, port uint16) {
	c.Helper()
	src, dst := netip.MustParseAddr(from), netip.MustParseAddr(to)
	r := c.out.raw(c, src.Is6(), int(proto))
	for i := range n {
		b, sum := segment(uint16(30000+i), port, firewall.FlagSYN), 16
		if proto == firewall.UDP {
			b, sum = make([]byte, 12), 6
			binary.BigEndian.PutUint16(b, uint16(30000+i))
			binary.BigEndian.PutUint16(b[2:], port)
			b[5] = 12
		}
		if err := r.send(src, dst, proto, b, sum); err != nil {
			c.Fatal(err)
		}
	}
}

// tried waits until the kernel has counted so many packets of somebody.
func (c *clinic) tried(source string, vendor bool, packets uint64) {
	c.Helper()
	a := netip.MustParseAddr(source)
	var last []firewall.Try
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		var err error
		if last, err = c.k.Attempts(); err != nil {
			c.Fatal(err)
		}
		i := slices.IndexFunc(last, func(t firewall.Try) bool { return t.Source == a })
		if i >= 0 && last[i].Vendor == vendor && last[i].Packets == packets || i < 0 && packets == 0 {
			return
		}
	}
	c.Errorf("want %d packets of %s, vendor %t; have %+v", packets, source, vendor, last)
}

// Who tries to come in with no window is counted by source, to the packet,
// vendors apart from strangers; what a window let in, broadcasts and the
// self-test are not.
func TestAttempts(t *testing.T) {
	c := newClinic(t)
	c.knock(30, stranger4, wan4, firewall.TCP, 22)
	c.knock(20, stranger4, wan4, firewall.UDP, 161)
	c.knock(7, vendor4, wan4, firewall.TCP, 13389)
	c.knock(11, stranger6, dev6, firewall.TCP, 3389)
	c.knock(5, stranger6, wan6, firewall.UDP, 53)
	c.knock(3, vendor6, dev6, firewall.UDP, 3389)
	c.tried(stranger4, false, 50)
	c.tried(vendor4, true, 7)
	c.tried(stranger6, false, 16)
	c.tried(vendor6, true, 3)
	all, err := c.k.Attempts()
	if err != nil || len(all) != 4 || !slices.IsSortedFunc(all, func(a, b firewall.Try) int { return a.Source.Compare(b.Source) }) {
		t.Errorf("attempts: %+v, %v", all, err)
	}
	if i := slices.IndexFunc(all, func(x firewall.Try) bool { return x.Source.String() == vendor4 }); all[i].Bytes != 7*40 {
		t.Errorf("bytes: %+v", all[i])
	}

	c.lan.serve(t, dev4+":3389")
	c.open(4, time.Minute, way(firewall.TCP, false))
	s, _, err := c.out.dial(t, "tcp", vendor4, wan4+":13389")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "data flows", func() bool { return s.n.Load() > 3 })
	if err := c.k.AddProbe("wan0", time.Minute); err != nil { // counts as the self-test's from here on
		t.Fatal(err)
	}
	p := policy()
	p.WAN = []string{"wan9"}
	c.apply(p)
	c.knock(9, other4, wan4, firewall.TCP, 22)
	c.apply(policy())
	w := c.out.wire(t, "wan0")
	w.mac = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	for range 5 {
		f := frame(firewall.Packet{Source: netip.MustParseAddr(other4), Target: netip.MustParseAddr("255.255.255.255"), Proto: firewall.UDP, SourcePort: 68, Port: 67,
			EtherSource: []byte{2, 0, 0, 0, 0, 5}}, w.mac)
		if _, err := unix.Write(w.fd, f); err != nil {
			t.Fatal(err)
		}
	}
	c.knock(1, other4, wan4, firewall.TCP, 23) // so that the others have come
	c.tried(other4, false, 1)
	c.tried(vendor4, true, 7)

	for range 2 {
		if err := c.k.ForgetAttempts([]netip.Addr{netip.MustParseAddr(stranger4), netip.MustParseAddr(vendor6), netip.MustParseAddr(dev4)}); err != nil {
			t.Fatal(err)
		}
	}
	c.tried(stranger4, false, 0)
	c.tried(vendor6, true, 0)
	c.tried(vendor4, true, 7)
	c.knock(2, stranger4, wan4, firewall.TCP, 22)
	c.tried(stranger4, false, 2)
}

// Any number of sources fill the kernel's set and nothing else: all are
// refused and counted together, and vendors go on being counted apart.
func TestAttemptsAreBounded(t *testing.T) {
	c := newClinic(t)
	w := c.out.wire(t, "wan0")
	counter := firewall.Refused(true, 4, firewall.TCP)
	const sources = 17000
	for i := range sources {
		src := netip.AddrFrom4([4]byte{20, byte(i >> 16), byte(i >> 8), byte(i)})
		f := frame(firewall.Packet{Source: src, Target: netip.MustParseAddr(wan4), Proto: firewall.TCP, SourcePort: 1000, Port: 22, Flags: firewall.FlagSYN,
			EtherSource: []byte{2, 0, 0, 0, 0, 5}}, w.mac)
		if _, err := unix.Write(w.fd, f); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all were refused", func() bool {
		n, err := c.k.Counts()
		return err == nil && n.Named[counter].Packets == sources
	})
	all, err := c.k.Attempts()
	if err != nil || len(all) != 16384 {
		t.Errorf("%d sources, %v", len(all), err)
	}
	c.knock(3, vendor4, wan4, firewall.TCP, 22)
	c.tried(vendor4, true, 3)
	var gone []netip.Addr
	for _, a := range all[:10000] {
		gone = append(gone, a.Source)
	}
	if err := c.k.ForgetAttempts(gone); err != nil {
		t.Fatal(err)
	}
	c.knock(4, stranger4, wan4, firewall.TCP, 22)
	c.tried(stranger4, false, 4)
}

// Samples say who wanted what by which interface; a flood gives a few, and
// does not end the watching.
func TestWatchAttempts(t *testing.T) {
	c := newClinic(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var mu sync.Mutex
	var seen []firewall.Sample
	done := c.gw.start(func() error {
		return c.k.WatchAttempts(ctx, func(s firewall.Sample) { mu.Lock(); seen = append(seen, s); mu.Unlock() })
	})
	find := func(want firewall.Sample) bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.ContainsFunc(seen, func(s firewall.Sample) bool {
			at := s.At
			s.At = time.Time{}
			return s == want && time.Since(at) < 10*time.Second
		})
	}
	ap := netip.MustParseAddrPort
	for _, want := range []firewall.Sample{
		{Source: ap(stranger4 + ":30000"), Target: ap(wan4 + ":22"), Proto: firewall.TCP, In: "wan0"},
		{Source: ap(vendor4 + ":30000"), Target: ap(wan4 + ":4500"), Proto: firewall.UDP, In: "wan0"},
		{Source: ap("[" + stranger6 + "]:30000"), Target: ap("[" + dev6 + "]:3389"), Proto: firewall.TCP, In: "wan0"},
	} {
		eventually(t, "a sample of "+want.Source.String(), func() bool {
			c.knock(1, want.Source.Addr().String(), want.Target.Addr().String(), want.Proto, want.Target.Port())
			time.Sleep(50 * time.Millisecond)
			return find(want)
		})
	}
	start := time.Now()
	mu.Lock()
	seen = nil
	mu.Unlock()
	c.knock(5000, other4, wan4, firewall.TCP, 23)
	c.tried(other4, false, 5000)
	time.Sleep(300 * time.Millisecond)
	mu.Lock()
	n := len(seen)
	mu.Unlock()
	if most := firewall.LogBurst + int(time.Since(start).Seconds()+1)*firewall.LogRate; n == 0 || n > most {
		t.Errorf("%d samples of 5000, want at most %d", n, most)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzDecodePacket(f *testing.F) {
	for _, p := range []firewall.Packet{
		{Source: netip.MustParseAddr(stranger4), Target: netip.MustParseAddr(wan4), Proto: firewall.TCP, SourcePort: 1000, Port: 22},
		{Source: netip.MustParseAddr(stranger6), Target: netip.MustParseAddr(dev6), Proto: firewall.UDP, SourcePort: 1000, Port: 22},
		{Source: netip.MustParseAddr(stranger6), Target: netip.MustParseAddr(dev6), Proto: firewall.ICMPv6, Kind: 128},
	} {
		p.EtherSource = make([]byte, 6)
		f.Add(frame(p, make([]byte, 6))[14:]) // behind the Ethernet header
	}
	f.Add(bytes.Repeat([]byte{0x60}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, from, to, ok := kernel.DecodePacket(b)
		if !ok {
			if from.IsValid() || to.IsValid() || p != 0 {
				t.Errorf("%x: not read as %s %s %s", b, p, from, to)
			}
			return
		}
		if from.Addr().BitLen() != to.Addr().BitLen() || !from.Addr().IsValid() {
			t.Errorf("%x: %s to %s", b, from, to)
		}
		if p != firewall.TCP && p != firewall.UDP && (from.Port() != 0 || to.Port() != 0) {
			t.Errorf("%x: %s has ports", b, p)
		}
		if !bytes.Contains(b, from.Addr().AsSlice()) || !bytes.Contains(b, to.Addr().AsSlice()) {
			t.Errorf("%x: addresses from nowhere: %s, %s", b, from, to)
		}
	})
}

// The ends of a packet are found behind whatever stands before them.
func TestDecodePacket(t *testing.T) {
	six := frame(firewall.Packet{Source: netip.MustParseAddr(stranger6), Target: netip.MustParseAddr(dev6), Proto: firewall.UDP, SourcePort: 1000, Port: 22,
		EtherSource: make([]byte, 6)}, make([]byte, 6))[14:]
	with := func(next byte, headers ...byte) []byte {
		b := slices.Clone(six)
		b[6] = next
		return slices.Concat(b[:40], headers, b[40:])
	}
	four := frame(firewall.Packet{Source: netip.MustParseAddr(stranger4), Target: netip.MustParseAddr(wan4), Proto: firewall.TCP, SourcePort: 1000, Port: 22,
		EtherSource: make([]byte, 6)}, make([]byte, 6))[14:]
	options := slices.Concat(four[:20], []byte{1, 1, 1, 1}, four[20:])
	options[0] = 0x46
	later := slices.Clone(four)
	later[6], later[7] = 0, 1
	pad := func(next byte) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} }
	for name, x := range map[string]struct {
		b     []byte
		proto firewall.Proto
		port  uint16
	}{
		"IPv4":                   {four, firewall.TCP, 22},
		"IPv4 with options":      {options, firewall.TCP, 22},
		"later fragment of IPv4": {later, firewall.TCP, 0},
		"IPv4 cut in its TCP":    {four[:22], firewall.TCP, 0},
		"IPv6":                   {six, firewall.UDP, 22},
		"hop by hop":             {with(0, pad(17)...), firewall.UDP, 22},
		"three headers":          {with(0, slices.Concat(pad(60), pad(43), pad(17))...), firewall.UDP, 22},
		"first fragment":         {with(44, 17, 0, 0, 1, 0, 0, 0, 1), firewall.UDP, 22},
		"later fragment":         {with(44, 17, 0, 0, 8, 0, 0, 0, 1), firewall.UDP, 0},
		"unknown header":         {with(50, pad(17)...), 50, 0},
		"cut in a header":        {with(0, pad(17)...)[:44], 0, 0},
		"longer than it is":      {with(0, 17, 200, 0, 0, 0, 0, 0, 0), 0, 0},
	} {
		p, from, to, ok := kernel.DecodePacket(x.b)
		if !ok || p != x.proto || to.Port() != x.port || (from.Port() == 1000) != (x.port != 0) {
			t.Errorf("%s: %s %s %s %t", name, p, from, to, ok)
		}
	}
	for name, b := range map[string][]byte{"nothing": nil, "cut in IPv4": four[:19], "cut in IPv6": six[:39], "IPv5": {0x50}, "short IPv4 header": append([]byte{0x44}, four[1:]...)} {
		if _, _, _, ok := kernel.DecodePacket(b); ok {
			t.Errorf("%s was read", name)
		}
	}
}

package kernel_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/firewall"
	"monban/firewall/kernel"
)

// Replacing the rules during a session loses no packet, moves no deadline and
// keeps every count.
func TestReplaceDuringSession(t *testing.T) {
	c := newClinic(t)
	inside := c.lan.serve(t, dev4+":3389")
	end := c.open(11, 4*time.Second, way(firewall.UDP, false))
	conn, seen := c.numbered(t, wan4+":13389")
	defer conn.Close()
	p := policy()
	var sent uint32
	replaced := 0
	for i := 0; time.Until(end) > 2*time.Second; i++ {
		replaced++
		for range 5 {
			sent++
			if _, err := conn.Write(binary.BigEndian.AppendUint32(nil, sent)); err != nil {
				t.Fatal(err)
			}
		}
		p.Blocked = p.Blocked[:0:0]
		for j := range i % 40 {
			p.Blocked = append(p.Blocked, netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(j * 3)}), 30+i%3))
		}
		p.PagePorts = []uint16{443, uint16(8000 + i)}
		c.apply(p)
	}
	eventually(t, "every packet came", func() bool { return seen.Load() == int64(sent) })
	if replaced < 5 {
		t.Errorf("only %d replacements", replaced)
	}
	if off := moved(t, c.k, end); off > 15*time.Millisecond {
		t.Errorf("deadline moved by %s", off)
	}
	counts, err := c.k.Counts()
	if err != nil || counts.Passed[11].Packets < uint64(sent) {
		t.Errorf("passed %+v, sent %d; %v", counts.Passed[11], sent, err)
	}
	time.Sleep(time.Until(end) + 100*time.Millisecond)
	if late := inside.at().Sub(end); late > 50*time.Millisecond {
		t.Errorf("inside last heard %s after the end", late)
	}
}

// moved is how far the one open window's end is from where it should be. It
// looks a few times: a busy machine may stop the test between two clocks.
func moved(t testing.TB, k *kernel.Kernel, end time.Time) time.Duration {
	t.Helper()
	least := time.Hour
	for range 5 {
		l, err := k.Live()
		if err != nil || len(l) != 1 {
			t.Fatalf("live: %v, %v", l, err)
		}
		least = min(least, (time.Until(end) - l[0].Left).Abs())
	}
	return least
}

// numbered dials UDP from the vendor, and counts on the device what comes of
// numbered packets. The device has a server on 3389 that hears them.
func (c *clinic) numbered(t *testing.T, to string) (net.Conn, *atomic.Int64) {
	t.Helper()
	var seen atomic.Int64
	var conn net.Conn
	c.lan.do(t, func() error { // takes the server's place on its port
		lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
			var err error
			rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
			return err
		}}
		p, err := lc.ListenPacket(context.Background(), "udp", dev4+":3388")
		if err != nil {
			return err
		}
		t.Cleanup(func() { p.Close() })
		go func() {
			buf := make([]byte, 64)
			for {
				if _, _, err := p.ReadFrom(buf); errors.Is(err, net.ErrClosed) {
					return
				}
				seen.Add(1)
			}
		}()
		return nil
	})
	if err := c.k.AddWays(firewall.Opening{Mark: 11, Passes: []firewall.Pass{{Source: netip.MustParsePrefix(vendor4 + "/32"), Proto: firewall.UDP, WANPort: 13388,
		Inside: netip.MustParseAddrPort(dev4 + ":3388")}}}); err != nil {
		t.Fatal(err)
	}
	c.out.do(t, func() (err error) {
		conn, err = net.Dial("udp", strings.Replace(to, "13389", "13388", 1))
		return err
	})
	return conn, &seen
}

// What passes through a window is counted to the byte: packets and bytes of
// the network layer, both ways, and nothing after the end.
func TestCountsAreExact(t *testing.T) {
	c := newClinic(t)
	c.open(11, time.Minute, way(firewall.UDP, false))
	conn, seen := c.numbered(t, wan4+":13389")
	for range 100 {
		if _, err := conn.Write(make([]byte, 72)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all came", func() bool { return seen.Load() == 100 })
	counts, err := c.k.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if want := (firewall.Count{Packets: 100, Bytes: 100 * (20 + 8 + 72)}); counts.Passed[11] != want {
		t.Errorf("passed %+v, want %+v", counts.Passed[11], want)
	}
	if _, err := c.k.CloseWindow(11); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		conn.Write(make([]byte, 72))
	}
	want := firewall.Count{Packets: 50, Bytes: 50 * 100}
	eventually(t, "all were refused", func() bool {
		counts, err = c.k.Counts()
		return err == nil && counts.Dead[11] == want
	})
	if counts.Named[firewall.CountAfterEnd] != want {
		t.Errorf("after the end %+v, want %+v", counts.Named[firewall.CountAfterEnd], want)
	}
	if err := c.k.Forget(11); err != nil {
		t.Fatal(err)
	}
	if counts, err = c.k.Counts(); err != nil || len(counts.Passed)+len(counts.Dead) != 0 {
		t.Errorf("after Forget: %+v, %v", counts, err)
	}
}

// A flow of a window is told when it begins and when conntrack forgets it.
func TestFlows(t *testing.T) {
	c := newClinic(t)
	c.lan.serve(t, dev4+":3389")
	ctx, stop := context.WithCancel(context.Background())
	var mu sync.Mutex
	var told []firewall.Flow
	done := c.gw.start(func() error {
		return c.k.WatchFlows(ctx, func(f firewall.Flow) { mu.Lock(); told = append(told, f); mu.Unlock() })
	})
	time.Sleep(50 * time.Millisecond)
	c.open(21, time.Minute, way(firewall.TCP, false))
	s, conn, err := c.out.dial(t, "tcp", vendor4, wan4+":13389")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "data flows", func() bool { return s.n.Load() > 5 })
	fs, err := c.k.Flows()
	if err != nil || len(fs) != 1 {
		t.Fatalf("flows: %+v, %v", fs, err)
	}
	f := fs[0]
	if f.Mark != 21 || f.Source != netip.MustParseAddrPort(conn.LocalAddr().String()) || f.Target.String() != dev4+":3389" ||
		f.WAN.String() != wan4+":13389" || f.Proto != firewall.TCP || f.In.Bytes == 0 || f.Out.Bytes == 0 || time.Since(f.Start) > 5*time.Second {
		t.Errorf("flow: %+v", f)
	}
	c.gw.do(t, func() error { flushConntrack(t); return nil })
	eventually(t, "both events", func() bool { mu.Lock(); defer mu.Unlock(); return len(told) == 2 })
	if told[0].Gone || told[0].ID != f.ID || told[0].Mark != 21 || !told[1].Gone || told[1].ID != f.ID || told[1].In.Bytes < f.In.Bytes || told[1].End.IsZero() {
		t.Errorf("told %+v", told)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Changes of others are told, ours are not; tables of others are never touched.
func TestWatchForeign(t *testing.T) {
	needNFT(t)
	k := open(t)
	ns := currentNetns(t)
	nft(t, "table inet other {\nchain c {\ntype filter hook input priority 10; policy accept;\ntcp dport 7 drop\n}\n}\n", "-f", "-")
	before := nft(t, "", "list", "table", "inet", "other")
	ctx, stop := context.WithCancel(context.Background())
	var n atomic.Int64
	done := ns.start(func() error { return k.WatchForeign(ctx, func() { n.Add(1) }) })
	eventually(t, "the first call", func() bool { return n.Load() == 1 })
	rs := compile(t, policy())
	for range 3 {
		if err := k.Apply(rs); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.OpenWindow(firewall.Opening{Mark: 1, For: time.Second, Passes: []firewall.Pass{way(firewall.TCP, false)}}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if n.Load() != 1 {
		t.Errorf("our own changes were told: %d", n.Load())
	}
	if after := nft(t, "", "list", "table", "inet", "other"); after != before {
		t.Errorf("other table changed:\n%s", after)
	}
	for i, cmd := range []string{"insert rule inet monban input accept", "add flowtable inet monban f { hook ingress priority 0; devices = { lo }; }",
		"add rule inet monban forward limit rate 1/second accept", "add table inet monban { flags dormant; }", "add element inet monban vendor4 { 10.9.8.7 }",
		"delete table inet other", "flush chain inet monban forward", "flush ruleset"} {
		was := n.Load()
		if out, err := nftTry(cmd); err != nil {
			t.Logf("nft %s: %s", cmd, out) // not every kernel or nft can
			continue
		}
		eventually(t, "told of "+cmd, func() bool { return n.Load() > was })
		if strings.Contains(cmd, "monban") || strings.Contains(cmd, "ruleset") {
			if err := k.Holds(rs); err == nil {
				t.Errorf("%d %s: not seen", i, cmd)
			}
		}
		if err := k.Apply(rs); err != nil {
			t.Errorf("putting right after %s: %v", cmd, err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A table of another layout is made anew; windows that fit go over with the
// rest of their time, and counts go over.
func TestRebuild(t *testing.T) {
	needNFT(t)
	k := open(t)
	rs := compile(t, policy())
	if err := k.Apply(rs); err != nil {
		t.Fatal(err)
	}
	l, err := k.OpenWindow(firewall.Opening{Mark: 5, For: 2 * time.Second, Passes: []firewall.Pass{way(firewall.TCP, false), way(firewall.UDP, true)},
		Egress: []netip.Addr{netip.MustParseAddr(dev4)}})
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(l.Left)
	if err := errors.Join(k.AddGates(5, gates(dev4, other4, dev6, other6)), k.Admit(netip.MustParseAddr(dev6), []netip.Addr{netip.MustParseAddr(other6)}, time.Hour)); err != nil {
		t.Fatal(err)
	}
	nft(t, "", "add", "element", "inet", "monban", "win_bytes", "{ 0x10005 counter packets 3 bytes 300 }")
	old := firewall.Closed() // the same table with another layout of one set
	for i, s := range old.Sets {
		if s.Name == "probe_if" {
			old.Sets[i].Size = 5
		}
	}
	if err := k.Apply(old); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if err := k.Apply(rs); err != nil {
		t.Fatal(err)
	}
	ls, err := k.Live()
	if err != nil || len(ls) != 1 || len(ls[0].Passes) != 2 || len(ls[0].Egress) != 1 || len(ls[0].Gates) != 2 {
		t.Fatalf("live: %+v, %v", ls, err)
	}
	if off := moved(t, k, end); off > 20*time.Millisecond {
		t.Errorf("deadline moved by %s", off)
	}
	told(t, k, dev6, map[string]time.Duration{other6: 2 * time.Hour})
	if k.Noted() != 0 {
		t.Error("relies on what it noted of another table")
	}
	if c, err := k.Counts(); err != nil || c.Passed[5] != (firewall.Count{Packets: 3, Bytes: 300}) {
		t.Errorf("counts: %+v, %v", c.Passed, err)
	}
	time.Sleep(time.Until(end) + 50*time.Millisecond)
	if ls, err = k.Live(); err != nil || len(ls) != 0 {
		t.Errorf("outlived its time: %+v, %v", ls, err)
	}
}

// Ten thousand blocked addresses load in one transaction, change by their
// difference, and read back.
func TestBigBlockSet(t *testing.T) {
	for name, buffer := range map[string]int{"root": 8 << 20, "user namespace": 212992} {
		t.Run(name, func(t *testing.T) {
			open(t)
			k, err := kernel.OpenWith(buffer)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { k.Close() })
			bigBlockSet(t, k)
		})
	}
}

func bigBlockSet(t *testing.T, k *kernel.Kernel) {
	p := policy()
	p.Blocked = nil
	for i := range 5000 {
		p.Blocked = append(p.Blocked, netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i >> 6), byte(i << 2), 0}), 24))
		p.Blocked = append(p.Blocked, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, byte(i >> 6), byte(i << 2)}), 48))
	}
	rs := compile(t, p)
	s4, _ := rs.Set("blocked4")
	s6, _ := rs.Set("blocked6")
	if len(s4.Elems)+len(s6.Elems) != 10000 {
		t.Fatalf("%d elements", len(s4.Elems)+len(s6.Elems))
	}
	start := time.Now()
	if err := k.Apply(rs); err != nil {
		t.Fatal(err)
	}
	t.Logf("10000 elements in %s", time.Since(start))
	p.Blocked = p.Blocked[100:9000]
	p.Blocked = append(p.Blocked, netip.MustParsePrefix("20.0.0.0/11"))
	start = time.Now()
	if err := k.Apply(compile(t, p)); err != nil {
		t.Fatal(err)
	}
	t.Logf("changed in %s", time.Since(start))
}

// A probe's interface counts as WAN for its time only.
func TestProbe(t *testing.T) {
	k := open(t)
	if err := k.Apply(compile(t, policy())); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := k.AddProbe("probe0", 200*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.DelProbe("probe0"); err != nil {
		t.Fatal(err)
	}
	if err := k.DelProbe("probe0"); err != nil {
		t.Fatal(err)
	}
	if err := k.AddProbe("a\"b", time.Second); err == nil {
		t.Error("took a name that is none")
	}
}

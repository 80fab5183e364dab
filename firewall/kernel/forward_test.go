package kernel_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// baseline is the least a router with one address does: what our rules must
// not be much slower than.
const baseline = `table inet baseline {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		iifname "lan0" accept
	}
	chain srcnat {
		type nat hook postrouting priority 100; policy accept;
		oifname "wan0" ip saddr 192.168.10.0/24 masquerade
	}
}
`

// The rules that forwarding is measured with, each in a clinic of its own.
const (
	withNone = iota // no rules at all, and so no conntrack
	withBaseline
	withFull
	withWindow // full, and the flows are a window's, whose bytes are counted
	withSame   // the baseline once more: how far two measures of the same are apart
	setups
)

// Ports of the outside that are dialled, and how much is sent in one turn:
// each takes some 20 ms.
const (
	bulkPort, packetPort, silentPort = 5201, 5202, 5203
	bulkWarm, bulkTurn               = 1 << 20, 16 << 20 // bytes
	packetTurn                       = 32 * 64           // packets
)

// setUp puts rules in force in a clinic that was just made.
func (c *clinic) setUp(setup int) {
	c.Helper()
	switch setup {
	case withNone, withBaseline, withSame:
		nft(c, "", "flush", "ruleset")
		c.out.do(c, func() error { return route("192.168.10.0/24", wan4) }) // no masquerade
		if setup != withNone {
			nft(c, baseline, "-f", "-")
		}
	case withFull, withWindow:
		c.apply(bigPolicy())
	}
	if setup == withWindow {
		o := firewall.Opening{Mark: 3, For: time.Hour}
		for port, proto := range map[uint16]firewall.Proto{bulkPort: firewall.TCP, packetPort: firewall.UDP, silentPort: firewall.UDP} {
			o.OutPasses = append(o.OutPasses, firewall.OutPass{Device: netip.MustParseAddr(dev4), Proto: proto,
				To: netip.AddrPortFrom(netip.MustParseAddr(stranger4), port)})
		}
		c.mustOpen(o)
	}
}

// bigPolicy is that of a busy clinic: ten vendors, a block list, devices of
// every kind.
func bigPolicy() firewall.Policy {
	p := policy()
	for i := range 10 {
		p.Vendors = append(p.Vendors, firewall.Vendor{Name: fmt.Sprint(i), Sources: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{30, 0, byte(i), 0}), 28)}})
		p.Answered = append(p.Answered, net.HardwareAddr{2, 0, 0, 0, 1, byte(i)})
	}
	for i := range 2000 {
		p.Blocked = append(p.Blocked, netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i >> 6), byte(i << 2), 0}), 24))
	}
	return p
}

// A hand is a thread in a namespace that does what it is told. All of a
// measure have one processor together: what a packet costs, from its sender to
// its receiver, is then all there is to measure.
type hand struct {
	todo chan func() error
	done <-chan error
}

func (n *netns) hand(t testing.TB) *hand {
	h := &hand{todo: make(chan func() error)}
	h.done = n.start(func() error {
		var one unix.CPUSet
		one.Set(0)
		err := unix.SchedSetaffinity(0, &one)
		for f := range h.todo {
			err = errors.Join(err, f())
		}
		return err
	})
	t.Cleanup(func() {
		close(h.todo)
		if err := <-h.done; err != nil {
			t.Error(err)
		}
	})
	return h
}

// do returns how long f took.
func (h *hand) do(f func() error) (took time.Duration) {
	done := make(chan bool)
	start := time.Now()
	h.todo <- func() error { defer close(done); return f() }
	<-done
	return time.Since(start)
}

// A lane is the flows of one clinic that is measured.
type lane struct {
	*clinic
	sender, receiver *hand
	from, to         net.Conn // TCP
	asked, silent    net.Conn // UDP, answered once and never
	sent             uint64   // packets
}

func newLane(b *testing.B, setup int) *lane {
	c := newClinic(b)
	c.setUp(setup)
	l := &lane{clinic: c, sender: c.lan.hand(b), receiver: c.out.hand(b)}
	var listener net.Listener
	var sinks [2]net.PacketConn
	l.receiver.do(func() (err error) {
		if listener, err = net.Listen("tcp4", fmt.Sprintf("%s:%d", stranger4, bulkPort)); err != nil {
			return err
		}
		for i, port := range []int{packetPort, silentPort} { // nobody reads them: that is no time of ours
			lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
				return errors.Join(rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) }), err)
			}}
			if sinks[i], err = lc.ListenPacket(b.Context(), "udp4", fmt.Sprintf("%s:%d", stranger4, port)); err != nil {
				return err
			}
			b.Cleanup(func() { sinks[i].Close() })
		}
		return nil
	})
	l.sender.do(func() (err error) {
		// A turn of another setup is no reason to begin slowly again.
		if err := os.WriteFile("/proc/sys/net/ipv4/tcp_slow_start_after_idle", []byte("0"), 0o644); err != nil {
			return err
		}
		if l.from, err = net.DialTimeout("tcp4", listener.Addr().String(), 2*time.Second); err != nil {
			return err
		}
		if l.asked, err = net.Dial("udp4", sinks[0].LocalAddr().String()); err != nil {
			return err
		}
		l.silent, err = net.Dial("udp4", sinks[1].LocalAddr().String())
		return errors.Join(err, l.asked.SetReadDeadline(time.Now().Add(2*time.Second)))
	})
	l.receiver.do(func() (err error) { l.to, err = listener.Accept(); return errors.Join(err, listener.Close()) })
	l.sender.do(func() error { _, err := l.asked.Write(make([]byte, 64)); return err })
	l.receiver.do(func() error {
		_, from, err := sinks[0].ReadFrom(make([]byte, 64))
		if err == nil {
			_, err = sinks[0].WriteTo(make([]byte, 64), from)
		}
		return err
	})
	l.sender.do(func() error { _, err := l.asked.Read(make([]byte, 64)); return err })
	for _, x := range []net.Conn{l.from, l.to, l.asked, l.silent} {
		b.Cleanup(func() { x.Close() })
	}
	return l
}

// bulk is one turn of the TCP stream: bits a second.
func (l *lane) bulk() float64 {
	buf := make([]byte, 1<<18)
	move := func(n int) time.Duration {
		read := make(chan bool)
		go func() {
			defer close(read)
			l.receiver.do(func() error {
				_, err := io.CopyBuffer(io.Discard, io.LimitReader(struct{ io.Reader }{l.to}, int64(n)), make([]byte, 1<<18))
				return err
			})
		}()
		start := time.Now()
		l.sender.do(func() error {
			for sent := 0; sent < n; sent += len(buf) {
				if _, err := l.from.Write(buf); err != nil {
					return err
				}
			}
			return nil
		})
		<-read
		return time.Since(start)
	}
	move(bulkWarm)
	return 8 * bulkTurn / move(bulkTurn).Seconds()
}

// packets is one turn of a UDP flow of 64 bytes each: packets a second.
func (l *lane) packets(c net.Conn) float64 {
	batch := make([]ipv4.Message, 64)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, 64)}
	}
	p := ipv4.NewPacketConn(c.(*net.UDPConn))
	send := func(n int) func() error {
		return func() error {
			for sent := 0; sent < n; sent += len(batch) {
				m, err := p.WriteBatch(batch, 0)
				if l.sent += uint64(m); err != nil {
					return err
				}
			}
			return nil
		}
	}
	l.sender.do(send(len(batch)))
	return packetTurn / l.sender.do(send(packetTurn)).Seconds()
}

// arrived is how many packets the outside has got.
func (c *clinic) arrived() (n uint64) {
	c.out.do(c, func() error {
		l, err := netlink.LinkByName("eth0")
		if err == nil {
			n = l.Attrs().Statistics.RxPackets
		}
		return err
	})
	return n
}

// BenchmarkForwarding compares forwarding with the full rules with established
// accept and masquerade alone, and with no rules at all: in turns of some
// 20 ms, so that what disturbs one disturbs the next, and medians of the ratios
// of the turns of a round. The full rules must keep 0.97 of the bulk throughput
// and 0.85 of the small packets of the baseline.
func BenchmarkForwarding(b *testing.B) {
	needRoot(b)
	needNFT(b)
	var lanes [setups]*lane
	for s := range lanes {
		lanes[s] = newLane(b, s)
	}
	const rounds = 200
	for b.Loop() {
		var tcp, udp, silent [setups][]float64
		for round := range rounds {
			for i := range setups {
				s := (round + i) % setups // nobody is always first
				l := lanes[s]
				tcp[s] = append(tcp[s], l.bulk())
				before := l.arrived()
				l.sent = 0
				udp[s], silent[s] = append(udp[s], l.packets(l.asked)), append(silent[s], l.packets(l.silent))
				if lost := int(l.sent) - int(l.arrived()-before); lost > int(l.sent)/100 {
					b.Fatalf("%d of %d packets lost: that is no rate", lost, l.sent)
				}
			}
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(tcp[withFull])/1e6, "Mbit/s")
		b.ReportMetric(median(udp[withFull]), "pps")
		for name, of := range map[string]func(full, base int) float64{
			"tcp":        func(x, y int) float64 { return ratio(tcp[x], tcp[y]) },
			"pps":        func(x, y int) float64 { return ratio(udp[x], udp[y]) },
			"silent-pps": func(x, y int) float64 { return ratio(silent[x], silent[y]) },
		} {
			b.ReportMetric(of(withFull, withBaseline), name+"-ratio")
			b.ReportMetric(of(withWindow, withBaseline), name+"-ratio-in-window")
			b.ReportMetric(of(withFull, withNone), name+"-ratio-to-none")
			b.ReportMetric(of(withBaseline, withNone), name+"-ratio-of-baseline-to-none")
			b.ReportMetric(of(withSame, withBaseline), name+"-ratio-of-same")
		}
		var log strings.Builder
		for s, name := range []string{"no rules", "baseline", "full", "window", "the same"} {
			fmt.Fprintf(&log, "\n%-8s %6.0f Mbit/s (%s) %7.0f packets/s (%s), unanswered %7.0f (%s)", name,
				median(tcp[s])/1e6, spread(tcp[s]), median(udp[s]), spread(udp[s]), median(silent[s]), spread(silent[s]))
		}
		b.Log(log.String())
		if r := ratio(tcp[withFull], tcp[withBaseline]); r < 0.97 {
			b.Errorf("TCP throughput is %.3f of the baseline, want 0.97", r)
		}
		if r := ratio(udp[withFull], udp[withBaseline]); r < 0.85 {
			b.Errorf("the rate of small packets is %.3f of the baseline, want 0.85", r)
		}
	}
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}

// ratio is the median of each round's: what disturbed a whole round falls out.
func ratio(a, b []float64) float64 {
	r := slices.Clone(a)
	for i := range r {
		r[i] /= b[i]
	}
	return median(r)
}

// spread is the middle half of the turns, about their median.
func spread(x []float64) string {
	x = slices.Clone(x)
	slices.Sort(x)
	m := median(x)
	return fmt.Sprintf("%+.0f %+.0f %%", 100*(x[len(x)/4]/m-1), 100*(x[len(x)*3/4]/m-1))
}

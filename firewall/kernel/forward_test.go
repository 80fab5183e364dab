package kernel_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
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

// The rules that forwarding is measured with.
const (
	withNone = iota // no rules at all, and so no conntrack
	withBaseline
	withFull
	withWindow // full, and the flow is a window's, whose bytes are counted
	setups
)

// use puts one set of rules in force and forgets every flow.
func (c *clinic) use(setup int) {
	c.Helper()
	nft(c, "", "flush", "ruleset")
	flushConntrack(c)
	switch setup {
	case withBaseline:
		nft(c, baseline, "-f", "-")
	case withFull, withWindow:
		c.apply(bigPolicy())
	}
	if setup == withWindow {
		o := firewall.Opening{Mark: 3, For: time.Minute}
		for proto, port := range map[firewall.Proto]uint16{firewall.TCP: bulkPort, firewall.UDP: packetPort} {
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

const (
	bulkPort   = 5201
	packetPort = 5202
)

// pinned runs f in the namespace on one processor, so that who sends, with all
// that forwarding does in its name, and who receives do not change places.
func (n *netns) pinned(cpu int, f func() error) <-chan error {
	return n.start(func() error {
		var set unix.CPUSet
		set.Set(cpu % runtime.NumCPU())
		return errors.Join(unix.SchedSetaffinity(0, &set), f())
	})
}

// busy is how long the thread has had a processor. Forwarding counts: over a
// veth pair it is done in the name of who sends.
func busy() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// bulk is one TCP stream from the device to the outside: bits a second, and
// bits in a second of the processors of both ends.
func (c *clinic) bulk(d time.Duration) (rate, perBusy float64) {
	c.Helper()
	var l net.Listener
	c.out.do(c, func() (err error) {
		l, err = net.Listen("tcp4", fmt.Sprintf("%s:%d", stranger4, bulkPort))
		return err
	})
	defer l.Close()
	var total int
	var busySending, busyReceiving time.Duration
	received := c.out.pinned(1, func() error {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		defer conn.Close()
		buf := make([]byte, 1<<20)
		if _, err := io.ReadFull(conn, buf); err != nil { // the TCP window has opened by then
			return err
		}
		start, was, n := time.Now(), busy(), 0
		for time.Since(start) < d {
			m, err := conn.Read(buf)
			if n += m; err != nil {
				return err
			}
		}
		rate = float64(8*n) / time.Since(start).Seconds()
		total, busyReceiving = n, busy()-was
		return nil
	})
	sent := c.lan.pinned(0, func() error {
		conn, err := net.DialTimeout("tcp4", l.Addr().String(), 2*time.Second)
		if err != nil {
			l.Close()
			return err
		}
		defer conn.Close()
		was := busy()
		for buf := make([]byte, 1<<18); ; {
			if _, err := conn.Write(buf); err != nil {
				busySending = busy() - was
				return nil // the receiver has enough
			}
		}
	})
	if err := errors.Join(<-sent, <-received); err != nil {
		c.Fatal(err)
	}
	return rate, float64(8*total) / (busySending + busyReceiving).Seconds()
}

// packets is one UDP flow of 64 bytes each from the device to the outside:
// packets that arrive in a second of the sender's processor. After the answer
// to the first, if answered, nobody reads them: that is no time of ours.
func (c *clinic) packets(d time.Duration, answered bool) (rate float64) {
	c.Helper()
	var sink net.PacketConn
	c.out.do(c, func() (err error) {
		lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
			return errors.Join(rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) }), err)
		}}
		sink, err = lc.ListenPacket(c.Context(), "udp4", fmt.Sprintf("%s:%d", stranger4, packetPort))
		return err
	})
	defer sink.Close()
	sender := c.lan.pinned(0, func() error {
		conn, err := net.Dial("udp4", sink.LocalAddr().String())
		if err != nil {
			return err
		}
		defer conn.Close()
		if answered {
			conn.SetDeadline(time.Now().Add(2 * time.Second))
			if _, err := conn.Write(make([]byte, 64)); err != nil {
				return err
			}
			if _, err := conn.Read(make([]byte, 64)); err != nil {
				return err
			}
			conn.SetDeadline(time.Time{})
		}
		batch := make([]ipv4.Message, 64)
		for i := range batch {
			batch[i].Buffers = [][]byte{make([]byte, 64)}
		}
		p := ipv4.NewPacketConn(conn.(*net.UDPConn))
		send := func(d time.Duration) error {
			for start := busy(); busy()-start < d; {
				if _, err := p.WriteBatch(batch, 0); err != nil {
					return err
				}
			}
			return nil
		}
		if err := send(d / 10); err != nil { // finds the way
			return err
		}
		before, err := c.arrived()
		if err != nil {
			return err
		}
		start := busy()
		if err := send(d); err != nil {
			return err
		}
		took := busy() - start
		after, err := c.arrived()
		rate = float64(after-before) / took.Seconds()
		return err
	})
	if answered {
		sink.SetDeadline(time.Now().Add(2 * time.Second))
		buf := make([]byte, 64)
		_, from, err := sink.ReadFrom(buf)
		if err == nil {
			_, err = sink.WriteTo(buf, from)
		}
		if err != nil {
			c.Error(err)
		}
	}
	if err := <-sender; err != nil {
		c.Fatal(err)
	}
	return rate
}

// arrived is how many packets the outside has got.
func (c *clinic) arrived() (n uint64, err error) {
	err = <-c.out.start(func() error {
		l, err := netlink.LinkByName("eth0")
		if err == nil {
			n = l.Attrs().Statistics.RxPackets
		}
		return err
	})
	return n, err
}

// BenchmarkForwarding compares forwarding with the full rules with established
// accept and masquerade alone, and with no rules at all: in turns, in the same
// namespaces, medians of the turns. The full rules must keep 0.97 of the bulk
// throughput and 0.85 of the small packets of the former. (It wants a machine
// that does nothing else; what it says of its spread says whether that was so.)
func BenchmarkForwarding(b *testing.B) {
	needNFT(b)
	c := newClinic(b)
	c.out.do(b, func() error { return route("192.168.10.0/24", wan4) }) // without masquerade
	const rounds, turn = 21, 200 * time.Millisecond
	for b.Loop() {
		var tcp, tcpBusy, udp, oneWay [setups][]float64
		for round := range rounds {
			for i := range setups {
				s := (round + i) % setups // nobody is always first
				c.use(s)
				rate, perBusy := c.bulk(turn)
				tcp[s], tcpBusy[s] = append(tcp[s], rate), append(tcpBusy[s], perBusy)
				udp[s] = append(udp[s], c.packets(turn/2, true))
				oneWay[s] = append(oneWay[s], c.packets(turn/2, false))
			}
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median(tcp[withFull])/1e6, "Mbit/s")
		b.ReportMetric(median(udp[withFull]), "pps")
		for name, r := range map[string]float64{
			"tcp-busy-ratio": ratio(tcpBusy[withFull], tcpBusy[withBaseline]),
			"tcp-ratio":      ratio(tcp[withFull], tcp[withBaseline]), "pps-ratio": ratio(udp[withFull], udp[withBaseline]),
			"oneway-pps-ratio": ratio(oneWay[withFull], oneWay[withBaseline]),
			"window-tcp-ratio": ratio(tcp[withWindow], tcp[withBaseline]), "window-pps-ratio": ratio(udp[withWindow], udp[withBaseline]),
			"tcp-ratio-to-none": ratio(tcp[withFull], tcp[withNone]), "pps-ratio-to-none": ratio(udp[withFull], udp[withNone]),
			"baseline-tcp-ratio-to-none": ratio(tcp[withBaseline], tcp[withNone]), "baseline-pps-ratio-to-none": ratio(udp[withBaseline], udp[withNone]),
		} {
			b.ReportMetric(r, name)
		}
		var log strings.Builder
		for s, name := range []string{"no rules", "baseline", "full", "window"} {
			fmt.Fprintf(&log, "\n%-8s %6.0f Mbit/s (%s), busy %6.0f (%s) %7.0f packets/s (%s), unanswered %7.0f (%s)", name,
				median(tcp[s])/1e6, spread(tcp[s]), median(tcpBusy[s])/1e6, spread(tcpBusy[s]), median(udp[s]), spread(udp[s]), median(oneWay[s]), spread(oneWay[s]))
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

// ratio is the median of each turn's: what disturbed a whole turn falls out.
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

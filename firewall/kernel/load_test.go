package kernel_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// loadPayload of a packet under load: with its headers as long as Ethernet
// carries.
const loadPayload = 1472

// A stream is numbered UDP packets from the device to the outside, at a steady
// rate, and who counts which of them came.
type stream struct {
	conn, sink net.PacketConn
	seen       []atomic.Uint32 // bits, by number
	came       atomic.Int64    // each once
	odd        atomic.Int64    // came twice, or with a number nobody sent
}

func (c *clinic) stream(most int) *stream {
	c.Helper()
	s := &stream{seen: make([]atomic.Uint32, most/32+1)}
	// The reader may be kept from its processor for a while; what waits must fit.
	big := func(opt int) func(_, _ string, rc syscall.RawConn) error {
		return func(_, _ string, rc syscall.RawConn) (err error) {
			return errors.Join(rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, opt, 256<<20) }), err)
		}
	}
	c.out.do(c, func() (err error) {
		lc := net.ListenConfig{Control: big(unix.SO_RCVBUFFORCE)}
		s.sink, err = lc.ListenPacket(c.Context(), "udp4", fmt.Sprintf("%s:%d", stranger4, packetPort))
		return err
	})
	c.lan.do(c, func() (err error) {
		lc := net.ListenConfig{Control: big(unix.SO_SNDBUFFORCE)}
		s.conn, err = lc.ListenPacket(c.Context(), "udp4", dev4+":0")
		return err
	})
	c.Cleanup(func() { s.sink.Close(); s.conn.Close() })
	go s.read()
	return s
}

func (s *stream) read() {
	p := ipv4.NewPacketConn(s.sink)
	batch := make([]ipv4.Message, 64)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, 2048)}
	}
	answered := false
	for {
		n, err := p.ReadBatch(batch, 0)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		for _, m := range batch[:max(n, 0)] {
			if !answered { // so that the flow is an answered one
				s.sink.WriteTo([]byte{1}, m.Addr)
				answered = true
			}
			i := binary.BigEndian.Uint32(m.Buffers[0])
			if int(i/32) >= len(s.seen) || s.seen[i/32].Or(1<<(i%32))&(1<<(i%32)) != 0 {
				s.odd.Add(1)
				continue
			}
			s.came.Add(1)
		}
	}
}

// run sends packets with the numbers from first at a rate in bits a second for
// d, and returns the number of the next.
func (s *stream) run(first int, rate float64, d time.Duration) (next int, err error) {
	const burst = 16
	batch := make([]ipv4.Message, burst)
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(s.sink.LocalAddr().String()))
	for i := range batch {
		batch[i] = ipv4.Message{Buffers: [][]byte{make([]byte, loadPayload)}, Addr: to}
	}
	p := ipv4.NewPacketConn(s.conn)
	perSecond := rate / (8 * loadPayload)
	start := time.Now()
	for next = first; ; {
		now := time.Since(start)
		if now >= d || (next+burst)/32 >= len(s.seen) {
			return next, nil
		}
		if due := int(now.Seconds() * perSecond); next-first > due {
			time.Sleep(time.Duration(float64(next-first-due)/perSecond*1e9) * time.Nanosecond)
			continue
		}
		for i := range batch {
			binary.BigEndian.PutUint32(batch[i].Buffers[0], uint32(next+i))
		}
		n, err := p.WriteBatch(batch, 0)
		if next += n; err != nil {
			return next, err
		}
	}
}

// phase sends for d and says how many packets did not come.
func (c *clinic) phase(s *stream, first *int, rate float64, d time.Duration, meanwhile func()) (lost int, bits float64) {
	c.Helper()
	before := s.came.Load()
	start := time.Now()
	from := *first
	done := c.lan.start(func() (err error) {
		*first, err = s.run(from, rate, d)
		return err
	})
	for end := start.Add(d); time.Now().Before(end); {
		meanwhile()
	}
	if err := <-done; err != nil {
		c.Fatal(err)
	}
	took := time.Since(start)
	sent := *first - from
	for quiet := time.Now(); time.Since(quiet) < 200*time.Millisecond && s.came.Load()-before < int64(sent); {
		n := s.came.Load()
		if time.Sleep(5 * time.Millisecond); s.came.Load() != n {
			quiet = time.Now()
		}
	}
	return sent - int(s.came.Load()-before), 8 * loadPayload * float64(sent) / took.Seconds()
}

// BenchmarkReplaceUnderLoad replaces the whole ruleset over and over while
// 1 Gbit/s of an allowed flow passes, or as much as the machine carries without
// loss. Every packet is numbered: none may be lost that is not lost as well
// while the rules are only read, which keeps the processors as busy.
func BenchmarkReplaceUnderLoad(b *testing.B) {
	c := newClinic(b)
	rules := []firewall.Ruleset{compile(b, bigPolicy())}
	p := bigPolicy()
	p.Blocked, p.PagePorts = p.Blocked[500:], []uint16{443, 8443}
	rules = append(rules, compile(b, p))
	replaced := 0
	replace := func() {
		if err := c.k.Apply(rules[replaced%2]); err != nil {
			b.Fatal(err)
		}
		replaced++
	}
	replace()
	s := c.stream(1 << 24)
	next := 0
	const d = 2 * time.Second
	only := func() {
		if err := c.k.Holds(rules[0]); err != nil {
			b.Fatal(err)
		}
	}
	rate := 1.1e9
	for {
		lost, bits := c.phase(s, &next, rate, d, only)
		b.Logf("%.0f Mbit/s: %d lost", bits/1e6, lost)
		if lost == 0 {
			break
		}
		rate = 0.75 * min(rate, bits)
		if rate < 2e7 {
			b.Fatal("this machine carries nothing without loss")
		}
	}
	for b.Loop() {
		var lost, lostOnly int
		var bits []float64
		before := replaced
		for range 3 {
			l, r := c.phase(s, &next, rate, d, replace)
			lost, bits = lost+l, append(bits, r)
			l, _ = c.phase(s, &next, rate, d, func() { _ = c.k.Holds(rules[0]) })
			lostOnly += l
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(lost), "lost")
		b.ReportMetric(float64(lostOnly), "lost-control")
		b.ReportMetric(float64(replaced-before), "replaced")
		b.ReportMetric(median(bits)/1e6, "Mbit/s")
		if lost > lostOnly {
			b.Fatalf("%d packets lost in %d replacements at %.0f Mbit/s, %d without", lost, replaced-before, median(bits)/1e6, lostOnly)
		}
		if n := s.odd.Load(); n != 0 {
			b.Fatalf("%d packets came twice or from nowhere", n)
		}
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		b.Logf("load of the machine: %s", raw)
	}
}

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/gateway/lab"
	"monban/gateway/window"
)

// The promises about time, measured by the packets themselves: a datagram a
// millisecond from the vendor, a capture on the gateway's ports.
const (
	opensWithin  = 100 * time.Millisecond // POST to the first packet that passes
	closesWithin = 100 * time.Millisecond // POST to the last packet
	endsWithin   = 50 * time.Millisecond  // the kernel's end to the last packet
)

// samples are how often each is measured, half by IPv4, half by IPv6.
const samples = 12

// probed is the first port of the windows that are measured.
const probed = 21000

func BenchmarkOpenWindow(b *testing.B) {
	underLoads(b, opensWithin, func(c *clinic, d *desk) (took []time.Duration) {
		var asked []int64
		for i := range samples {
			asked = append(asked, c.request(inbound(time.Minute, fmt.Sprintf("%d/udp", probed+i))).ID)
		}
		k := c.watch(numbers(probed, samples)...)
		for i, id := range asked {
			p := c.probe(i)
			d.stepUp()
			began := time.Now()
			d.approved(id)
			first := c.awaits(k, probed+i)
			if first.Before(began) {
				c.t.Fatalf("a packet passed %v before the approval", began.Sub(first))
			}
			took = append(took, first.Sub(began))
			p.stop()
		}
		for _, id := range asked {
			c.closeOff(id)
		}
		k.stop()
		return took
	})
}

func BenchmarkCloseWindow(b *testing.B) {
	underLoads(b, closesWithin, func(c *clinic, d *desk) (took []time.Duration) {
		k := c.watch(numbers(probed, samples)...)
		for i := range samples {
			w := c.breakOpen(inbound(time.Minute, fmt.Sprintf("%d/udp", probed+i)))
			p := c.probe(i)
			c.awaits(k, probed+i)
			sent := tried(k.seen(), probed+i)
			began := time.Now()
			d.must(fmt.Sprintf("/windows/%d/close", w.ID), fmt.Sprintf("/windows/%d", w.ID))
			time.Sleep(2 * closesWithin) // for what still passes
			s := k.seen()
			if n := tried(s, probed+i) - sent; n < 50 {
				c.t.Fatalf("the probe sent %d packets in %v: that measures nothing", n, time.Since(began))
			}
			last := lastOf(passed(s, onPort(probed+i)))
			took = append(took, last.Sub(began))
			p.stop()
			c.reported(w.ID)
		}
		k.stop()
		return took
	})
}

// tried is how many packets to a port came to the WAN port.
func tried(s lab.Catch, port int) (n uint64) {
	for _, f := range s.Flows {
		if f.Dev == "wan0" && !f.Out && int(f.To.Port()) == port {
			n += f.Packets
		}
	}
	return n
}

// The daemon is dead when these end.
func BenchmarkRunOut(b *testing.B) {
	underLoads(b, endsWithin, func(c *clinic, d *desk) (took []time.Duration) {
		k := c.watch(numbers(probed, samples)...)
		var ws []time.Time
		for i := range samples {
			w := c.breakOpen(inbound(3*time.Second, fmt.Sprintf("%d/udp", probed+i)))
			ws = append(ws, endOf(w))
			c.probe(i)
		}
		c.run("lab", "kill", "--dir", c.dir)
		time.Sleep(time.Until(slices.MaxFunc(ws, time.Time.Compare).Add(300 * time.Millisecond)))
		s := k.seen()
		for i, end := range ws {
			last := lastOf(passed(s, onPort(probed+i)))
			if end.Sub(last) > time.Second {
				c.t.Fatalf("the last packet passed %v before the end: nothing was cut", end.Sub(last))
			}
			took = append(took, last.Sub(end))
		}
		k.stop()
		c.run("lab", "start", "--dir", c.dir)
		return took
	})
}

// underLoads measures in a quiet clinic, and in one with 500 windows planned,
// 50 open and 2,000 flows in them.
func underLoads(b *testing.B, most time.Duration, measure func(*clinic, *desk) []time.Duration) {
	for _, loaded := range []bool{false, true} {
		b.Run(map[bool]string{false: "quiet", true: "loaded"}[loaded], func(b *testing.B) {
			c := open(b)
			d := c.director()
			c.answers(probed, samples, "udp")
			var weight *burden
			if loaded {
				weight = c.load(d)
			}
			var took []time.Duration
			for b.Loop() {
				took = append(took, measure(c, d)...)
			}
			if weight != nil {
				weight.held()
			}
			promised(b, took, most)
		})
	}
}

// promised prints the median and the worst, and fails beyond what is promised.
func promised(b *testing.B, took []time.Duration, most time.Duration) {
	b.Helper()
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	worst := took[len(took)-1]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ms(took[len(took)/2]), "ms-median")
	b.ReportMetric(ms(worst), "ms-worst")
	b.Logf("%v", took)
	if worst > most {
		b.Fatalf("%v, more than the promised %v", worst, most)
	}
}

// answers makes the receipt computer an echo on consecutive ports.
func (c *clinic) answers(first, n int, network string) {
	c.t.Helper()
	args := []string{"listen"}
	if network == "udp" {
		args = append(args, "--udp")
	}
	for _, p := range numbers(first, n) {
		args = append(args, fmt.Sprintf("[::]:%d", p))
	}
	k := c.start("rececom", args...)
	for range n {
		if _, err := k.out.ReadString('\n'); err != nil {
			c.t.Fatalf("no echo: %v %s", err, &k.errs)
		}
	}
}

func numbers(first, n int) []int {
	var out []int
	for i := range n {
		out = append(out, first+i)
	}
	return out
}

// probe sends a datagram a millisecond to the i-th measured port.
func (c *clinic) probe(i int) *tool {
	c.t.Helper()
	to := c.WAN[0].String()
	if i%2 == 1 {
		to = netip.MustParseAddrPort(c.addr("rececom", true, 1)).Addr().String()
	}
	k := c.start("vendor", "flows", "--udp", "--every", "1ms", to, fmt.Sprint(probed+i))
	var n lab.FlowCount
	k.read(&n) // it is sending
	return k
}

// awaits waits for the first packet to pass to a port.
func (c *clinic) awaits(k witness, port int) time.Time {
	c.t.Helper()
	for began := time.Now(); time.Since(began) < 10*time.Second; {
		if fs := passed(k.seen(), onPort(port)); len(fs) > 0 {
			return firstOf(fs)
		}
	}
	c.t.Fatalf("nothing passes to port %d", port)
	return time.Time{}
}

// How heavy the load is.
const (
	plannedWindows = 500
	openWindows    = 50
	flowsPerPort   = 20 // of each protocol
	loadedFrom     = 30000
)

// A burden is windows and flows that are there while something is measured.
type burden struct {
	c     *clinic
	flows []*tool
	open  []int64
}

// load plans windows, an hour each from next week on, opens others for an
// hour, and has flows in those.
func (c *clinic) load(d *desk) *burden {
	c.t.Helper()
	start := time.Now().Add(7 * 24 * time.Hour).Truncate(time.Hour)
	for i := range plannedWindows {
		a := inbound(time.Hour, "3389")
		a.NotBefore = start.Add(time.Duration(i) * time.Hour)
		w := c.request(a)
		d.stepUp()
		d.approved(w.ID)
	}
	l := &burden{c: c}
	c.answers(loadedFrom, openWindows, "tcp")
	c.answers(loadedFrom, openWindows, "udp")
	for i := range openWindows {
		l.open = append(l.open, c.breakOpen(inbound(time.Hour, fmt.Sprintf("%d/tcp", loadedFrom+i), fmt.Sprintf("%d/udp", loadedFrom+i))).ID)
	}
	for _, more := range [][]string{nil, {"--udp"}} {
		args := append([]string{"flows"}, more...)
		l.flows = append(l.flows, c.start("vendor", append(args, "--ports", fmt.Sprint(openWindows), "--each", fmt.Sprint(flowsPerPort),
			"--every", "2s", c.WAN[0].String(), fmt.Sprint(loadedFrom))...))
	}
	for _, k := range l.flows {
		for n := (lab.FlowCount{}); n.Up < openWindows*flowsPerPort; {
			k.read(&n)
		}
	}
	return l
}

// held wants the load to have been there to the end.
func (l *burden) held() {
	l.c.t.Helper()
	for _, k := range l.flows {
		var n lab.FlowCount
		k.last(&n)
		if n.Up != openWindows*flowsPerPort || n.Broken != 0 {
			l.c.t.Errorf("of %d flows %d live, %d broke", openWindows*flowsPerPort, n.Up, n.Broken)
		}
	}
	if s := l.c.status(); s.Planned != plannedWindows {
		l.c.t.Errorf("%d windows are planned, not %d", s.Planned, plannedWindows)
	}
	for _, id := range l.open {
		if w := l.c.show(id); w.State != window.Open {
			l.c.t.Errorf("window %d is %s", id, w.State)
		}
	}
}

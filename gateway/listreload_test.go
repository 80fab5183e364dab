package gateway

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/dnsfilter/server"
	"monban/dnsfilter/upstream"
)

// wired is a resolver that answers on loopback as the real one does.
type wired struct {
	fakeResolver
	srv *server.Server
}

func (w *wired) Set(p *dnsfilter.Policy) {
	w.fakeResolver.Set(p)
	w.srv.Set(p)
}

// answering is a box with a name server that clients can ask.
func answering(t testing.TB, b *box) (addr string) {
	udp, tcp, err := server.Listen(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"), 2)
	if err != nil {
		t.Fatal(err)
	}
	up, err := upstream.New(upstream.Options{Servers: []upstream.Server{{Addr: netip.MustParseAddrPort("127.0.0.1:9")}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Options{UDP: udp, TCP: tcp, Upstream: up})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, c := range udp {
			c.Close()
		}
		for _, l := range tcp {
			l.Close()
		}
	})
	b.o.Resolver = &wired{srv: s}
	return tcp[0].Addr().String()
}

// waits asks for refused names at an even pace until stop, and says how long
// each answer took. One that is not the refusal, or does not come within a
// second, is an error.
func waits(t testing.TB, addr string, gap time.Duration, stop <-chan struct{}) (all []time.Duration) {
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer c.Close()
	q, err := new(dns.Msg).SetQuestion("n7.ads.example.", dns.TypeA).Pack()
	if err != nil {
		t.Error(err)
		return nil
	}
	buf := make([]byte, 512)
	for id := uint16(1); ; id++ {
		select {
		case <-stop:
			return all
		case <-time.After(gap):
		}
		binary.BigEndian.PutUint16(q, id)
		began := time.Now()
		c.SetDeadline(began.Add(time.Second))
		if _, err := c.Write(q); err != nil {
			t.Error(err)
			return all
		}
		n, err := c.Read(buf)
		if err != nil {
			t.Errorf("question %d was not answered: %v", id, err)
			return all
		}
		var m dns.Msg
		if err := m.Unpack(buf[:n]); err != nil || m.Id != id || len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != "0.0.0.0" {
			t.Errorf("question %d: %v %v", id, err, &m)
			return all
		}
		all = append(all, time.Since(began))
	}
}

// renewed has the list of n names, which is s.text, fetched, read, compiled and
// put in force.
func renewed(t testing.TB, b *box, s *fakeServer, n int) {
	b.time.pass(2 * fetchEvery)
	b.checkLists(t.Context())
	if err := b.guardOnce(t.Context()); err != nil {
		t.Error(err)
	}
	if b.listed(fmt.Sprintf("n%d.ads.example", n-1)) != "ads" {
		t.Errorf("the list of %d names is not in force", n)
	}
}

// While a new list is fetched, read, compiled and put in force, every question
// is answered, and by a whole list.
func TestReloadLosesNoQuestion(t *testing.T) {
	s := &fakeServer{}
	b := newBox(t)
	b.o.Lists = s
	b.edit("[tools]", subscribed)
	addr := answering(t, b)
	b.start()
	s.text = numbered(30_000)
	renewed(t, b, s, 30_000)
	stop, asked := make(chan struct{}), make(chan int)
	go func() { asked <- len(waits(t, addr, time.Millisecond, stop)) }()
	for i := range 3 {
		s.text = numbered(30_001 + i)
		renewed(t, b, s, 30_001+i)
	}
	close(stop)
	if n := <-asked; n < 50 {
		t.Errorf("only %d questions", n)
	}
}

// compute keeps one processor busy with nothing else.
func compute(d time.Duration) {
	x := uint64(1)
	for end := time.Now().Add(d); time.Now().Before(end); {
		for range 1 << 16 {
			x = x*6364136223846793005 + 1442695040888963407
		}
	}
	runtime.KeepAlive(x)
}

// The wait for an answer while a list of a million names is renewed, against
// the same while nothing happens, and while one goroutine computes all the
// time: what of the wait is only that a processor is busy. All in one run.
func BenchmarkReload(b *testing.B) {
	s := &fakeServer{}
	box := newBoxIn(b, b.TempDir())
	box.o.Lists = s
	box.edit("[tools]", subscribed)
	addr := answering(b, box)
	box.start()
	s.text = numbered(1_000_000)
	renewed(b, box, s, 1_000_000)
	measure := func(work func()) []time.Duration {
		stop, out := make(chan struct{}), make(chan []time.Duration)
		go func() { out <- waits(b, addr, time.Millisecond, stop) }()
		work()
		close(stop)
		all := <-out
		slices.Sort(all)
		return all
	}
	at := func(all []time.Duration, part float64) float64 {
		return float64(all[int(float64(len(all)-1)*part)].Microseconds())
	}
	var idle, spin, busy []time.Duration
	for i := 0; b.Loop(); i++ {
		s.text = numbered(1_000_001 + i)
		runtime.GC() // of what this made
		began := time.Now()
		busy = append(busy, measure(func() { renewed(b, box, s, 1_000_001+i) })...)
		took := time.Since(began)
		spin = append(spin, measure(func() { compute(took) })...)
		idle = append(idle, measure(func() { time.Sleep(took) })...)
	}
	slices.Sort(idle)
	slices.Sort(spin)
	slices.Sort(busy)
	for _, p := range []struct {
		name string
		part float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		b.ReportMetric(at(idle, p.part), p.name+"-idle-µs")
		b.ReportMetric(at(busy, p.part), p.name+"-reload-µs")
		b.ReportMetric(at(spin, p.part), p.name+"-computing-µs")
		b.ReportMetric(at(busy, p.part)/at(idle, p.part), p.name+"-to-idle")
		b.ReportMetric(at(busy, p.part)/at(spin, p.part), p.name+"-to-computing")
	}
	if st, err := os.Stat(box.textPath("ads")); err == nil {
		b.ReportMetric(float64(st.Size())/1e6, "MB-stored")
	}
}

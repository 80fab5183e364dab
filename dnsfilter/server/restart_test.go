package server

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/list"
)

// million is a list of a million names as people fetch them.
func million() string {
	var b strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&b, "0.0.0.0 ads%d.lists.example\n", i)
	}
	return b.String()
}

// reload compiles a list and puts it in force.
func reload(t testing.TB, s *Server, text string) {
	t.Helper()
	b := list.NewBuilder(list.NewKey())
	if _, err := b.AddHosts(list.Source{Name: "広告", Text: strings.NewReader(text)}); err != nil {
		t.Fatal(err)
	}
	s.Set(&dnsfilter.Policy{List: b.Build()})
}

// asked keeps one client asking, one question after the other, and returns how
// long each answer took.
func asked(t testing.TB, addr string, until *atomic.Bool) (took []time.Duration) {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	q, err := ask("www.example.", 1).Pack()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1232)
	for !until.Load() {
		began := time.Now()
		conn.SetDeadline(began.Add(5 * time.Second))
		if _, err := conn.Write(q); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(buf); err != nil || buf[3]&15 != 0 || n < len(q) {
			t.Fatalf("answer %x: %v", buf[:n], err)
		}
		took = append(took, time.Since(began))
		time.Sleep(200 * time.Microsecond)
	}
	return took
}

func percentile(took []time.Duration, p int) time.Duration {
	slices.Sort(took)
	return took[min(len(took)*p/100, len(took)-1)]
}

// BenchmarkReload compiles a list of a million names and puts it in force while
// a client asks 5,000 times a second: how much longer do answers take than
// before?
func BenchmarkReload(b *testing.B) {
	r := newResolver()
	r.set("www.example.", "www.example. 3600 IN A 203.0.113.1")
	s, addr := start(b, r, "ads.example")
	text := million()
	during := func(f func()) []time.Duration {
		var over atomic.Bool
		done := make(chan []time.Duration)
		go func() { done <- asked(b, addr, &over) }()
		f()
		over.Store(true)
		return <-done
	}
	quiet := during(func() { time.Sleep(time.Second) })
	var busy []time.Duration
	for b.Loop() {
		busy = append(busy, during(func() { reload(b, s, text) })...)
	}
	for _, p := range []int{50, 99, 100} {
		b.ReportMetric(float64(percentile(quiet, p).Microseconds()), fmt.Sprintf("quiet-p%d-µs", p))
		b.ReportMetric(float64(percentile(busy, p).Microseconds()), fmt.Sprintf("reload-p%d-µs", p))
	}
}

// While lists come into force one after the other every question is answered,
// and at once: were answers to wait for a list, half of them would.
func TestReloadDelaysNothing(t *testing.T) {
	r := newResolver()
	r.set("www.example.", "www.example. 3600 IN A 203.0.113.1")
	s, addr := start(t, r, "ads.example")
	text := million()[:3<<20]
	var over atomic.Bool
	done := make(chan []time.Duration)
	go func() { done <- asked(t, addr, &over) }()
	began := time.Now()
	const lists = 4
	for range lists {
		reload(t, s, text)
	}
	each := time.Since(began) / lists
	over.Store(true)
	took := <-done
	t.Logf("%d answers, median %v, longest %v; a list came into force within %v", len(took), percentile(took, 50), percentile(took, 100), each)
	if half := percentile(took, 50); half > each/4 {
		t.Errorf("half of the answers took %v or longer, a list %v", half, each)
	}
}

package peers_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// made are figures of no run: those of server i are i times those of the first.
func made() *figures {
	set := func(factor float64) table {
		t := table{}
		for _, m := range mixes() {
			for i, p := range peers() {
				v := factor * float64(i+1)
				t[cellKey{m.name, p}] = &cell{rate: []float64{1e5 / v}, cpu: []float64{6 * v}, p50: []float64{30 * v}, p99: []float64{90 * v}, paced: []float64{20 * v}, sent: 1000}
			}
		}
		return t
	}
	f := &figures{main: set(1), both: set(1), growth: map[int]table{}, clients: map[int]table{}, grown: map[int]map[string]float64{}, list: 10, sizes: map[string]*size{}}
	for _, n := range []string{"monban", "unbound", "dnsmasq", "monban, 1,000,000 hosts lines"} {
		f.sizes[n] = &size{loaded: 30, peak: 40, after: 50, most: 60, ready: []float64{20}}
	}
	for i, n := range []int{10_000, 100_000, 1_000_000, 5_000_000} {
		f.growth[n], f.grown[n] = set(1+float64(i)/10), map[string]float64{"monban": 10 + float64(n)/1e5, "unbound": 10 + float64(n)/2e3, "dnsmasq": 10 + float64(n)/1e4}
	}
	for _, n := range []int{1, 10, 100, 250} {
		f.clients[n] = set(1)
	}
	return f
}

// A limit holds on its right side only, and a figure that is missing holds
// nothing.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		l    limit
		want bool
	}{
		{limit{saw: 1.1, most: 1.15}, true}, {limit{saw: 1.2, most: 1.15}, false}, {limit{saw: 0, most: 1.15}, false},
		{limit{saw: 1.2, most: 1, least: true}, true}, {limit{saw: 0.9, most: 1, least: true}, false}, {limit{most: 1, least: true}, false},
	} {
		if c.l.holds() != c.want {
			t.Error(c.l)
		}
	}
	for _, l := range (&figures{main: table{}, both: table{}, sizes: map[string]*size{"monban": {}, "monban, 1,000,000 hosts lines": {}}}).limits() {
		if l.holds() {
			t.Error("holds without a figure:", l)
		}
	}
	holds := 0
	for _, l := range made().limits() {
		if l.holds() {
			holds++
		}
	}
	if holds != 23 { // twice the floor is too much, three times
		t.Errorf("%d hold", holds)
	}
}

// The page has a row for each limit and links its charts, which are whole
// XML with a name for who cannot see them.
func TestPage(t *testing.T) {
	f := made()
	page := string(f.page())
	if n := strings.Count(page, "| yes |") + strings.Count(page, "| **not yet** |"); n != len(f.limits()) {
		t.Errorf("%d rows of limits", n)
	}
	for name, svg := range f.charts() {
		if !strings.Contains(page, "](benchmarks/"+name+")") {
			t.Error("no link to", name)
		}
		if !strings.Contains(svg, "aria-label=") || strings.Contains(svg, "NaN") {
			t.Error(name, svg)
		}
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Error(name, err)
				break
			}
		}
	}
}

// A question for each kind is answered by the harness's own resolver as must
// be, and a wrong answer is told from a right one.
func TestRight(t *testing.T) {
	q := newQuestions(1000, 1)
	b := make([]byte, packet)
	for _, m := range mixes() {
		for range 100 {
			n, k := q.next(b, &m, 7)
			if right(b[:n], k) {
				t.Fatal("a question is no answer")
			}
			a := authorityAnswer(append([]byte(nil), b[:n]...))
			if right(a, k) != (k != blocked) {
				t.Fatalf("%s: %d %x", m.name, k, a)
			}
			copy(a[len(a)-4:], make([]byte, 4))
			if right(a, k) != (k == blocked) {
				t.Fatalf("%s: %d %x", m.name, k, a)
			}
		}
	}
}

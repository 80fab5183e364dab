package peers_test

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// The environment says how BenchmarkPeers runs: MONBAN_PEERS=long takes a
// quarter of an hour and writes docs/benchmarks.md with its charts; otherwise
// it takes two minutes and says what it saw. With MONBAN_PEERS_RECORD set, a
// limit that does not hold is written down and fails nothing.
const (
	lengthVar = "MONBAN_PEERS"
	recordVar = "MONBAN_PEERS_RECORD"
)

// A plan is how much is measured.
type plan struct {
	rounds, starts int
	flood, pace    time.Duration // of each server, mix and round
	growth         []int         // names, beside a million
	clients        []int         // beside eight
}

func planned() (p plan, long bool) {
	if os.Getenv(lengthVar) == "long" {
		return plan{rounds: 7, starts: 9, flood: time.Second, pace: 2 * time.Second, growth: []int{10_000, 100_000, 5_000_000}, clients: []int{1, 10, 100, 250}}, true
	}
	return plan{rounds: 7, starts: 9, flood: 600 * time.Millisecond, pace: 2 * time.Second}, false
}

const (
	million   = 1_000_000
	someUsers = 8      // clients, if nothing else is said
	pacedRate = 5000.0 // questions a second when times are looked at
)

// A cell is what one server did with one mix: a figure for each round.
type cell struct {
	rate      []float64 // answers a second with a full window
	cpu       []float64 // µs of the server's processor for each
	p50, p99  []float64 // µs until an answer, at pacedRate
	paced     []float64 // µs of processor for an answer then
	sent, bad int       // questions, and those with a wrong answer or none
}

type cellKey struct{ mix, peer string }

// A table is the cells of one setting: names on the list, and clients.
type table map[cellKey]*cell

func (t table) add(m mix, p *peer, c cell) {
	k := cellKey{m.name, p.name}
	if t[k] == nil {
		t[k] = &cell{}
	}
	d := t[k]
	d.rate, d.cpu = append(d.rate, c.rate...), append(d.cpu, c.cpu...)
	d.p50, d.p99, d.paced = append(d.p50, c.p50...), append(d.p99, c.p99...), append(d.paced, c.paced...)
	d.sent, d.bad = d.sent+c.sent, d.bad+c.bad
}

// compare asks all servers in turns, mix by mix and round by round.
func (x *bench) compare(all []*peer, names, clients, rounds int, flood, pace time.Duration) table {
	t := table{}
	q := newQuestions(names, uint64(time.Now().UnixNano()))
	loads := map[*peer]*load{}
	for _, p := range all {
		l, err := newLoad(p.addr, q, clients, lanes)
		if err != nil {
			x.Fatal(err)
		}
		defer l.close()
		l.free = p.name == "floor"
		loads[p] = l
	}
	for round := range rounds {
		// Nobody is always first.
		turn := slices.Concat(all[round%len(all):], all[:round%len(all)])
		for _, m := range mixes() {
			cells := make([]cell, len(turn))
			for i, p := range turn {
				if round == 0 {
					loads[p].flood(m, flood/2) // until the hot names are known
				}
				cells[i] = flooded(p, loads[p], m, flood)
			}
			if pace > 0 {
				paced(turn, loads, cells, m, pace)
			}
			for i, p := range turn {
				t.add(m, p, cells[i])
			}
		}
	}
	return t
}

func flooded(p *peer, l *load, m mix, d time.Duration) cell {
	before := p.cpu()
	r := l.flood(m, d)
	used := p.cpu() - before
	return cell{
		rate: []float64{float64(r.answered) / r.took.Seconds()}, cpu: []float64{micro(used) / float64(max(r.answered, 1))},
		sent: r.sent, bad: r.wrong + r.lost,
	}
}

// slice is how long a server is asked at pacedRate before it is the next one's
// turn. What else the machine does comes in bursts, longer than this, so that
// all servers get the same share of them; the rarest answers are the ones that
// would tell of the bursts instead of the server.
const slice = 100 * time.Millisecond

// paced asks each server for d in all, and adds to its cell.
func paced(turn []*peer, loads map[*peer]*load, cells []cell, m mix, d time.Duration) {
	sum, used := make([]result, len(turn)), make([]time.Duration, len(turn))
	for range d / slice {
		for i, p := range turn {
			before := p.cpu()
			r := loads[p].pace(m, slice, pacedRate)
			used[i] += p.cpu() - before
			s := &sum[i]
			s.late = append(s.late, r.late...)
			s.sent, s.answered, s.wrong, s.lost = s.sent+r.sent, s.answered+r.answered, s.wrong+r.wrong, s.lost+r.lost
		}
	}
	for i, r := range sum {
		c := &cells[i]
		c.p50, c.p99 = []float64{micro(r.quantile(.5))}, []float64{micro(r.quantile(.99))}
		c.paced = []float64{micro(used[i]) / float64(max(r.answered, 1))}
		c.sent, c.bad = c.sent+r.sent, c.bad+r.wrong+r.lost
	}
}

func micro(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// both lets each server have two cores, and asks from both as well.
func (x *bench) both(compiled string, rounds int, d time.Duration) table {
	x.stay(x.server, x.client)
	defer x.stay(x.client)
	all := []*peer{x.monban(compiled, x.server, x.client), x.unbound(million, x.server, x.client), x.dnsmasq(million, x.server, x.client)}
	t := table{}
	for round := range rounds {
		for _, m := range mixes() {
			for i := range all {
				p := all[(i+round)%len(all)]
				t.add(m, p, x.fromBoth(p, m, d, round == 0))
			}
		}
	}
	for _, p := range all {
		p.end()
	}
	return t
}

func (x *bench) fromBoth(p *peer, m mix, d time.Duration, first bool) cell {
	var wait sync.WaitGroup
	var got [2]result
	for i := range got {
		l, err := newLoad(p.addr, newQuestions(million, uint64(time.Now().UnixNano())), someUsers, lanes/2)
		if err != nil {
			x.Fatal(err)
		}
		defer l.close()
		wait.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if first {
				l.flood(m, d/2)
			}
			got[i] = l.flood(m, d)
		})
	}
	wait.Wait()
	c := cell{}
	rate := 0.0
	for _, r := range got {
		rate += float64(r.answered) / r.took.Seconds()
		c.sent, c.bad = c.sent+r.sent, c.bad+r.wrong+r.lost
	}
	c.rate = []float64{rate}
	return c
}

// A size is the memory of a server in MB, and how long it took to start.
type size struct {
	loaded, peak, after, most float64 // after load, until then, three seconds after the mixes, in all
	ready                     []float64
}

// begins starts a server several times and says how long each took until its
// first right refusal, in ms. The last one is left running.
func begins(n int, start func() *peer) (p *peer, ms []float64) {
	for i := range n {
		if i > 0 {
			p.end()
		}
		p = start()
		ms = append(ms, micro(p.ready)/1000)
	}
	return p, ms
}

func BenchmarkPeers(b *testing.B) {
	x := newBench(b)
	how, long := planned()
	f := &figures{long: long, sizes: map[string]*size{}, growth: map[int]table{}, clients: map[int]table{}, grown: map[int]map[string]float64{}}
	hosts, compiled, bytes := x.lists(million)
	f.list = float64(bytes) / 1e6

	text, ms := begins(how.starts, func() *peer { return x.monban(hosts, x.server) })
	time.Sleep(3 * time.Second)
	f.sizes["monban, 1,000,000 hosts lines"] = &size{loaded: text.memory("VmRSS"), peak: text.memory("VmHWM"), ready: ms}
	text.end()

	all := []*peer{x.own("floor")}
	for _, start := range []func() *peer{
		func() *peer { return x.monban(compiled, x.server) },
		func() *peer { return x.unbound(million, x.server) },
		func() *peer { return x.dnsmasq(million, x.server) },
	} {
		n := 1
		if len(all) == 1 {
			n = how.starts
		}
		p, ms := begins(n, start)
		all = append(all, p)
		f.sizes[p.name] = &size{ready: ms}
	}
	time.Sleep(time.Second)
	for _, p := range all[1:] {
		f.sizes[p.name].loaded, f.sizes[p.name].peak = p.memory("VmRSS"), p.memory("VmHWM")
	}
	f.main = x.compare(all, million, someUsers, how.rounds, how.flood, how.pace)
	for _, n := range how.clients {
		f.clients[n] = x.compare(all, million, n, 3, how.flood/2, 0)
	}
	time.Sleep(3 * time.Second)
	for _, p := range all[1:] {
		f.sizes[p.name].after, f.sizes[p.name].most = p.memory("VmRSS"), p.memory("VmHWM")
		p.end()
	}
	f.both = x.both(compiled, 3*how.rounds, how.flood/4)
	for _, n := range how.growth {
		f.growth[n], f.grown[n] = x.grow(all[0], n, how)
	}
	if long {
		f.growth[million], f.grown[million] = f.main, map[string]float64{}
		for _, p := range all[1:] {
			f.grown[million][p.name] = f.sizes[p.name].loaded
		}
	}
	f.finish(x)
}

// grow is compare for a list of n names, and the memory of each server.
func (x *bench) grow(floor *peer, n int, how plan) (table, map[string]float64) {
	_, compiled, _ := x.lists(n)
	all := []*peer{floor, x.monban(compiled, x.server), x.unbound(n, x.server), x.dnsmasq(n, x.server)}
	memory := map[string]float64{}
	time.Sleep(time.Second)
	for _, p := range all[1:] {
		memory[p.name] = p.memory("VmRSS")
	}
	t := x.compare(all, n, someUsers, 3, how.flood/2, 0)
	for _, p := range all[1:] {
		p.end()
	}
	return t, memory
}

// ratio is the median of a/b, round by round.
func ratio(a, b []float64) float64 {
	var r []float64
	for i := range min(len(a), len(b)) {
		if b[i] > 0 {
			r = append(r, a[i]/b[i])
		}
	}
	return median(r)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	switch n := len(v); {
	case n == 0:
		return 0
	case n%2 == 0:
		return (v[n/2-1] + v[n/2]) / 2
	default:
		return v[n/2]
	}
}

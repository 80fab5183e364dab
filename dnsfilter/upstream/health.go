package upstream

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// A server is one resolver and what we know about it. All of it is advice for
// the order of asking, so lost updates between goroutines do not matter.
type server struct {
	addr      netip.AddrPort
	latency   atomic.Int64 // smoothed nanoseconds; 0: never measured
	misses    atomic.Int32 // in a row
	sickUntil atomic.Int64 // Unix nanoseconds
	asked     atomic.Uint64
	failed    atomic.Uint64
	foldsCase atomic.Bool // loses the letter case of questions
}

const (
	firstRest = time.Second // how long a server that failed is asked last
	lastRest  = 30 * time.Second
)

func (s *server) sick(now time.Time) bool { return now.UnixNano() < s.sickUntil.Load() }

// down says that s left several questions in a row unanswered.
func (s *server) down() bool { return s.misses.Load() >= 3 }

// answered notes an answer that took d.
func (s *server) answered(d time.Duration) {
	was := s.latency.Load()
	if was == 0 {
		was = int64(d)
	}
	s.latency.Store(max(1, was+(int64(d)-was)/4))
	s.misses.Store(0)
	s.sickUntil.Store(0)
}

// missed notes that no answer came; the rest it is given doubles each time.
func (s *server) missed(now time.Time) {
	s.failed.Add(1)
	n := s.misses.Add(1)
	rest := min(firstRest<<min(n-1, 5), lastRest)
	s.sickUntil.Store(now.Add(rest).UnixNano())
}

func (s *server) state() State {
	return State{
		Addr: s.addr, OK: !s.down(), Latency: time.Duration(s.latency.Load()),
		Asked: s.asked.Load(), Failed: s.failed.Load(),
	}
}

// order returns the servers, healthy before sick, quick before slow. The
// memory of those left behind fades, so that each is tried again in time.
func (c *Client) order() []*server {
	now := time.Now()
	type ranked struct {
		s       *server
		sick    bool
		latency int64
	}
	all := make([]ranked, len(c.servers))
	for i, s := range c.servers {
		all[i] = ranked{s, s.sick(now), s.latency.Load()}
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		switch {
		case a.sick != b.sick && b.sick, a.sick == b.sick && a.latency < b.latency:
			return -1
		case a.sick != b.sick, a.latency > b.latency:
			return 1
		}
		return 0
	})
	out := make([]*server, len(all))
	for i, r := range all {
		out[i] = r.s
		if i > 0 && r.latency > 0 {
			r.s.latency.Store(max(1, r.latency-r.latency/50))
		}
	}
	return out
}

// patience is how long to wait for s before asking the next as well: several
// times what it usually takes, and little enough that a dead server costs
// less than a second.
func (s *server) patience() time.Duration {
	const least, most = 200 * time.Millisecond, 600 * time.Millisecond
	if l := time.Duration(s.latency.Load()); l > 0 {
		return min(max(4*l, least), most)
	}
	return most
}

package upstream

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"monban/gateway/run"
)

// A peer is one server, the way to ask it, and what we know about it. The
// latter is advice for the order of asking, so lost updates between goroutines
// do not matter.
type peer struct {
	server Server
	via    transport

	latency   atomic.Int64 // smoothed nanoseconds; 0: never measured
	misses    atomic.Int32 // in a row
	restUntil atomic.Int64 // Unix nanoseconds
	asked     atomic.Uint64
	failed    atomic.Uint64
}

const (
	firstRest = time.Second // how long a server that failed is left alone
	lastRest  = time.Minute
)

func newPeer(s Server, o Options) *peer {
	p := &peer{server: s}
	switch s.Proto {
	case UDP:
		p.via = &datagrams{peer: p, tcp: newStream(p, nil), alone: len(o.Servers) == 1, mixCase: o.MixCase,
			cookies: newCookies(o.Cookies), dice: newDice()}
	case TLS:
		p.via = newStream(p, tlsConfig(s, o.Roots))
	case HTTPS:
		p.via = newWeb(p, tlsConfig(s, o.Roots))
	}
	return p
}

// sick says that the last question to p was left unanswered.
func (p *peer) sick() bool { return p.misses.Load() > 0 }

// down says that p left several questions in a row unanswered.
func (p *peer) down() bool { return p.misses.Load() >= 3 }

// answered notes an answer that took d.
func (p *peer) answered(d time.Duration) {
	was := p.latency.Load()
	if was == 0 {
		was = int64(d)
	}
	p.latency.Store(max(1, was+(int64(d)-was)/4))
	p.misses.Store(0)
	p.restUntil.Store(0)
}

// missed notes that no answer came; the rest it is given doubles each time.
func (p *peer) missed(now time.Time) {
	p.failed.Add(1)
	n := p.misses.Add(1)
	p.restUntil.Store(now.Add(rest(n)).UnixNano())
}

func rest(misses int32) time.Duration { return min(firstRest<<min(max(misses-1, 0), 6), lastRest) }

func (p *peer) state() State {
	return State{
		Server: p.server, OK: !p.down(), Latency: time.Duration(p.latency.Load()),
		Asked: p.asked.Load(), Failed: p.failed.Load(),
	}
}

// order returns the servers for q, healthy before sick, quick before slow. The
// memory of those left behind fades, so that each is tried again in time; a
// sick one that has had its rest is asked q in the background meanwhile.
func (c *Client) order(q Question) []*peer {
	if len(c.peers) == 1 {
		return c.peers
	}
	type ranked struct {
		p       *peer
		misses  int32
		latency int64
	}
	all := make([]ranked, len(c.peers))
	for i, p := range c.peers {
		all[i] = ranked{p, p.misses.Load(), p.latency.Load()}
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		if a.misses != b.misses {
			return int(a.misses - b.misses)
		}
		return int(min(max(a.latency-b.latency, -1), 1))
	})
	out := make([]*peer, len(all))
	for i, r := range all {
		out[i] = r.p
		if i > 0 && r.latency > 0 {
			r.p.latency.Store(max(1, r.latency-r.latency/50))
		}
		if r.misses > 0 && all[0].misses == 0 {
			r.p.probe(q, c.patience)
		}
	}
	return out
}

// probe asks p the question q, for which nobody waits, if p has had its rest.
func (p *peer) probe(q Question, patience time.Duration) {
	now, until := time.Now(), p.restUntil.Load()
	// Whoever moves the end of the rest is the one that asks.
	if now.UnixNano() < until || !p.restUntil.CompareAndSwap(until, now.Add(rest(p.misses.Load())).UnixNano()) {
		return
	}
	g, _ := run.NewGroup(context.Background())
	g.Go("trying a resolver again", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if _, err := p.ask(ctx, q); err != nil {
			p.missed(time.Now())
		}
		return nil
	})
}

// patience is how long to wait for p, one of n servers, before asking the next
// as well: several times what it usually takes, and little enough that all of
// them are asked within a second, whichever are dead.
func (p *peer) patience(n int) time.Duration {
	const least, most, inAll = 200 * time.Millisecond, 600 * time.Millisecond, 900 * time.Millisecond
	d := most
	if l := time.Duration(p.latency.Load()); l > 0 {
		d = min(max(4*l, least), most)
	}
	if n > 1 {
		d = min(d, inAll/time.Duration(n-1))
	}
	return d
}

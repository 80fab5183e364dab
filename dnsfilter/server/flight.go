package server

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
	"monban/gateway/run"
)

const (
	maxFlights = 1024 // questions being asked outside at a time
	maxWaiters = 4096 // askers waiting for them …
	maxEach    = 256  // … and of one client, which is all it can keep us busy with
	// patience is how long is asked, and an asker waits; with a stale answer
	// at hand less, and the asking goes on (RFC 8767 section 5).
	patience      = 2500 * time.Millisecond
	stalePatience = 1800 * time.Millisecond
)

// flights are the questions being asked outside. Equal questions share one.
type flights struct {
	mu   sync.Mutex
	open map[flightKey]*flight
}

type flightKey struct {
	out    *uplink
	name   string // wire form, lower case
	typ    uint16
	group  uint8
	do, cd bool
}

type flight struct {
	key     flightKey
	q       question
	stale   *entry    // to give if nobody answers; may be nil
	waiters []waiter  // under flights.mu
	first   [1]waiter // room for most
}

type waiter struct {
	q question
	a asker
}

// join makes a wait for the answer to q, which is on its way outside from now
// on. When too much is on its way already it answers at once.
func (s *Server) join(dst []byte, q *question, a *asker, r ruling, out *uplink, stale *entry) (b []byte, later bool) {
	if s.board(out, q, a, stale) {
		return nil, true
	}
	s.counters.overload.Add(1)
	if stale != nil {
		return s.deliver(dst, q, a, r, stale, time.Now(), true)
	}
	return bare(dst, a.original(q), dns.RcodeServerFailure, extra{code: dns.ExtendedErrorCodeOther, text: "too busy"}, a.limit(q)), false
}

// refresh fetches e anew while it still serves, unless that was tried a
// moment ago.
func (s *Server) refresh(out *uplink, q *question, e *entry, now time.Duration) {
	at := e.retryAt.Load()
	if at <= int64(now) && e.retryAt.CompareAndSwap(at, int64(now+failureTTL*time.Second)) {
		s.board(out, q, nil, e)
	}
}

// board puts a, if any, on the flight for q, and starts it if there is none.
func (s *Server) board(out *uplink, q *question, a *asker, stale *entry) bool {
	key := flightKey{out, string(q.wire()), q.typ, q.group, q.do, q.flags&bitCD != 0}
	g := s.group.Load()
	s.flights.mu.Lock()
	defer s.flights.mu.Unlock()
	f := s.flights.open[key]
	switch {
	case g == nil:
		return false
	case f == nil && len(s.flights.open) >= maxFlights, a != nil && !s.waiting.enter(a.addr.Addr()):
		return false
	case f == nil:
		f = &flight{key: key, q: *q, stale: stale}
		f.waiters = f.first[:0]
		s.flights.open[key] = f
		s.man(g, f)
	}
	if a != nil {
		f.waiters = append(f.waiters, waiter{*q, *a})
	}
	return true
}

// maxResting is how many goroutines wait for their next flight.
const maxResting = 128

// man finds f somebody to fly it: one who rests, since a new goroutine would
// have to grow its stack first, which costs more than all it does besides.
func (s *Server) man(g *run.Group, f *flight) {
	select {
	case s.crew <- f:
		return
	default:
	}
	g.Go("asking upstream", func(ctx context.Context) error {
		for s.fly(ctx, f); s.crew != nil; s.fly(ctx, f) {
			if f = s.rest(ctx); f == nil {
				break
			}
		}
		return nil
	})
}

// rest returns the next flight, nil if there is enough crew at rest or ctx has
// ended.
func (s *Server) rest(ctx context.Context) *flight {
	defer s.resting.Add(-1)
	if s.resting.Add(1) > maxResting {
		return nil
	}
	select {
	case f := <-s.crew:
		return f
	case <-ctx.Done():
		return nil
	}
}

// fly asks, remembers the answer and hands it to all who wait. It outlives the
// end of ctx: what was begun is finished.
func (s *Server) fly(ctx context.Context, f *flight) {
	if f.stale != nil {
		defer time.AfterFunc(stalePatience, func() { s.landStale(f) }).Stop()
	}
	e := s.ask(context.WithoutCancel(ctx), f)
	waiters := s.waitersOf(f, true)
	for i := range waiters {
		s.land(&waiters[i], e, f.stale)
	}
}

// landStale gives all who wait for f what is out of date, and who asks in the
// next seconds, too. f goes on: its answer is for those after them.
func (s *Server) landStale(f *flight) {
	f.stale.retryAt.Store(int64(s.now() + retryStale))
	waiters := s.waitersOf(f, false)
	for i := range waiters {
		s.land(&waiters[i], nil, f.stale)
	}
}

// waitersOf takes the waiters off f, and with over f off the open flights.
func (s *Server) waitersOf(f *flight, over bool) []waiter {
	s.flights.mu.Lock()
	defer s.flights.mu.Unlock()
	if over {
		delete(s.flights.open, f.key)
	}
	waiters := f.waiters
	f.waiters = nil
	return waiters
}

// ask returns the answer for f, or nil. A panic is no answer.
func (s *Server) ask(ctx context.Context, f *flight) (e *entry) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			e = nil
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.counters.forwarded.Add(1)
	e, err := s.fetch(ctx, f.key.out, &f.q)
	if err != nil || e.failed {
		s.counters.failed.Add(1)
	}
	if err != nil && !errors.Is(err, upstream.ErrNoAnswer) {
		s.report(err)
	}
	if f.stale != nil && (err != nil || e.failed) {
		f.stale.retryAt.Store(int64(s.now() + retryStale))
		return nil
	}
	if err != nil {
		e = failure(&f.q, err)
	}
	e.stored = s.now()
	if e.ttl > 0 {
		f.key.out.cache.put(&f.q, e)
	}
	return e
}

func (s *Server) fetch(ctx context.Context, out *uplink, q *question) (*entry, error) {
	name, _, err := dns.UnpackDomainName(q.wire(), 0)
	if err != nil {
		return nil, err
	}
	m, err := out.exchange(ctx, q.group, upstream.Question{Name: name, Type: q.typ, DO: q.do, CD: q.flags&bitCD != 0})
	if err != nil {
		return nil, err
	}
	return tidy(m, q)
}

// failure is the entry that says, for some seconds, that nobody answered.
func failure(q *question, err error) *entry {
	lower := question{size: q.size, asked: q.lower, lower: q.lower, typ: q.typ, class: q.class}
	e := &entry{
		size: q.size, typ: q.typ, do: q.do, cd: q.flags&bitCD != 0, group: q.group, ttl: failureTTL, failed: true,
		extra: extra{dns.ExtendedErrorCodeNoReachableAuthority, "no upstream resolver answered"},
	}
	if no := syscall.Errno(0); errors.As(err, &no) { // the network said so
		e.extra = extra{dns.ExtendedErrorCodeNetworkError, "no upstream resolver could be reached"}
	}
	e.wire = bare(nil, &lower, dns.RcodeServerFailure, noExtra(), plainSize)
	return e
}

// land gives a waiter its answer.
func (s *Server) land(w *waiter, e, stale *entry) {
	defer s.waiting.leave(w.a.addr.Addr())
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			w.a.answer(nil)
		}
	}()
	old := e == nil
	if old {
		e = stale
	}
	q := w.a.original(&w.q)
	if e == nil { // asking panicked
		w.a.answer(bare(nil, q, dns.RcodeServerFailure, noExtra(), w.a.limit(q)))
		return
	}
	// The policy may be another by now: a window has ended, say.
	now := time.Now()
	r, b, done := s.rule(nil, q, &w.a, now)
	later := false
	switch {
	case done:
	case r.about(&w.q, &w.a):
		b, later = s.deliver(nil, &w.q, &w.a, r, e, now, old)
	default: // another name is to be looked up now
		w.a.asked = nil
		if r.host != "" {
			b, later = s.rename(nil, q, &w.a, r, now)
		} else {
			b, later = s.resolve(nil, q, &w.a, r, now)
		}
	}
	if !later {
		w.a.answer(b)
	}
}

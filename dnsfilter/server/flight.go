package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
)

const (
	maxFlights = 1024 // questions being asked outside at a time
	maxWaiters = 4096 // askers waiting for them …
	maxEach    = 256  // … and of one client, which is all it can keep us busy with
	// patience is how long an asker waits in all; with a stale answer at
	// hand, less (RFC 8767 section 5).
	patience      = 2500 * time.Millisecond
	stalePatience = 1800 * time.Millisecond
)

// flights are the questions being asked outside. Equal questions share one.
type flights struct {
	mu   sync.Mutex
	open map[flightKey]*flight
}

type flightKey struct {
	name   string // wire form, lower case
	typ    uint16
	do, cd bool
}

type flight struct {
	key     flightKey
	q       question
	stale   *entry // to give if nobody answers; may be nil
	waiters []waiter
}

type waiter struct {
	q question
	a asker
}

// join makes a wait for the answer to q, which is on its way outside from now
// on. When too much is on its way already it answers at once.
func (s *Server) join(dst []byte, q *question, a *asker, r ruling, stale *entry) (b []byte, later bool) {
	if s.board(q, &waiter{*q, *a}, stale) {
		return nil, true
	}
	s.counters.overload.Add(1)
	if stale != nil {
		return s.deliver(dst, q, a, r, stale, time.Now(), true)
	}
	return bare(dst, q, dns.RcodeServerFailure, extra{code: dns.ExtendedErrorCodeOther, text: "too busy"}, a.limit(q)), false
}

// refresh fetches e anew while it still serves, unless that was tried a
// moment ago.
func (s *Server) refresh(q *question, e *entry, now time.Duration) {
	at := e.retryAt.Load()
	if at <= int64(now) && e.retryAt.CompareAndSwap(at, int64(now+failureTTL*time.Second)) {
		s.board(q, nil, e)
	}
}

// board puts w, if any, on the flight for q, and starts it if there is none.
func (s *Server) board(q *question, w *waiter, stale *entry) bool {
	key := flightKey{string(q.wire()), q.typ, q.do, q.flags&bitCD != 0}
	g := s.group.Load()
	s.flights.mu.Lock()
	defer s.flights.mu.Unlock()
	f := s.flights.open[key]
	switch {
	case g == nil:
		return false
	case f == nil && len(s.flights.open) >= maxFlights, w != nil && !s.waiting.enter(w.a.addr.Addr()):
		return false
	case f == nil:
		f = &flight{key: key, q: *q, stale: stale}
		s.flights.open[key] = f
		g.Go("asking upstream", func(ctx context.Context) error { s.fly(ctx, f); return nil })
	}
	if w != nil {
		f.waiters = append(f.waiters, *w)
	}
	return true
}

// fly asks, remembers the answer and hands it to all who wait. It outlives the
// end of ctx: what was begun is finished.
func (s *Server) fly(ctx context.Context, f *flight) {
	e := s.ask(context.WithoutCancel(ctx), f)
	s.flights.mu.Lock()
	delete(s.flights.open, f.key)
	waiters := f.waiters
	s.flights.mu.Unlock()
	for i := range waiters {
		s.land(&waiters[i], e, f.stale)
	}
}

// ask returns the answer for f, or nil. A panic is no answer.
func (s *Server) ask(ctx context.Context, f *flight) (e *entry) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			e = nil
		}
	}()
	wait := patience
	if f.stale != nil {
		wait = stalePatience
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	s.counters.forwarded.Add(1)
	e, err := s.fetch(ctx, &f.q)
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
		e = failure(&f.q)
	}
	e.stored = s.now()
	if e.ttl > 0 {
		s.cache.put(&f.q, e)
	}
	return e
}

func (s *Server) fetch(ctx context.Context, q *question) (*entry, error) {
	name, _, err := dns.UnpackDomainName(q.wire(), 0)
	if err != nil {
		return nil, err
	}
	u := *s.upstream.Load()
	m, err := u.Exchange(ctx, upstream.Question{Name: name, Type: q.typ, DO: q.do, CD: q.flags&bitCD != 0})
	if err != nil {
		return nil, err
	}
	return tidy(m, q)
}

// failure is the entry that says, for some seconds, that nobody answered.
func failure(q *question) *entry {
	lower := question{size: q.size, asked: q.lower, lower: q.lower, typ: q.typ, class: q.class}
	e := &entry{
		size: q.size, typ: q.typ, do: q.do, cd: q.flags&bitCD != 0, ttl: failureTTL, failed: true,
		extra: extra{dns.ExtendedErrorCodeNetworkError, "no upstream resolver answered"},
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
	if e == nil { // asking panicked
		w.a.answer(bare(nil, &w.q, dns.RcodeServerFailure, noExtra(), w.a.limit(&w.q)))
		return
	}
	// The policy may be another by now: a window has ended, say.
	now := time.Now()
	r, b, done := s.rule(nil, &w.q, &w.a, now)
	later := false
	if !done {
		b, later = s.deliver(nil, &w.q, &w.a, r, e, now, old)
	}
	if !later {
		w.a.answer(b)
	}
}

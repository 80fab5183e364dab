package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// An Admitter lets the addresses of an answer through before its asker gets
// it: to clients that reach only what they were answered (Policy.Answered),
// and for names of a tool with an open window on the client (Policy.Granted).
// It is asked for each answer that holds addresses, from the cache or not, so
// it must be cheap when there is nothing to do.
type Admitter interface {
	// Admit lets client reach addrs for ttl. With tool, they are addresses of
	// that tool and belong to its window; otherwise client may reach them
	// whatever is open. addrs are unmapped unicast addresses, each once, 1 to
	// 64, and must not be changed. Admit returns when they are in force, and soon after
	// ctx has ended. An error withholds the answer.
	Admit(ctx context.Context, client netip.Addr, tool string, addrs []netip.Addr, ttl time.Duration) error
}

const (
	// holdFor is how long an answer waits for its addresses; then it is an
	// error, and programs ask again sooner than they notice.
	holdFor = 20 * time.Millisecond
	// grace is added to what an answer says of its life. A program may take it
	// from its resolver's cache in the last second, and Linux and Windows try
	// to connect to an address for up to two minutes. Connections that stand
	// do not need it.
	grace = 2 * time.Minute
	// maxAdmitted is how many addresses one answer may let through: more than
	// any service has, fewer than fill the kernel's sets.
	maxAdmitted = 64
)

// A held answer waits for its addresses.
type held struct {
	q    question
	a    asker
	b    []byte // the answer
	done atomic.Bool
}

// gated says whether a's answers must be let through first; tool is the one
// with a window, if any.
func (s *Server) gated(a *asker, r ruling, tool string) bool {
	return s.o.Admitter != nil &&
		(tool != "" || len(r.policy.Answered) > 0 && r.policy.Answered[a.addr.Addr().WithZone("")])
}

// hold sees to it that a gets e when its addresses are let through. Hints of
// service records are among them: a browser goes there without a further
// question, and they come from the same mouth as an address record would.
func (s *Server) hold(q *question, a *asker, e *entry, tool string, now time.Time, stale bool) (b []byte, later bool) {
	b = e.write(nil, q, now.Sub(s.began), stale, a.limit(q))
	cut := b[2]&(bitTC>>8) != 0
	addrs := admissible(e.addrs)
	if cut || len(addrs) == 0 { // no address goes out
		return b, false
	}
	s.counters.held.Add(1)
	if len(addrs) > maxAdmitted {
		return s.withhold(q, a, "too many addresses"), false
	}
	g := s.group.Load()
	if g == nil || !s.holding.enter(a.addr.Addr()) {
		s.counters.overload.Add(1)
		return s.withhold(q, a, "too busy"), false
	}
	h := &held{q: *q, a: *a, b: b}
	ttl := lasts(e, b) + grace
	g.Go("letting addresses through", func(ctx context.Context) error {
		s.admit(ctx, h, tool, addrs, ttl)
		return nil
	})
	return nil, true
}

// admissible returns the unicast addresses among addrs, each once.
func admissible(addrs []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if a.IsGlobalUnicast() && !slices.Contains(out, a) {
			out = append(out, a)
		}
		if len(out) > maxAdmitted {
			break
		}
	}
	return out
}

// lasts is how long the addresses in b may be used: the longest life that b,
// written from e, gives to a record that holds one.
func lasts(e *entry, b []byte) time.Duration {
	longest := uint32(0)
	for _, at := range e.ttls[:min(len(e.ttls), int(binary.BigEndian.Uint16(b[6:])))] {
		switch binary.BigEndian.Uint16(b[at-4:]) {
		case dns.TypeA, dns.TypeAAAA, dns.TypeSVCB, dns.TypeHTTPS:
			longest = max(longest, binary.BigEndian.Uint32(b[at:]))
		}
	}
	return time.Duration(longest) * time.Second
}

// admit asks the Admitter and answers h. It outlives the end of ctx: what was
// begun is finished. The asker is answered in time even if the Admitter does
// not come back.
func (s *Server) admit(ctx context.Context, h *held, tool string, addrs []netip.Addr, ttl time.Duration) {
	client := h.a.addr.Addr()
	defer s.holding.leave(client)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdFor)
	defer cancel()
	late := context.AfterFunc(ctx, func() { s.release(h, ctx.Err()) })
	err := s.askAdmitter(ctx, client.WithZone(""), tool, addrs, ttl)
	if err == nil {
		err = ctx.Err()
	}
	late()
	s.release(h, err)
	if err != nil {
		s.complain(fmt.Errorf("letting %s reach what it was answered: %w", client, err))
	}
}

// askAdmitter calls Admit; a panic in it is an error.
func (s *Server) askAdmitter(ctx context.Context, client netip.Addr, tool string, addrs []netip.Addr, ttl time.Duration) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return s.o.Admitter.Admit(ctx, client, tool, addrs, ttl)
}

// release gives h its answer, or with err the word that there is none, once.
func (s *Server) release(h *held, err error) {
	if h.done.Swap(true) {
		return
	}
	b := h.b
	if err != nil {
		b = s.withhold(&h.q, &h.a, "address not let through yet")
	}
	h.a.answer(b)
}

// withhold writes the failure that stands for an answer whose addresses are
// not let through: the client may ask again at once.
func (s *Server) withhold(q *question, a *asker, why string) []byte {
	s.counters.unadmitted.Add(1)
	return bare(nil, q, dns.RcodeServerFailure, extra{dns.ExtendedErrorCodeNotReady, why}, a.limit(q))
}

// complain reports err, at most once a minute: a broken Admitter fails with
// every answer.
func (s *Server) complain(err error) {
	now := int64(s.now())
	at := s.complaint.Load()
	if (at == 0 || now-at >= int64(time.Minute)) && s.complaint.CompareAndSwap(at, max(now, 1)) {
		s.report(err)
	}
}

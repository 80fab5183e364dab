package server

import (
	"context"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A Limit is how many questions one client address may ask; the zero Limit is
// none. What the box itself asks over its loopback is never limited.
type Limit struct {
	PerSecond int // in the long run
	Burst     int // at once, after a rest
}

// Fair is a limit that no device in its right mind meets: 300 a second, 1,000 at once. A page of news asks
// for some 50 names in three types, so a browser that opens six at once asks
// 900 questions; the busiest second of a desk is some tens. A program that asks
// in a loop asks thousands, and leaves half a core of the box to the others if
// it is held to 300.
func Fair() Limit { return Limit{PerSecond: 300, Burst: 1000} }

// Limited is that a client has asked more than its Limit.
type Limited struct {
	At      time.Time
	Client  netip.Addr
	Dropped uint64 // questions of it left unanswered since the last word of it
}

const (
	limitSets = 256 // times limitWays are the addresses watched at a time
	limitWays = 8
	// limitLook is how often is looked whether there is anything to tell: an
	// excess is told with what it came to in its first seconds.
	limitLook  = 10 * time.Second
	limitPause = time.Hour // between two words of one client
	// limitWords bounds what is told at a time: who can invent addresses could
	// make as many words of them.
	limitWords = 16
)

// limiter holds each client address to a Limit, with one bucket for each in a
// table of fixed size.
//
// A bucket is of one address, IPv6 or not. All devices of a house are in one
// /64, so a bucket of that would let one device use up what is everybody's. A
// device has several addresses in it and asks from one or two of them at a time
// (RFC 8981): it gets little more than its share. Who invents addresses gets a
// new bucket with each, as it would by inventing IPv4 ones; against that stand
// the bounds of all that costs something (flights, waiters, connections).
type limiter struct {
	seed maphash.Seed
	step time.Duration // that one question takes out of the bucket
	room time.Duration // what the bucket holds
	sets [limitSets]limitSet
}

type limitSet struct {
	mu sync.Mutex
	of [limitWays]bucket
}

// A bucket is a moment: what it is ahead of now has been taken out (the generic
// cell rate algorithm, ITU-T I.371).
type bucket struct {
	addr    [16]byte
	ahead   time.Duration // on the server's clock
	told    time.Duration // when last; 0: never
	dropped uint64        // since
}

// newLimiter returns nil for no limit.
func newLimiter(l Limit) *limiter {
	if l.PerSecond <= 0 {
		return nil
	}
	step := time.Second / time.Duration(l.PerSecond)
	return &limiter{seed: maphash.MakeSeed(), step: step, room: step * time.Duration(max(l.Burst, 1))}
}

// allows takes a question of a out of its bucket and says whether it was in it.
func (l *limiter) allows(a netip.Addr, now time.Duration) bool {
	if a.IsLoopback() {
		return true
	}
	addr := a.As16()
	s := &l.sets[maphash.Bytes(l.seed, addr[:])%limitSets]
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucket(&addr, now)
	if b.ahead < now {
		b.ahead = now
	}
	if b.ahead-now > l.room-l.step {
		b.dropped++
		return false
	}
	b.ahead += l.step
	return true
}

// bucket returns that of addr, or a full one in the place of the one that
// matters least: the fullest that nothing is owed a word about.
func (s *limitSet) bucket(addr *[16]byte, now time.Duration) *bucket {
	for i := range s.of {
		if s.of[i].addr == *addr {
			return &s.of[i]
		}
	}
	least := &s.of[0]
	for i := range s.of {
		if s.of[i].worth(now) < least.worth(now) {
			least = &s.of[i]
		}
	}
	*least = bucket{addr: *addr}
	return least
}

// worth orders buckets by how much is lost if they are forgotten.
func (b *bucket) worth(now time.Duration) time.Duration {
	w := max(b.ahead-now, 0)
	if b.dropped > 0 || b.told > 0 && now-b.told < limitPause {
		w += limitPause
	}
	return w
}

// over hands to tell who was held back, each client at most once in limitPause.
func (l *limiter) over(now time.Duration, tell func(a netip.Addr, dropped uint64)) {
	words := 0
	for i := range l.sets {
		s := &l.sets[i]
		var said [limitWays]bucket
		s.mu.Lock()
		for j := range s.of {
			b := &s.of[j]
			if b.dropped > 0 && (b.told == 0 || now-b.told >= limitPause) && words < limitWords {
				words++
				said[j] = *b
				b.told, b.dropped = max(now, 1), 0
			}
		}
		s.mu.Unlock()
		for j := range said {
			if said[j].dropped > 0 {
				tell(netip.AddrFrom16(said[j].addr).Unmap(), said[j].dropped)
			}
		}
	}
}

// within says whether a may ask now. What is beyond the limit is dropped, not
// refused: its program's own patience slows it down, where a refusal would let
// it ask again at once; it costs no answer; whoever else asks from that address
// is asked again by its resolver, which takes a refusal for the last word. On a
// connection, where nothing gets lost, the answer is REFUSED.
func (s *Server) within(a *asker, now time.Time) bool {
	if s.limit == nil || s.limit.allows(a.addr.Addr(), now.Sub(s.began)) {
		return true
	}
	s.counters.limited.Add(1)
	return false
}

// beyond is the answer to what is not within the limit; nil is none.
func (s *Server) beyond(dst []byte, q *question, a *asker) []byte {
	if a.conn == nil {
		return nil
	}
	return bare(dst, q, dns.RcodeRefused, extra{dns.ExtendedErrorCodeProhibited, "too many questions"}, a.limit(q))
}

// watchLimit tells of limited clients until ctx ends.
func (s *Server) watchLimit(ctx context.Context) {
	t := time.NewTicker(limitLook)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.tellLimited()
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) tellLimited() {
	if s.limit == nil || s.o.Limited == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
		}
	}()
	s.limit.over(s.now(), func(a netip.Addr, dropped uint64) {
		s.o.Limited(Limited{At: s.wall(time.Now()), Client: a, Dropped: dropped})
	})
}

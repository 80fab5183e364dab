package server

import (
	"fmt"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
)

// An asker is who sent a question and how to answer.
type asker struct {
	addr netip.AddrPort
	sock *udpSocket
	oob  control  // for sock: which of our addresses was asked
	conn *tcpConn // nil: it came by sock
}

// answer sends b; nil means that there is nothing to say.
func (a *asker) answer(b []byte) {
	if a.conn != nil {
		a.conn.answer(b)
	} else if b != nil {
		a.sock.answer(b, a)
	}
}

// limit is the longest answer a takes to q.
func (a *asker) limit(q *question) int {
	if a.conn != nil {
		return 65535
	}
	return int(q.udpSize)
}

// handle answers the question in pkt. dst and q are scratch space. What must
// be asked outside is answered later, from a flight. A panic costs this
// question only.
func (s *Server) handle(dst, pkt []byte, q *question, a *asker) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			a.answer(nil)
		}
	}()
	b, later := s.reply(dst, pkt, q, a)
	if !later {
		a.answer(b)
	}
}

func (s *Server) panicked(p any) {
	s.counters.panics.Add(1)
	s.report(fmt.Errorf("answering a DNS question: panic: %v\n%s", p, debug.Stack()))
}

// reply writes the answer to pkt into dst; later says that a flight will
// give it.
func (s *Server) reply(dst, pkt []byte, q *question, a *asker) (b []byte, later bool) {
	s.counters.queries.Add(1)
	switch code := q.read(pkt); code {
	case ignore:
		s.counters.malformed.Add(1)
		return nil, false
	case proper:
	default:
		s.counters.malformed.Add(1)
		return bare(dst, q, int(code), noExtra(), a.limit(q)), false
	}
	if code, ok := unserved(q); ok {
		return bare(dst, q, code, noExtra(), a.limit(q)), false
	}
	p := s.policy.Load()
	if p == nil {
		return bare(dst, q, dns.RcodeServerFailure, extra{code: dns.ExtendedErrorCodeNotReady}, a.limit(q)), false
	}
	var buf [4 * maxWire]byte
	text := q.appendText(buf[:0])
	now := time.Now()
	d := p.Decide(a.addr.Addr(), string(text), s.wall(now))
	switch d.Action {
	case dnsfilter.Forward:
	case dnsfilter.Refuse:
		return s.refuse(dst, q, a, &d, now), false
	case dnsfilter.Answer, dnsfilter.NoData, dnsfilter.NoName:
		s.counters.local.Add(1)
		return local(dst, q, &d, a.limit(q)), false
	default:
		return bare(dst, q, dns.RcodeServerFailure, noExtra(), a.limit(q)), false
	}
	if q.typ == dns.TypeANY {
		return anything(dst, q, a.limit(q)), false
	}
	if q.flags&bitRD == 0 { // what we remember is nobody's business
		return bare(dst, q, dns.RcodeRefused, noExtra(), a.limit(q)), false
	}
	return s.resolve(dst, q, a, now)
}

// unserved says with which code to turn down classes and types that are not
// for a resolver of a house.
func unserved(q *question) (code int, ok bool) {
	switch {
	case q.class != dns.ClassINET:
		return dns.RcodeRefused, true
	case q.typ == dns.TypeNone, q.typ == dns.TypeOPT:
		return dns.RcodeFormatError, true
	case q.typ >= dns.TypeTKEY && q.typ < dns.TypeANY: // TKEY, TSIG, IXFR, AXFR, MAILB, MAILA
		return dns.RcodeNotImplemented, true
	}
	return 0, false
}

// wall is the time as people have it.
func (s *Server) wall(now time.Time) time.Time {
	if s.o.Wall == nil {
		return now
	}
	return s.o.Wall()
}

// resolve answers q from memory or sees to it that it is asked outside.
func (s *Server) resolve(dst []byte, q *question, a *asker, now time.Time) (b []byte, later bool) {
	age := now.Sub(s.began)
	e := s.cache.get(q)
	if e != nil && e.left(age) < -staleFor {
		e = nil
	}
	switch {
	case e == nil:
		return s.join(dst, q, a, nil)
	case e.left(age) > 0:
		s.counters.cached.Add(1)
		if e.hits.Add(1) >= hotHits && e.fading(age) && !e.failed {
			s.refresh(q, e, age)
		}
		return s.deliver(dst, q, a, e, now, false), false
	case e.failed:
		return s.join(dst, q, a, nil)
	case e.retryAt.Load() > int64(age) || !(*s.upstream.Load()).OK():
		s.refresh(q, e, age)
		return s.deliver(dst, q, a, e, now, true), false
	}
	return s.join(dst, q, a, e)
}

// deliver writes the answer e, if the filter lets it pass. It is judged each
// time, so that a new list acts on what is remembered, too.
func (s *Server) deliver(dst []byte, q *question, a *asker, e *entry, now time.Time, stale bool) []byte {
	if len(e.aliases)+len(e.addrs) > 0 {
		var buf [4 * maxWire]byte
		text := q.appendText(buf[:0])
		d := s.policy.Load().Judge(a.addr.Addr(), string(text), e.aliases, e.addrs, s.wall(now))
		if d.Action != dnsfilter.Forward {
			return s.refuse(dst, q, a, &d, now)
		}
	}
	if stale {
		s.counters.stale.Add(1)
	}
	return e.write(dst, q, now.Sub(s.began), stale, a.limit(q))
}

// refuse writes a refusal and records it.
func (s *Server) refuse(dst []byte, q *question, a *asker, d *dnsfilter.Decision, now time.Time) []byte {
	s.counters.refused.Add(1)
	var buf [4 * maxWire]byte
	r := Refusal{
		At: s.wall(now), Client: a.addr.Addr().WithZone(""), Name: string(q.appendText(buf[:0])),
		Type: dns.Type(q.typ).String(), Reason: d.Reason, List: d.List, Line: d.Line, Via: d.Via,
	}
	s.refusals.add(r)
	if s.o.Refused != nil {
		s.o.Refused(r)
	}
	return refused(dst, q, d, a.limit(q))
}

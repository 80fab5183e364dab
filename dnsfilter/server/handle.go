package server

import (
	"fmt"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
)

// An asker is who sent a question and how to answer.
type asker struct {
	addr netip.AddrPort
	sock *udpSocket
	oob  control  // for sock: which of our addresses was asked
	conn *tcpConn // nil: it came by sock
	// asked is the question itself when another name is looked up for it; see rename.
	asked *question
}

// answer sends b, which must stay as it is from now on; nil means that there is
// nothing to say.
func (a *asker) answer(b []byte) {
	if a.conn != nil {
		a.conn.answer(b)
	} else if len(b) > 0 {
		a.sock.out.post(b, a)
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
// be asked outside is answered later, from a flight.
func (s *Server) handle(dst, pkt []byte, q *question, a *asker) {
	if b, later := s.tryReply(dst, pkt, q, a); !later {
		a.answer(b)
	}
}

// tryReply is reply; a panic costs this question only, which stays unanswered.
func (s *Server) tryReply(dst, pkt []byte, q *question, a *asker) (b []byte, later bool) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			b, later = nil, false
		}
	}()
	return s.reply(dst, pkt, q, a)
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
	now := time.Now()
	if !s.within(a, now) {
		return s.beyond(dst, q, a), false
	}
	r, b, done := s.rule(dst, q, a, now)
	if done {
		return b, false
	}
	if q.typ == dns.TypeANY {
		return anything(dst, q, a.limit(q)), false
	}
	if q.flags&bitRD == 0 { // what we remember is nobody's business
		return bare(dst, q, dns.RcodeRefused, noExtra(), a.limit(q)), false
	}
	if r.host != "" {
		return s.rename(dst, q, a, r, now)
	}
	return s.resolve(dst, q, a, r, now)
}

// A ruling is what the policy says of a question that may be answered from
// outside: everything about one answer goes by the same policy.
type ruling struct {
	policy *dnsfilter.Policy
	reason string // of the policy's first word, for the log
	named  bool   // the name asked for is a remote-support tool's …
	tool   string // … of this one, for which a window is open on the asker
	host   string // the name is an alias of this one
}

// rule decides about q by the policy in force. With done, b is the answer.
func (s *Server) rule(dst []byte, q *question, a *asker, now time.Time) (r ruling, b []byte, done bool) {
	p := s.policy.Load()
	if p == nil {
		return r, bare(dst, q, dns.RcodeServerFailure, extra{code: dns.ExtendedErrorCodeNotReady}, a.limit(q)), true
	}
	text := q.name()
	d := p.Decide(dnsfilter.Ask{Client: a.addr.Addr(), Name: view(text), Type: q.typ, At: s.wall(now)})
	switch d.Action {
	case dnsfilter.Forward:
		r.policy, r.reason, r.named = p, d.Reason, d.Tool != ""
		if d.Granted {
			r.tool = d.Tool
		}
		if r.named {
			s.see(a, text, &d, now)
		}
		return r, nil, false
	case dnsfilter.Rename:
		r.policy, r.reason, r.host = p, d.Reason, d.Host
		return r, nil, false
	case dnsfilter.Refuse:
		return r, s.refuse(dst, q, a, &d, now), true
	case dnsfilter.Answer, dnsfilter.NoData, dnsfilter.NoName:
		s.counters.local.Add(1)
		s.note(q, a, now, querylog.Record{Verdict: querylog.Local, Reason: d.Reason})
		return r, local(dst, q, &d, a.limit(q)), true
	}
	return r, bare(dst, q, dns.RcodeServerFailure, noExtra(), a.limit(q)), true
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
func (s *Server) resolve(dst []byte, q *question, a *asker, r ruling, now time.Time) (b []byte, later bool) {
	age := now.Sub(s.began)
	out := s.uplink.Load()
	out.pick(q, a.addr.Addr())
	e := out.cache.get(q)
	if e != nil && e.left(age) < -staleFor {
		e = nil
	}
	switch {
	case e == nil:
		return s.join(dst, q, a, r, out, nil)
	case e.left(age) > 0:
		s.counters.cached.Add(1)
		if e.hits.Add(1) >= hotHits && e.fading(age) && !e.failed {
			s.refresh(out, q, e, age)
		}
		return s.deliver(dst, q, a, r, e, now, false)
	case e.failed:
		return s.join(dst, q, a, r, out, nil)
	case e.retryAt.Load() > int64(age) || !out.ok(q.group):
		s.refresh(out, q, e, age)
		return s.deliver(dst, q, a, r, e, now, true)
	}
	return s.join(dst, q, a, r, out, e)
}

// deliver writes the answer e, if the filter lets it pass. It is judged each
// time, so that a new list acts on what is remembered, too. later says that
// its addresses must be let through first.
func (s *Server) deliver(dst []byte, q *question, a *asker, r ruling, e *entry, now time.Time, stale bool) (b []byte, later bool) {
	if a.asked != nil {
		q = a.asked
		e = renamed(q, r.host, e, now.Sub(s.began))
	}
	tool := r.tool
	if len(e.aliases)+len(e.addrs) > 0 {
		text := q.name()
		d := r.policy.Judge(dnsfilter.Ask{Client: a.addr.Addr(), Name: view(text), Type: q.typ, At: s.wall(now)}, e.aliases, e.addrs)
		if d.Action != dnsfilter.Forward {
			return s.refuse(dst, q, a, &d, now), false
		}
		if d.Tool != "" && !r.named {
			s.see(a, text, &d, now)
		}
		if d.Granted && tool == "" {
			tool = d.Tool
		}
	}
	if stale {
		s.counters.stale.Add(1)
	}
	verdict := querylog.Answered
	if e.failed {
		verdict = querylog.Failed
	}
	s.note(q, a, now, querylog.Record{Verdict: verdict, Reason: r.reason, Tool: tool})
	if s.gated(a, r, tool) && len(e.addrs) > 0 {
		return s.hold(q, a, e, tool, now, stale)
	}
	return e.write(dst, q, now.Sub(s.began), stale, a.limit(q)), false
}

// note puts a question and what became of it into the log. It waits for
// nothing and allocates nothing.
func (s *Server) note(q *question, a *asker, now time.Time, r querylog.Record) {
	if s.o.Log == nil {
		return
	}
	r.At, r.Client, r.Type = s.wall(now), a.addr.Addr().WithZone(""), q.typ
	s.o.Log.Add(q.name(), r)
}

// refuse writes a refusal and records it. It allocates nothing.
func (s *Server) refuse(dst []byte, q *question, a *asker, d *dnsfilter.Decision, now time.Time) []byte {
	s.counters.refused.Add(1)
	if d.Tool != "" {
		s.see(a, q.name(), d, now)
	}
	r := Refusal{At: s.wall(now), Client: a.addr.Addr().WithZone(""), Reason: d.Reason, List: d.List, Line: d.Line, Via: d.Via, Tool: d.Tool}
	s.refusals.add(&r, q)
	s.note(q, a, now, querylog.Record{Verdict: querylog.Refused, Reason: d.Reason, List: d.List, Line: d.Line, Via: d.Via, Tool: d.Tool})
	if s.o.Refused != nil {
		r.Name, r.Type = string(q.name()), dns.Type(q.typ).String()
		s.o.Refused(r)
	}
	return refused(dst, q, d, a.limit(q))
}

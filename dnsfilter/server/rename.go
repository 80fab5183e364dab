package server

import (
	"time"

	"github.com/miekg/dns"
)

// rename answers q as an alias of r.host, whose addresses are asked outside
// and remembered like those of any name: what is in the cache is the same for
// all, and who is sent to the other name is decided for each question.
func (s *Server) rename(dst []byte, q *question, a *asker, r ruling, now time.Time) (b []byte, later bool) {
	asked, as := *q, *a
	as.asked = &asked
	if q.typ == dns.TypeCNAME {
		return s.deliver(dst, q, &as, r, nil, now, false)
	}
	of := asked
	if of.readName(wireName(r.host)) == 0 {
		return bare(dst, q, dns.RcodeServerFailure, noExtra(), a.limit(q)), false
	}
	return s.resolve(dst, &of, &as, r, now)
}

// original is the question a asked; q is the one in its place, if any.
func (a *asker) original(q *question) *question {
	if a.asked != nil {
		return a.asked
	}
	return q
}

// about says whether q, by which an answer was sought, is still what r wants
// to know for it: the policy may be another by now.
func (r ruling) about(q *question, a *asker) bool {
	if a.asked == nil || r.host == "" {
		return a.asked == nil && r.host == ""
	}
	return string(q.wire()) == string(wireName(r.host))
}

// renamed is e, the answer for host, as an answer to q, for which host is an
// alias; without e there is nothing but the alias. Aliases of host are left
// out: its addresses are given as its own.
func renamed(q *question, host string, e *entry, now time.Duration) *entry {
	lower := question{size: q.size, asked: q.lower, lower: q.lower, typ: q.typ, class: q.class}
	n := &entry{size: q.size, typ: q.typ, do: q.do, cd: q.flags&bitCD != 0, ttl: homeTTL, stored: now, extra: noExtra()}
	if e != nil {
		n.group, n.ttl, n.stored, n.extra, n.failed = e.group, e.ttl, e.stored, e.extra, e.failed
	}
	if n.failed {
		n.wire = bare(nil, &lower, dns.RcodeServerFailure, noExtra(), plainSize)
		return n
	}
	r := newReply(nil, &lower, 0)
	const fixed = 12 // octets of a record before its data
	at := len(r.b) + fixed - headerSize
	r.record(0, dns.TypeCNAME, homeTTL, wireName(host))
	r.an++
	n.aliases = []string{host}
	rcode := dns.RcodeSuccess
	if e != nil {
		n.aliases = append(n.aliases, e.aliases...)
		for _, a := range e.addrs {
			if a.Is4() != (q.typ == dns.TypeA) {
				continue
			}
			n.addrs = append(n.addrs, a)
			n.ttls = append(n.ttls, uint16(len(r.b)+6)) // after owner, type and class
			r.record(at, q.typ, e.ttl, a.AsSlice())
			r.an++
		}
		if len(n.addrs) == 0 {
			rcode = int(e.wire[3] & maskRcode)
			r.soa(at)
		}
	}
	n.wire = r.finish(rcode, noExtra(), maxMessage)
	return n
}

package server

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/miekg/dns"
)

// maxMessage leaves room below 64 KiB for what finish adds.
const maxMessage = 65535 - 128

var errTooLong = errors.New("answer does not fit into a message")

// maxAliases bounds the chain of aliases that is followed in one answer.
const maxAliases = 16

// tidy makes the entry for q of an upstream's message: only the records that
// answer the question, in the chain of aliases from it on; no DNSSEC records
// for who did not ask for them (RFC 3225); of the authority only what proves a
// "no". What else an upstream sends along is not believed.
func tidy(m *dns.Msg, q *question) (*entry, error) {
	name, _, err := dns.UnpackDomainName(q.wire(), 0)
	if err != nil {
		return nil, err
	}
	t := tidier{q: q, chain: []string{name}}
	out := new(dns.Msg)
	out.Rcode = m.Rcode
	out.Question = []dns.Question{{Name: name, Qtype: q.typ, Qclass: dns.ClassINET}}
	failed := m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError || !t.follow(m.Answer)
	keep := uint32(failureTTL)
	if failed { // whatever ails the upstream, to the client it is one thing
		out.Rcode = dns.RcodeServerFailure
	} else {
		out.Answer, t.opened = openHello(t.answer(m.Answer))
		out.Ns = t.authority(m.Ns)
		keep = t.bound(out)
	}
	e, err := newEntry(out, q)
	if err != nil {
		return nil, err
	}
	e.failed, e.ttl, e.addrs = failed, keep, t.addrs
	for _, alias := range append(t.chain[1:], t.targets...) {
		e.aliases = append(e.aliases, strings.TrimSuffix(alias, "."))
	}
	if e.extra = extraOf(m); t.opened && e.extra.code == none {
		e.extra = extra{dns.ExtendedErrorCodeForgedAnswer, "ech removed"}
	}
	return e, nil
}

type tidier struct {
	q       *question
	chain   []string // the question's name and its aliases, lower case
	targets []string // names that service records point at
	addrs   []netip.Addr
	found   bool // a record of the type asked for
	opened  bool // it held keys for an encrypted hello
}

// follow collects the aliases. It is false if they lead back to one of them or
// go on for longer than anybody follows: that is no answer (RFC 1034 section
// 3.6.2), and half of it would read as "no data".
func (t *tidier) follow(answer []dns.RR) bool {
	if t.q.typ == dns.TypeCNAME {
		return true
	}
	for {
		last, next := t.chain[len(t.chain)-1], ""
		for _, rr := range answer {
			if c, ok := rr.(*dns.CNAME); ok && inet(rr) && lower(c.Hdr.Name) == last {
				next = lower(c.Target)
				break
			}
		}
		if next == "" {
			return true
		}
		if len(t.chain) > maxAliases || t.has(next) {
			return false
		}
		t.chain = append(t.chain, next)
	}
}

func (t *tidier) has(name string) bool {
	for _, c := range t.chain {
		if c == name {
			return true
		}
	}
	return false
}

// answer keeps the records of the chain, in the upstream's order.
func (t *tidier) answer(all []dns.RR) []dns.RR {
	var kept []dns.RR
	for _, rr := range all {
		if inet(rr) && t.belongs(rr) {
			t.look(rr)
			kept = append(kept, rr)
		}
	}
	return kept
}

func (t *tidier) belongs(rr dns.RR) bool {
	h, typ := rr.Header(), rr.Header().Rrtype
	if sig, ok := rr.(*dns.RRSIG); ok && t.q.typ != dns.TypeRRSIG {
		if !t.q.do {
			return false
		}
		typ = sig.TypeCovered
	}
	owner := lower(h.Name)
	if typ == dns.TypeDNAME && typ != t.q.typ {
		for _, c := range t.chain {
			if dns.IsSubDomain(owner, c) {
				return true
			}
		}
		return false
	}
	return (typ == t.q.typ || typ == dns.TypeCNAME) && t.has(owner)
}

// look notes what the filter wants to know of a record.
func (t *tidier) look(rr dns.RR) {
	t.found = t.found || rr.Header().Rrtype == t.q.typ
	switch rr := rr.(type) {
	case *dns.A:
		t.addr(rr.A)
	case *dns.AAAA:
		t.addr(rr.AAAA)
	case *dns.HTTPS:
		t.service(&rr.SVCB)
	case *dns.SVCB:
		t.service(rr)
	}
}

func (t *tidier) addr(b []byte) {
	a, _ := netip.AddrFromSlice(b) // an address that is none counts as private
	t.addrs = append(t.addrs, a.Unmap())
}

// service notes where a service record leads (RFC 9460): browsers go to the
// target, and to the addresses it hints at without a further question.
func (t *tidier) service(rr *dns.SVCB) {
	if target := lower(rr.Target); target != "." && !t.has(target) {
		t.targets = append(t.targets, target)
	}
	for _, kv := range rr.Value {
		switch kv := kv.(type) {
		case *dns.SVCBIPv4Hint:
			for _, a := range kv.Hint {
				t.addr(a)
			}
		case *dns.SVCBIPv6Hint:
			for _, a := range kv.Hint {
				t.addr(a)
			}
		}
	}
}

// authority keeps what a negative answer rests on, and the proofs for who
// checks signatures.
func (t *tidier) authority(all []dns.RR) []dns.RR {
	var kept []dns.RR
	last := t.chain[len(t.chain)-1]
	for _, rr := range all {
		typ := rr.Header().Rrtype
		if sig, ok := rr.(*dns.RRSIG); ok {
			typ = sig.TypeCovered
		}
		secure := typ == dns.TypeNSEC || typ == dns.TypeNSEC3 || rr.Header().Rrtype == dns.TypeRRSIG
		switch {
		case !inet(rr), secure && !t.q.do:
		case typ == dns.TypeSOA && !t.found && dns.IsSubDomain(lower(rr.Header().Name), last):
			kept = append(kept, rr)
		case typ == dns.TypeNSEC, typ == dns.TypeNSEC3:
			kept = append(kept, rr)
		}
	}
	return kept
}

// bound sets the TTLs of m into their limits and returns how long all of it
// may be kept: a negative answer as long as its SOA says (RFC 2308 section 5),
// and not at all without one.
func (t *tidier) bound(m *dns.Msg) uint32 {
	least := uint32(longestTTL)
	if !t.found {
		least = 0
		for _, rr := range m.Ns {
			if soa, ok := rr.(*dns.SOA); ok {
				least = min(bounded(soa.Hdr.Ttl), bounded(soa.Minttl), longestNo)
			}
		}
		for _, rr := range m.Ns {
			rr.Header().Ttl = min(rr.Header().Ttl, least)
		}
	}
	for _, rr := range m.Ns {
		rr.Header().Ttl = bounded(rr.Header().Ttl)
	}
	for _, rr := range m.Answer {
		rr.Header().Ttl = bounded(rr.Header().Ttl)
		least = min(least, rr.Header().Ttl)
	}
	return least
}

// bounded reads a TTL: with its top bit set it means 0 (RFC 2181 section 8).
func bounded(ttl uint32) uint32 {
	if ttl >= 1<<31 {
		return 0
	}
	return min(ttl, longestTTL)
}

func extraOf(m *dns.Msg) extra {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return extra{e.InfoCode, plain(e.ExtraText)}
			}
		}
	}
	return noExtra()
}

// plain takes out of a text from outside what is no text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

func inet(rr dns.RR) bool { return rr.Header().Class == dns.ClassINET }

// lower folds ASCII only (RFC 4343); package dns escapes all else.
func lower(name string) string { return strings.ToLower(name) }

package server

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// An authority is the outside of the corpus: it holds zones and follows
// aliases through them as a resolver does.
type authority struct {
	rrs   map[string][]dns.RR // by lower-case name
	empty map[string]bool     // names with nothing but names below
	mu    sync.Mutex
	asked int
}

// outside reads testdata/corpus/zones and adds what is too long to stand there.
func outside(t testing.TB) *authority {
	t.Helper()
	file := filepath.Join("testdata", "corpus", "zones")
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := &authority{rrs: map[string][]dns.RR{}, empty: map[string]bool{}}
	zp := dns.NewZoneParser(f, "", file)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		a.add(rr)
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	for _, text := range bulk() {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		a.add(rr)
	}
	return a
}

// bulk are long answers, many records and long chains of aliases.
func bulk() (all []string) {
	add := func(name, typ, data string) {
		all = append(all, name+".corpus.example. 300 IN "+typ+" "+data)
	}
	for _, size := range []int{440, 470, 1100, 1140, 1170, 1180} {
		add(fmt.Sprintf("size%d", size), "TXT", texts(size))
	}
	add("t4k", "TXT", texts(4000))
	add("t60k", "TXT", texts(60_000))
	for i := range 20 {
		add("many", "TXT", fmt.Sprintf(`"%02d %s"`, i, strings.Repeat("x", 200)))
	}
	for i := range 40 {
		add("crowd", "A", fmt.Sprintf("203.0.113.%d", 100+i))
	}
	for i := range 200 {
		add("throng", "AAAA", fmt.Sprintf("2001:db8:c::%x", i+1))
	}
	for _, links := range []int{2, 8, 9, 10, 11, 12, 15, 16, 17, 18, 30} {
		for i := range links - 1 {
			add(fmt.Sprintf("c%d.n%d", i, links), "CNAME", fmt.Sprintf("c%d.n%d.corpus.example.", i+1, links))
		}
		add(fmt.Sprintf("c%d.n%d", links-1, links), "CNAME", "www.corpus.example.")
	}
	return all
}

// texts is size octets in strings as long as they may be.
func texts(size int) string {
	var b strings.Builder
	for size > 0 {
		n := min(size, 255)
		fmt.Fprintf(&b, `"%s" `, strings.Repeat(string(rune('a'+size%26)), n))
		size -= n
	}
	return b.String()
}

func (a *authority) add(rr dns.RR) {
	name := strings.ToLower(rr.Header().Name)
	a.rrs[name] = append(a.rrs[name], rr)
	for off, end := dns.NextLabel(name, 0); !end; off, end = dns.NextLabel(name, off) {
		a.empty[name[off:]] = true
	}
}

// ServeDNS answers as much as the asker can take.
func (a *authority) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	a.mu.Lock()
	a.asked++
	a.mu.Unlock()
	m := a.reply(q)
	size := dns.MaxMsgSize
	if _, tcp := w.RemoteAddr().(*net.TCPAddr); !tcp {
		size = dns.MinMsgSize
		if opt := q.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
	}
	m.Truncate(size)
	w.WriteMsg(m)
}

// reply is the whole answer to q.
func (a *authority) reply(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable, m.Compress = true, true
	do := false
	if opt := q.IsEdns0(); opt != nil {
		do = opt.Do()
		m.SetEdns0(1232, do)
	}
	if len(q.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		return m
	}
	if !a.strange(m) {
		x := walk{a: a, m: m, typ: q.Question[0].Qtype, do: do}
		x.from(strings.ToLower(q.Question[0].Name))
	}
	return m
}

// strange plays upstreams that do something else than answering.
func (a *authority) strange(m *dns.Msg) bool {
	name := strings.ToLower(m.Question[0].Name)
	first, zone, _ := strings.Cut(name, ".")
	if zone != "corpus.example." {
		return false
	}
	add := func(to *[]dns.RR, texts ...string) {
		for _, text := range texts {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			*to = append(*to, rr)
		}
	}
	good := name + " 300 IN A 203.0.113.60"
	switch first {
	case "servfail":
		m.Rcode = dns.RcodeServerFailure
	case "refused":
		m.Rcode = dns.RcodeRefused
	case "notimp":
		m.Rcode = dns.RcodeNotImplemented
	case "formerr":
		m.Rcode = dns.RcodeFormatError
	case "yxdomain":
		m.Rcode = dns.RcodeYXDomain
	case "ede":
		m.Rcode = dns.RcodeServerFailure
		if opt := m.IsEdns0(); opt != nil {
			opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeDNSBogus, ExtraText: "no signature holds"})
		}
	case "unasked": // records nobody asked for, in every section
		add(&m.Answer, good, "bank.example. 300 IN A 203.0.113.66", name+" 300 IN AAAA 2001:db8:f::1")
		add(&m.Ns, "corpus.example. 300 IN NS ns.evil.example.")
		add(&m.Extra, "ns.evil.example. 300 IN A 203.0.113.66")
	case "claims": // to be authority, and to have checked signatures
		add(&m.Answer, good)
		m.Authoritative, m.AuthenticatedData = true, true
	case "dangling": // an alias, and not where it leads
		add(&m.Answer, name+" 300 IN CNAME www.corpus.example.")
	case "no-soa":
	case "referral":
		m.RecursionAvailable = false
		add(&m.Ns, "corpus.example. 300 IN NS ns.lame.example.")
	default:
		return false
	}
	return true
}

// A walk is the way from a question to its answer.
type walk struct {
	a   *authority
	m   *dns.Msg
	typ uint16
	do  bool
}

// from follows name through the zones.
func (x *walk) from(name string) {
	for been := map[string]bool{}; !been[name]; {
		been[name] = true
		next, found := x.at(name)
		if found {
			return
		}
		if next == "" {
			x.deny(name)
			return
		}
		name = next
	}
}

// at puts what is at name into the answer: the records asked for, or an alias
// to follow.
func (x *walk) at(name string) (next string, found bool) {
	all, below := x.a.rrs[name], false
	if all == nil && !x.a.empty[name] {
		if target, ok := x.renamed(name); ok {
			return target, false
		}
		// A wildcard answers for what is not there (RFC 4592); here each stands
		// right above what it is for.
		for _, zone := range parents(name) {
			if all = x.a.rrs["*."+zone]; all != nil || x.a.rrs[zone] != nil || x.a.empty[zone] {
				below = all != nil
				break
			}
		}
	}
	for _, rr := range all {
		typ := rr.Header().Rrtype
		sig, signed := rr.(*dns.RRSIG)
		alias, aliased := rr.(*dns.CNAME)
		aliased = aliased && x.typ != dns.TypeCNAME && x.typ != dns.TypeANY && x.typ != dns.TypeRRSIG && x.typ != dns.TypeNSEC
		switch {
		case aliased:
			next = strings.ToLower(alias.Target)
		case typ == x.typ, x.typ == dns.TypeANY:
			found = true
		case signed && x.do && (sig.TypeCovered == x.typ || sig.TypeCovered == dns.TypeCNAME):
		default:
			continue
		}
		if below {
			rr = dns.Copy(rr)
			rr.Header().Name = x.spelt(name)
		}
		x.m.Answer = append(x.m.Answer, rr)
	}
	return next, found
}

// spelt is name as the question spells it, if it is that one.
func (x *walk) spelt(name string) string {
	if asked := x.m.Question[0].Name; strings.EqualFold(asked, name) {
		return asked
	}
	return name
}

// renamed follows a DNAME above name (RFC 6672).
func (x *walk) renamed(name string) (string, bool) {
	for _, zone := range parents(name) {
		for _, rr := range x.a.rrs[zone] {
			d, ok := rr.(*dns.DNAME)
			if !ok {
				continue
			}
			target := strings.TrimSuffix(name, zone) + strings.ToLower(d.Target)
			x.m.Answer = append(x.m.Answer, rr, &dns.CNAME{
				Hdr:    dns.RR_Header{Name: x.spelt(name), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: d.Hdr.Ttl},
				Target: target,
			})
			return target, true
		}
	}
	return "", false
}

// deny adds what proves that there is nothing of the type at name.
func (x *walk) deny(name string) {
	if x.a.rrs[name] == nil && !x.a.empty[name] && !x.wild(name) {
		x.m.Rcode = dns.RcodeNameError
	}
	for _, zone := range append([]string{name}, parents(name)...) {
		soa := false
		for _, rr := range x.a.rrs[zone] {
			soa = soa || rr.Header().Rrtype == dns.TypeSOA
		}
		if !soa {
			continue
		}
		for _, rr := range x.a.rrs[zone] {
			sig, signed := rr.(*dns.RRSIG)
			if rr.Header().Rrtype == dns.TypeSOA || x.do && signed && sig.TypeCovered == dns.TypeSOA {
				x.m.Ns = append(x.m.Ns, rr)
			}
		}
		if x.do {
			x.prove(zone)
		}
		return
	}
}

func (x *walk) wild(name string) bool {
	for _, zone := range parents(name) {
		if x.a.rrs["*."+zone] != nil {
			return true
		}
	}
	return false
}

// prove adds one denial of the zone with its signature. Which name it is for
// does not matter: nobody here checks.
func (x *walk) prove(zone string) {
	proofs := append([]dns.RR(nil), x.a.rrs[zone]...)
	if zone == "hashed.example." {
		proofs = append(proofs, x.a.rrs["0p9mhaveqvm6t7vbl5lop2u3t2rp3tom."+zone]...)
	}
	for _, rr := range proofs {
		typ := rr.Header().Rrtype
		if sig, ok := rr.(*dns.RRSIG); ok {
			typ = sig.TypeCovered
		}
		if typ == dns.TypeNSEC || typ == dns.TypeNSEC3 {
			x.m.Ns = append(x.m.Ns, rr)
		}
	}
}

// parents are the names above name, without the root.
func parents(name string) (all []string) {
	for off, end := dns.NextLabel(name, 0); !end; off, end = dns.NextLabel(name, off) {
		all = append(all, name[off:])
	}
	return all
}

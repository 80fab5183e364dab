package server

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"monban/dnsfilter"
)

// An oracle says what the answer to a packet is, from the standards, the policy
// and the zones, by way of package dns alone. It shares no line with what it is
// held against.
type oracle struct {
	p      *dnsfilter.Policy
	out    *authority
	client netip.Addr
}

// A prophecy is what the oracle says.
type prophecy struct {
	silent  bool // no answer
	unknown bool // package dns cannot read the packet: any well-formed error will do
	cut     bool // m is longer than a datagram to this asker may be
	m       *dns.Msg
}

// ask says what becomes of pkt over UDP or TCP.
func (o *oracle) ask(t *testing.T, pkt []byte, tcp bool) prophecy {
	if len(pkt) < 12 || pkt[2]&0x80 != 0 {
		return prophecy{silent: true}
	}
	a := new(dns.Msg)
	a.Id, a.Response, a.RecursionAvailable = uint16(pkt[0])<<8|uint16(pkt[1]), true, true
	a.Opcode = int(pkt[2] >> 3 & 15)
	a.RecursionDesired, a.CheckingDisabled = pkt[2]&1 != 0, pkt[3]&0x10 != 0
	fail := func(code int) prophecy {
		a.Rcode = code
		return prophecy{m: a}
	}
	if a.Opcode != dns.OpcodeQuery {
		return fail(dns.RcodeNotImplemented)
	}
	if pkt[4] != 0 || pkt[5] != 1 || pkt[6]|pkt[7]|pkt[8]|pkt[9] != 0 {
		return fail(dns.RcodeFormatError)
	}
	var q dns.Msg
	if q.Unpack(pkt) != nil || len(q.Question) != 1 || len(q.Extra) != int(pkt[10])<<8|int(pkt[11]) {
		return prophecy{unknown: true}
	}
	wire := make([]byte, 256)
	size, err := dns.PackDomainName(q.Question[0].Name, wire, 0, nil, false)
	if err != nil {
		t.Fatalf("packing %q: %v", q.Question[0].Name, err)
	}
	// It points back, or is cut off, of which package dns makes the best.
	if _, end, _ := dns.UnpackDomainName(pkt, 12); end != 12+size || end+4 > len(pkt) {
		return fail(dns.RcodeFormatError)
	}
	a.Question = q.Question
	opt, broken := onlyOpt(&q)
	if broken {
		return prophecy{unknown: true}
	}
	limit := 512
	if opt != nil {
		a.SetEdns0(1232, opt.Do())
		limit = int(min(max(opt.UDPSize(), 512), 1232))
		if opt.Version() != 0 {
			return fail(dns.RcodeBadVers)
		}
	}
	if tcp {
		limit = 65535
	}
	o.answer(a, policyName(wire[:size]), opt != nil && opt.Do())
	return prophecy{m: a, cut: shorten(a, limit)}
}

// onlyOpt returns the one OPT record; broken says that there is more than one,
// or that it is not at the root.
func onlyOpt(q *dns.Msg) (opt *dns.OPT, broken bool) {
	for _, rr := range q.Extra {
		if o, ok := rr.(*dns.OPT); ok {
			broken = broken || opt != nil || o.Hdr.Name != "."
			opt = o
		}
	}
	return opt, broken
}

// policyName is a name in wire form as a Policy takes it.
func policyName(wire []byte) string {
	var labels []string
	for at := 0; wire[at] != 0; at += 1 + int(wire[at]) {
		label := ""
		for _, c := range wire[at+1 : at+1+int(wire[at])] {
			switch {
			case c >= 'A' && c <= 'Z':
				label += string(rune(c + 'a' - 'A'))
			case c <= ' ', c >= 0x7f, c == '.', c == '\\':
				label += fmt.Sprintf("\\%03d", c)
			default:
				label += string(rune(c))
			}
		}
		labels = append(labels, label)
	}
	return strings.Join(labels, ".")
}

// answer fills a for the question in it.
func (o *oracle) answer(a *dns.Msg, name string, do bool) {
	q := a.Question[0]
	switch {
	case q.Qclass != dns.ClassINET:
		a.Rcode = dns.RcodeRefused
		return
	case q.Qtype == 0, q.Qtype == dns.TypeOPT:
		a.Rcode = dns.RcodeFormatError
		return
	case q.Qtype >= 249 && q.Qtype <= 254:
		a.Rcode = dns.RcodeNotImplemented
		return
	}
	d := o.p.Decide(dnsfilter.Ask{Client: o.client, Name: name, Type: q.Qtype})
	switch {
	case d.Action == dnsfilter.Refuse:
		o.refuse(a, d.List)
	case d.Action != dnsfilter.Forward:
		o.home(a, d)
	case q.Qtype == dns.TypeANY:
		a.Answer = []dns.RR{&dns.HINFO{Hdr: head(q.Name, dns.TypeHINFO, 3600), Cpu: "RFC8482"}}
	case !a.RecursionDesired:
		a.Rcode = dns.RcodeRefused
	default:
		o.forward(a, do)
	}
}

func head(name string, typ uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
}

// ownSOA is the SOA of a zone that is answered here: the last so many labels of
// the name as it was asked.
func ownSOA(asked, zone string) dns.RR {
	labels := dns.SplitDomainName(asked)
	if zone != "" {
		labels = labels[len(labels)-dns.CountLabel(zone+"."):]
	}
	return &dns.SOA{Hdr: head(dns.Fqdn(strings.Join(labels, ".")), dns.TypeSOA, 60), Ns: "monban.home.arpa.", Mbox: "nobody.invalid.",
		Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 60}
}

func (o *oracle) refuse(a *dns.Msg, why string) {
	switch q := a.Question[0]; q.Qtype {
	case dns.TypeA:
		a.Answer = []dns.RR{&dns.A{Hdr: head(q.Name, q.Qtype, 60), A: []byte{0, 0, 0, 0}}}
	case dns.TypeAAAA:
		a.Answer = []dns.RR{&dns.AAAA{Hdr: head(q.Name, q.Qtype, 60), AAAA: make([]byte, 16)}}
	default:
		a.Ns = []dns.RR{ownSOA(q.Name, "")}
	}
	if opt := a.IsEdns0(); opt != nil {
		opt.Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeBlocked, ExtraText: why}}
	}
}

func (o *oracle) home(a *dns.Msg, d dnsfilter.Decision) {
	a.Authoritative = true
	q := a.Question[0]
	if d.Action == dnsfilter.NoName {
		a.Rcode = dns.RcodeNameError
	}
	for _, addr := range d.Addrs {
		if addr.Is4() && q.Qtype == dns.TypeA {
			a.Answer = append(a.Answer, &dns.A{Hdr: head(q.Name, q.Qtype, 60), A: addr.AsSlice()})
		}
		if addr.Is6() && q.Qtype == dns.TypeAAAA {
			a.Answer = append(a.Answer, &dns.AAAA{Hdr: head(q.Name, q.Qtype, 60), AAAA: addr.AsSlice()})
		}
	}
	if d.Host != "" && q.Qtype == dns.TypePTR {
		a.Answer = []dns.RR{&dns.PTR{Hdr: head(q.Name, q.Qtype, 60), Ptr: d.Host + "."}}
	}
	if len(a.Answer) == 0 {
		a.Ns = []dns.RR{ownSOA(q.Name, d.Zone)}
	}
}

// forward fills a with what the zones say, in the bounds for TTLs.
func (o *oracle) forward(a *dns.Msg, do bool) {
	q := new(dns.Msg)
	q.Question = a.Question
	q.SetEdns0(1232, do)
	m := o.out.reply(q)
	seen := map[string]bool{}
	for _, rr := range m.Answer {
		if c, ok := rr.(*dns.CNAME); ok && a.Question[0].Qtype != dns.TypeCNAME {
			seen[strings.ToLower(c.Hdr.Name)] = true
			if seen[strings.ToLower(c.Target)] || len(seen) > 16 {
				a.Rcode = dns.RcodeServerFailure
				return
			}
		}
		if private(rr) {
			o.refuse(a, "private address")
			return
		}
	}
	a.Rcode = m.Rcode
	defer respell(a)
	found := false
	for _, rr := range m.Answer {
		if typ := rr.Header().Rrtype; typ == dns.TypeDNAME && typ == a.Question[0].Qtype && !strings.EqualFold(rr.Header().Name, a.Question[0].Name) {
			continue // a documented difference
		}
		rr = dns.Copy(rr)
		rr.Header().Ttl = life(rr.Header().Ttl)
		found = found || rr.Header().Rrtype == a.Question[0].Qtype
		a.Answer = append(a.Answer, rr)
	}
	if found {
		return
	}
	least := uint32(0)
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			least = min(life(soa.Hdr.Ttl), life(soa.Minttl), 3600)
		}
	}
	for _, rr := range m.Ns {
		rr = dns.Copy(rr)
		rr.Header().Ttl = min(life(rr.Header().Ttl), least)
		a.Ns = append(a.Ns, rr)
	}
}

// respell writes names in a as compression against the question as it was asked
// spells them (RFC 4343 section 4.1).
func respell(a *dns.Msg) {
	asked := make([]byte, 256)
	n, err := dns.PackDomainName(a.Question[0].Name, asked, 0, nil, false)
	if err != nil {
		panic(err)
	}
	a.Question[0].Name, a.Compress = strings.ToLower(a.Question[0].Name), true
	packed, err := a.Pack()
	if err != nil {
		panic(err)
	}
	copy(packed[12:], asked[:n])
	if err := a.Unpack(packed); err != nil {
		panic(err)
	}
}

// life is a TTL as it is passed on.
func life(ttl uint32) uint32 {
	if ttl > 1<<31-1 {
		return 0
	}
	return min(ttl, 86400)
}

func private(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.IsPrivate()
	case *dns.AAAA:
		return rr.AAAA.IsPrivate()
	}
	return false
}

// shorten takes everything out of a that does not fit and says whether it did.
func shorten(a *dns.Msg, limit int) bool {
	a.Compress = true
	if packed, err := a.Pack(); err == nil && len(packed) <= limit {
		return false
	}
	a.Truncated = true
	a.Answer, a.Ns = nil, nil
	return true
}

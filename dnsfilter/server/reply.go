package server

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"

	"monban/dnsfilter"
)

// homeTTL is how many seconds people's machines may keep what we answer
// ourselves: short, so that a name released from a list works at once.
const homeTTL = 60

// An extra is an extended error (RFC 8914): why an answer is as it is.
type extra struct {
	code uint16
	text string
}

const (
	none     = 0xffff // no extended error
	maxExtra = 64     // bytes of text
)

func noExtra() extra { return extra{code: none} }

// A reply is a message being written. The question comes first, with the
// letters as they were asked, so that every name may point at it.
type reply struct {
	b      []byte
	q      *question
	flags  uint16
	an, ns uint16
}

func newReply(dst []byte, q *question, flags uint16) reply {
	r := reply{b: append(dst[:0], make([]byte, headerSize)...), q: q, flags: flags}
	if q.size > 0 {
		r.b = append(r.b, q.asked[:q.size]...)
		r.b = binary.BigEndian.AppendUint16(r.b, q.typ)
		r.b = binary.BigEndian.AppendUint16(r.b, q.class)
	}
	return r
}

// record appends one record whose owner is the suffix of the question that
// begins at its octet offset; 0 is the whole name.
func (r *reply) record(offset int, typ uint16, ttl uint32, rdata ...[]byte) {
	r.b = binary.BigEndian.AppendUint16(r.b, 0xc000|uint16(headerSize+offset))
	r.b = binary.BigEndian.AppendUint16(r.b, typ)
	r.b = binary.BigEndian.AppendUint16(r.b, dns.ClassINET)
	r.b = binary.BigEndian.AppendUint32(r.b, ttl)
	at := len(r.b)
	r.b = append(r.b, 0, 0)
	for _, part := range rdata {
		r.b = append(r.b, part...)
	}
	binary.BigEndian.PutUint16(r.b[at:], uint16(len(r.b)-at-2))
}

// address appends a as the answer.
func (r *reply) address(a netip.Addr, ttl uint32) {
	if a.Is4() {
		four := a.As4()
		r.record(0, dns.TypeA, ttl, four[:])
	} else {
		sixteen := a.As16()
		r.record(0, dns.TypeAAAA, ttl, sixteen[:])
	}
	r.an++
}

// soa appends the authority that makes a negative answer keep for homeTTL
// (RFC 2308): that of the suffix at offset, named after ourselves.
func (r *reply) soa(offset int) {
	const names = "\x06monban\x04home\x04arpa\x00" + "\x06nobody\x07invalid\x00"
	const numbers = "\x00\x00\x00\x01\x00\x00\x0e\x10\x00\x00\x02\x58\x00\x01\x51\x80\x00\x00\x00\x3c"
	r.record(offset, dns.TypeSOA, homeTTL, []byte(names+numbers))
	r.ns++
}

// zoneOffset is where zone begins in the question's name; "" is all of it.
func (q *question) zoneOffset(zone string) int {
	if zone == "" {
		return 0
	}
	return max(0, int(q.size)-len(zone)-2) // one length byte more than dots, and the root
}

// finish fills in the header and appends the OPT record if the question had
// one. What does not fit into limit octets is cut off and marked so: the
// client then asks over TCP.
func (r *reply) finish(rcode int, e extra, limit int) []byte {
	additional := uint16(0)
	question := headerSize
	if r.q.size > 0 {
		question += int(r.q.size) + 4
	}
	opt := 0
	if r.q.edns {
		if e.code != none && len(r.b)+11+6+len(e.text) > limit {
			e = noExtra()
		}
		opt, additional = 11, 1
	}
	if len(r.b)+opt > limit {
		r.b, r.an, r.ns = r.b[:question], 0, 0
		r.flags |= bitTC
	}
	if r.q.edns {
		r.opt(rcode, e)
	}
	flags := bitQR | bitRA | r.flags | r.q.flags&(maskOp|bitRD|bitCD) | uint16(rcode)&maskRcode
	for i, word := range [...]uint16{r.q.id, flags, min(1, r.q.size), r.an, r.ns, additional} {
		binary.BigEndian.PutUint16(r.b[2*i:], word)
	}
	return r.b
}

func (r *reply) opt(rcode int, e extra) {
	r.b = append(r.b, 0)
	r.b = binary.BigEndian.AppendUint16(r.b, dns.TypeOPT)
	r.b = binary.BigEndian.AppendUint16(r.b, ednsSize)
	do := uint16(0)
	if r.q.do {
		do = 0x8000
	}
	r.b = append(r.b, byte(rcode>>4), 0)
	r.b = binary.BigEndian.AppendUint16(r.b, do)
	if e.code == none {
		r.b = append(r.b, 0, 0)
		return
	}
	said := cutText(e.text)
	r.b = binary.BigEndian.AppendUint16(r.b, uint16(6+len(said)))
	r.b = binary.BigEndian.AppendUint16(r.b, dns.EDNS0EDE)
	r.b = binary.BigEndian.AppendUint16(r.b, uint16(2+len(said)))
	r.b = binary.BigEndian.AppendUint16(r.b, e.code)
	r.b = append(r.b, said...)
}

// cutText shortens s to maxExtra bytes without splitting a character.
func cutText(s string) string {
	if len(s) <= maxExtra {
		return s
	}
	s = s[:maxExtra]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// bare answers q with nothing but a code.
func bare(dst []byte, q *question, rcode int, e extra, limit int) []byte {
	r := newReply(dst, q, 0)
	return r.finish(rcode, e, limit)
}

// refused writes the answer for a name that d refuses: an address that leads
// nowhere, so that programs give up at once instead of asking elsewhere, or
// what else d says. Other types than addresses have no data in any case: an
// HTTPS record would lead a browser past the page.
func refused(dst []byte, q *question, d *dnsfilter.Decision, limit int) []byte {
	e := extra{dns.ExtendedErrorCodeBlocked, d.List}
	switch d.Reason {
	case dnsfilter.Denied:
		e.code = dns.ExtendedErrorCodeFiltered // they asked for it themselves (RFC 8914 section 4.18)
	case dnsfilter.Rebinding:
		e.text = "private address"
	case dnsfilter.ToolRefused:
		e.text = d.Tool
	}
	r := newReply(dst, q, 0)
	if d.NoSuchName() {
		r.soa(q.parentOffset()) // it cannot be an authority of its own
		return r.finish(dns.RcodeNameError, e, limit)
	}
	four, six := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	if d.Page() {
		four, six = d.As.Page4, d.As.Page6
	}
	switch {
	case q.typ == dns.TypeA && four.IsValid():
		r.address(four, homeTTL)
	case q.typ == dns.TypeAAAA && six.IsValid():
		r.address(six, homeTTL)
	default:
		r.soa(0)
	}
	return r.finish(dns.RcodeSuccess, e, limit)
}

// parentOffset is where the name above the question's begins; that of the root
// is the root.
func (q *question) parentOffset() int { return min(int(q.asked[0])+1, int(q.size)-1) }

// local writes the answer for a name that is answered here.
func local(dst []byte, q *question, d *dnsfilter.Decision, limit int) []byte {
	r := newReply(dst, q, bitAA)
	if d.Action == dnsfilter.NoName {
		r.soa(q.zoneOffset(d.Zone))
		return r.finish(dns.RcodeNameError, noExtra(), limit)
	}
	if d.Action == dnsfilter.Answer {
		for _, a := range d.Addrs {
			if a = a.Unmap(); a.Is4() && q.typ == dns.TypeA || a.Is6() && q.typ == dns.TypeAAAA {
				r.address(a, homeTTL)
			}
		}
		if d.Host != "" && q.typ == dns.TypePTR {
			r.record(0, dns.TypePTR, homeTTL, wireName(d.Host))
			r.an++
		}
	}
	if r.an == 0 {
		r.soa(q.zoneOffset(d.Zone))
	}
	return r.finish(dns.RcodeSuccess, noExtra(), limit)
}

// anything answers a question for all types as RFC 8482 section 4.2 says.
func anything(dst []byte, q *question, limit int) []byte {
	r := newReply(dst, q, 0)
	r.record(0, dns.TypeHINFO, 3600, []byte("\x07RFC8482\x00"))
	r.an++
	return r.finish(dns.RcodeSuccess, noExtra(), limit)
}

// wireName is a canonical name of ours in wire form.
func wireName(name string) []byte {
	var b []byte
	for label := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}

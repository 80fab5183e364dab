package server

import (
	"encoding/binary"
	"strings"

	"github.com/miekg/dns"
)

// packPlain writes m octet by octet as package dns does with compression, for
// a third of its cost, and notes where the TTLs stand, if m is what most
// answers are: addresses and the aliases before them. Otherwise ok is false.
func packPlain(m *dns.Msg) (wire []byte, ttls []uint16, ok bool) {
	if len(m.Question) != 1 || len(m.Ns)+len(m.Extra) > 0 || len(m.Answer) == 0 || len(m.Answer) > maxPlain || m.Rcode > maskRcode {
		return nil, nil, false
	}
	size := headerSize + len(m.Question[0].Name) + 1 + 4
	for _, rr := range m.Answer { // at most, so that nothing is copied twice and little is wasted
		switch rr := rr.(type) {
		case *dns.A:
			size += 2 + 10 + 4
		case *dns.AAAA:
			size += 2 + 10 + 16
		case *dns.CNAME:
			size += 2 + 10 + len(rr.Target) + 1
		default:
			return nil, nil, false
		}
	}
	p := packer{b: make([]byte, headerSize, size)}
	for i, word := range [...]uint16{m.Id, uint16(m.Rcode), 1, uint16(len(m.Answer)), 0, 0} {
		binary.BigEndian.PutUint16(p.b[2*i:], word)
	}
	q := &m.Question[0]
	if !p.name(q.Name) {
		return nil, nil, false
	}
	p.b = binary.BigEndian.AppendUint16(p.b, q.Qtype)
	p.b = binary.BigEndian.AppendUint16(p.b, q.Qclass)
	ttls = make([]uint16, 0, len(m.Answer))
	for _, rr := range m.Answer {
		h := rr.Header()
		if !p.name(h.Name) {
			return nil, nil, false
		}
		p.b = binary.BigEndian.AppendUint16(p.b, h.Rrtype)
		p.b = binary.BigEndian.AppendUint16(p.b, h.Class)
		ttls = append(ttls, uint16(len(p.b)))
		p.b = binary.BigEndian.AppendUint32(p.b, h.Ttl)
		p.b = append(p.b, 0, 0)
		at := len(p.b)
		if !p.data(rr) {
			return nil, nil, false
		}
		binary.BigEndian.PutUint16(p.b[at-2:], uint16(len(p.b)-at))
	}
	return p.b, ttls, true
}

const (
	maxPlain    = 24  // records; what they take is far below the reach of a pointer
	maxSuffixes = 128 // that a name may end in
)

// A packer writes names, each as far as its end was not written before.
type packer struct {
	b     []byte
	known [maxSuffixes]suffix
	n     int
}

type suffix struct {
	name string
	at   uint16
}

// name appends a name as package dns writes it; false if it has escapes or
// there are too many.
func (p *packer) name(s string) bool {
	if s == "" || s[len(s)-1] != '.' || len(s) > maxWire-1 || strings.IndexByte(s, '\\') >= 0 {
		return false
	}
	for s != "." && s != "" {
		for i := range p.known[:p.n] {
			if k := &p.known[i]; k.name == s {
				p.b = binary.BigEndian.AppendUint16(p.b, 0xc000|k.at)
				return true
			}
		}
		dot := strings.IndexByte(s, '.')
		if dot == 0 || dot > 63 || p.n == maxSuffixes || len(p.b) >= 1<<14 {
			return false
		}
		p.known[p.n] = suffix{s, uint16(len(p.b))}
		p.n++
		p.b = append(append(p.b, byte(dot)), s[:dot]...)
		s = s[dot+1:]
	}
	p.b = append(p.b, 0)
	return true
}

func (p *packer) data(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.A:
		four := rr.A.To4()
		p.b = append(p.b, four...)
		return len(four) == 4
	case *dns.AAAA:
		p.b = append(p.b, rr.AAAA...)
		return len(rr.AAAA) == 16
	case *dns.CNAME:
		return p.name(rr.Target)
	}
	return false
}

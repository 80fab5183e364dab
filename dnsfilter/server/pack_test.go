package server

import (
	"bytes"
	"net"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// What is packed by hand is what package dns packs, octet by octet, and the
// TTLs are where they are.
func FuzzPackPlain(f *testing.F) {
	add := func(name string, records ...string) {
		m := new(dns.Msg)
		m.Question = []dns.Question{{Name: name, Qtype: dns.TypeA, Qclass: dns.ClassINET}}
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		m.Compress = true
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	add("www.example.", "www.example. 300 IN A 203.0.113.1", "www.example. 300 IN A 203.0.113.2")
	add("www.example.", "www.example. 300 IN AAAA 2001:db8::1", "WWW.example. 60 IN AAAA ::ffff:203.0.113.1")
	add("www.example.", "www.example. 300 IN CNAME a.cdn.example.", "a.cdn.example. 60 IN CNAME b.CDN.example.", "b.CDN.example. 30 IN A 203.0.113.1")
	add("www.example.", "www.example. 300 IN CNAME .", ". 30 IN A 203.0.113.1")
	add("example.", "example. 300 IN CNAME www.example.", "www.example. 300 IN CNAME example.")
	add(".", ". 300 IN A 203.0.113.1")
	add(`a\.b.example.`, `a\.b.example. 300 IN A 203.0.113.1`)
	add("www.example.", "www.example. 300 IN TXT x")
	f.Fuzz(func(t *testing.T, b []byte) {
		var m dns.Msg
		if m.Unpack(b) != nil || len(m.Question) != 1 {
			return
		}
		m.MsgHdr = dns.MsgHdr{Rcode: m.Rcode & maskRcode} // as tidy makes it
		m.Ns, m.Extra, m.Compress = nil, nil, true
		wire, ttls, ok := packPlain(&m)
		if !ok {
			return
		}
		want, err := m.Pack()
		if err != nil || !bytes.Equal(wire, want) {
			t.Fatalf("%v\n%x, want\n%x", &m, wire, want)
		}
		if at, err := findTTLs(want, len(m.Answer)); err != nil || !slices.Equal(at, ttls) {
			t.Fatalf("%v, %v: TTLs at %d, want %d", &m, err, ttls, at)
		}
	})
}

// Most answers are packed by hand.
func TestPackPlain(t *testing.T) {
	m := new(dns.Msg)
	m.Question = []dns.Question{{Name: "www.example.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
	hdr := func(name string, typ uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: 60}
	}
	m.Answer = []dns.RR{
		&dns.CNAME{Hdr: hdr("www.example.", dns.TypeCNAME), Target: "a.cdn.example."},
		&dns.A{Hdr: hdr("a.cdn.example.", dns.TypeA), A: net.IPv4(203, 0, 113, 1)},
	}
	wire, ttls, ok := packPlain(m)
	if !ok || len(ttls) != 2 || cap(wire)-len(wire) > 32 {
		t.Errorf("%x (%d), %d", wire, cap(wire), ttls)
	}
	m.Answer = append(m.Answer, &dns.A{Hdr: hdr("www.example.", dns.TypeA)}) // without an address
	if _, _, ok := packPlain(m); ok {
		t.Error("an address record without address")
	}
}

func BenchmarkTidy(b *testing.B) {
	q := readQuestion(b, ask("www.example.", dns.TypeA))
	m := new(dns.Msg)
	m.SetReply(ask("www.example.", dns.TypeA))
	for _, text := range []string{"www.example. 300 IN CNAME a.cdn.example.", "a.cdn.example. 300 IN A 203.0.113.1"} {
		rr, _ := dns.NewRR(text)
		m.Answer = append(m.Answer, rr)
	}
	for what, pack := range map[string]func(*dns.Msg){
		"tidy":        func(m *dns.Msg) { tidy(m, q) },
		"by hand":     func(m *dns.Msg) { packPlain(m) },
		"package dns": func(m *dns.Msg) { m.Compress = true; m.Pack() },
	} {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pack(m)
			}
		})
	}
}

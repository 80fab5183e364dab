package server

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Whatever comes in, the reading agrees with package dns on it, and what goes
// out is a message that package dns can read, no longer than allowed.
func FuzzQuestion(f *testing.F) {
	for _, name := range []string{"www.example.", "ADS.example.", "x.local.", "1.0.0.127.in-addr.arpa.", "."} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeHTTPS, dns.TypeANY, 65280} {
			packed, _ := ask(name, typ).Pack()
			f.Add(packed)
		}
	}
	signed := ask("www.example.", dns.TypeA)
	signed.Extra = append(signed.Extra, &dns.TSIG{Hdr: dns.RR_Header{Name: "k.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: dns.HmacSHA256})
	packed, _ := signed.Pack()
	f.Add(packed)
	r := newResolver()
	r.soa = ". 900 IN SOA ns.example. who.example. 1 2 3 4 100"
	r.set("www.example.", "www.example. 300 IN CNAME t.example.", "t.example. 300 IN A 203.0.113.1")
	s := bench(f, r, "ads.example")
	f.Fuzz(func(t *testing.T, pkt []byte) {
		if len(pkt) > maxQuery {
			return
		}
		var q question
		got := q.read(pkt)
		agree(t, pkt, &q, got)
		c := &tcpConn{out: make(chan []byte, 1)}
		s.handle(nil, pkt, &q, &asker{addr: netip.MustParseAddrPort("192.168.10.20:5353"), conn: c})
		wellFormed(t, pkt, <-c.out, 65535)
		if got == proper { // again, as a datagram from memory
			b, later := s.reply(nil, pkt, &q, &asker{sock: &udpSocket{}})
			if later {
				t.Fatal("it was not remembered")
			}
			wellFormed(t, pkt, b, int(q.udpSize))
		}
		if n := s.Stats().Panics; n != 0 {
			t.Fatal("panic")
		}
	})
}

func agree(t *testing.T, pkt []byte, q *question, got reading) {
	var m dns.Msg
	if m.Unpack(pkt) != nil || m.Response {
		return
	}
	plain := len(m.Question) == 1 && len(m.Answer)+len(m.Ns) == 0 && m.Opcode == dns.OpcodeQuery
	if got == proper && !plain {
		t.Fatalf("taken, though it is %v", &m)
	}
	if got != proper {
		return
	}
	opt := m.IsEdns0()
	if q.id != m.Id || q.typ != m.Question[0].Qtype || q.class != m.Question[0].Qclass ||
		q.flags&bitRD != 0 != m.RecursionDesired || q.flags&bitCD != 0 != m.CheckingDisabled ||
		q.edns != (opt != nil) || q.do != (opt != nil && opt.Do()) {
		t.Fatalf("read %+v of %v", q, &m)
	}
	name, _, err := dns.UnpackDomainName(q.asked[:q.size], 0)
	if err != nil || name != m.Question[0].Name {
		t.Fatalf("read %q of %v", name, &m)
	}
}

func wellFormed(t *testing.T, pkt, b []byte, limit int) {
	if b == nil {
		return
	}
	var m dns.Msg
	if err := m.Unpack(b); err != nil || len(b) > limit || !m.Response || !bytes.Equal(b[:2], pkt[:2]) {
		t.Fatalf("%d octets of at most %d, %v: %v", len(b), limit, err, &m)
	}
	if len(m.Question) == 1 {
		n := headerSize + skipName(b[headerSize:]) + 4
		if !bytes.Equal(b[headerSize:n], pkt[headerSize:n]) {
			t.Fatalf("another question: %v", &m)
		}
	}
}

// Whatever an upstream says, what is made of it is a message that package dns
// can read, about the name asked for, with TTLs in their bounds.
func FuzzAnswer(f *testing.F) {
	r := newResolver()
	r.set("www.example.", "www.example. 300 IN CNAME T.example.", "www.example. 0 IN HTTPS 1 t.example. ipv4hint=10.0.0.1",
		`www.example. 4294967295 IN TXT "a" "b"`, "www.example. 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 1 example. aaaa")
	r.set("t.example.", "t.example. 300 IN A 203.0.113.1", "t.example. 300 IN DNAME example.")
	for _, typ := range []uint16{dns.TypeA, dns.TypeHTTPS, dns.TypeTXT, dns.TypeMX} {
		q := new(dns.Msg).SetQuestion("www.example.", typ)
		q.SetEdns0(1232, true)
		m := r.reply(q)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: 6, ExtraText: strings.Repeat("署名", 40)})
		packed, _ := m.Pack()
		f.Add(packed, typ, true, uint32(10))
		f.Add(packed, typ, false, uint32(10_000))
	}
	f.Fuzz(func(t *testing.T, raw []byte, typ uint16, do bool, age uint32) {
		var m dns.Msg
		if m.Unpack(raw) != nil {
			return
		}
		query := new(dns.Msg).SetQuestion("wWw.example.", typ)
		query.SetEdns0(1232, do)
		q := readQuestion(t, query)
		e, err := tidy(&m, q)
		if err != nil {
			return
		}
		if !e.is(q) || e.ttl > longestTTL || e.weight() < len(e.wire) {
			t.Fatalf("entry %+v", e)
		}
		now := time.Duration(age) * time.Second
		for _, limit := range []int{plainSize, ednsSize, 65535} {
			for _, stale := range []bool{false, true} {
				checkWritten(t, e, e.write(nil, q, now, stale, limit), limit, stale, do)
			}
		}
	})
}

func checkWritten(t *testing.T, e *entry, b []byte, limit int, stale, do bool) {
	var m dns.Msg
	if err := m.Unpack(b); err != nil || len(b) > limit || len(m.Question) != 1 || m.Question[0].Name != "wWw.example." {
		t.Fatalf("%d octets, %v: %v", len(b), err, &m)
	}
	if m.Truncated && limit == 65535 || m.AuthenticatedData || m.Authoritative || len(m.Extra) != 1 || m.IsEdns0().Do() != do {
		t.Fatalf("%v", &m)
	}
	for _, rr := range append(m.Answer, m.Ns...) {
		ttl := rr.Header().Ttl
		if ttl > longestTTL || stale && ttl != staleTTL {
			t.Fatalf("TTL %d in %v", ttl, &m)
		}
	}
	if e.failed && (m.Rcode != dns.RcodeServerFailure || len(m.Answer) > 0) {
		t.Fatalf("%v", &m)
	}
}

package server

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestLocalNames(t *testing.T) {
	r := newResolver()
	s := bench(t, r)
	defer settle(s)
	for _, c := range []struct {
		name  string
		typ   uint16
		rcode int
		want  string // end of the first answer; empty: none
		soa   string // owner of the SOA without an answer
	}{
		{"Monban.home.arpa.", dns.TypeA, 0, "\tA\t192.168.10.1", ""},
		{"monban.home.arpa.", dns.TypeAAAA, 0, "\tAAAA\tfd00::1", ""},
		{"monban.home.arpa.", dns.TypeMX, 0, "", "monban.home.arpa."},
		{"printer.home.arpa.", dns.TypeA, dns.RcodeNameError, "", "home.arpa."},
		{"1.10.168.192.in-addr.arpa.", dns.TypePTR, 0, "\tPTR\tmonban.home.arpa.", ""},
		{"9.10.168.192.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, "", "168.192.in-addr.arpa."},
		{"1.0.0.127.in-addr.arpa.", dns.TypePTR, 0, "\tPTR\tlocalhost.", ""},
		{"localhost.", dns.TypeA, 0, "\tA\t127.0.0.1", ""},
		{"x.localhost.", dns.TypeAAAA, 0, "\tAAAA\t::1", ""},
		{"x.localhost.", dns.TypeTXT, 0, "", "localhost."},
		{"pc.LOCAL.", dns.TypeA, dns.RcodeNameError, "", "LOCAL."},
		{"a.b.test.", dns.TypeA, dns.RcodeNameError, "", "test."},
		{"use-application-dns.net.", dns.TypeA, dns.RcodeNameError, "", "net."},
		{"mask.icloud.com.", dns.TypeHTTPS, dns.RcodeNameError, "", "icloud.com."},
		{"mask-h2.icloud.com.", dns.TypeAAAA, dns.RcodeNameError, "", "icloud.com."},
		{"_dns.resolver.arpa.", dns.TypeSVCB, 0, "", "resolver.arpa."},
	} {
		m := put(t, s, ask(c.name, c.typ))
		ok := m.Rcode == c.rcode && m.Authoritative
		if c.want != "" {
			ok = ok && len(m.Answer) == 1 && strings.HasSuffix(m.Answer[0].String(), c.want) && m.Answer[0].Header().Name == c.name
		} else {
			ok = ok && len(m.Answer) == 0 && len(m.Ns) == 1 && m.Ns[0].Header().Name == c.soa && m.Ns[0].Header().Ttl == homeTTL
		}
		if !ok {
			t.Errorf("%s %s: %v", c.name, dns.Type(c.typ), m)
		}
	}
	if r.count() != 0 {
		t.Errorf("home names were asked outside: %v", r.last())
	}
}

// What is odd gets the code its standard names, and goes nowhere.
func TestOddQuestions(t *testing.T) {
	r := newResolver()
	s := bench(t, r)
	defer settle(s)
	for what, c := range map[string]struct {
		change func(m *dns.Msg)
		rcode  int
	}{
		"update":         {func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		"no question":    {func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
		"two questions":  {func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }, dns.RcodeFormatError},
		"an answer in":   {func(m *dns.Msg) { m.Answer = []dns.RR{&dns.NULL{Hdr: dns.RR_Header{Name: ".", Rrtype: 10}}} }, dns.RcodeFormatError},
		"chaos":          {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		"transfer":       {func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }, dns.RcodeNotImplemented},
		"type OPT":       {func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeOPT }, dns.RcodeFormatError},
		"no recursion":   {func(m *dns.Msg) { m.RecursionDesired = false }, dns.RcodeRefused},
		"EDNS version 1": {func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }, dns.RcodeBadVers},
		"two OPTs":       {func(m *dns.Msg) { m.SetEdns0(512, false) }, dns.RcodeFormatError},
	} {
		q := ask("www.example.", dns.TypeA)
		c.change(q)
		m := put(t, s, q)
		if m.Rcode != c.rcode || !m.Response || m.Id != q.Id || m.Opcode != q.Opcode || len(m.Answer) != 0 {
			t.Errorf("%s: %v", what, m)
		}
	}
	if r.count() != 0 {
		t.Error("asked outside")
	}
	m := put(t, s, ask("www.example.", dns.TypeANY))
	if h, ok := m.Answer[0].(*dns.HINFO); !ok || h.Cpu != "RFC8482" || len(m.Answer) != 1 {
		t.Errorf("ANY: %v", m)
	}
}

// Client subnets, cookies and the rest of what a client sends along stay here.
func TestNothingLeaks(t *testing.T) {
	r := newResolver()
	r.set("www.example.", "www.example. 100 IN A 203.0.113.1")
	s := bench(t, r.serve(t))
	defer settle(s)
	q := ask("www.example.", dns.TypeA)
	q.IsEdns0().Option = []dns.EDNS0{
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(192, 168, 10, 0).To4()},
		&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"},
		&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("serial of the device")},
	}
	q.CheckingDisabled = true
	if m := put(t, s, q); len(m.Answer) != 1 || len(m.IsEdns0().Option) != 0 || !m.CheckingDisabled {
		t.Errorf("%v", m)
	}
	sent := r.last()
	if sent.Id == q.Id || len(sent.IsEdns0().Option) != 0 || !sent.CheckingDisabled {
		t.Errorf("sent %v", sent)
	}
}

func TestIgnored(t *testing.T) {
	s := bench(t, newResolver())
	answer, _ := ask("www.example.", dns.TypeA).Pack()
	answer[2] |= 0x80
	for _, pkt := range [][]byte{nil, []byte("short"), answer} {
		c := &tcpConn{out: make(chan []byte, 1)}
		var q question
		s.handle(nil, pkt, &q, &asker{conn: c})
		if b := <-c.out; b != nil {
			t.Errorf("%x is answered with %x", pkt, b)
		}
	}
}

// A label that holds a dot is not the name it looks like.
func TestDotInLabel(t *testing.T) {
	r := newResolver()
	s := bench(t, r, "ads.example")
	defer settle(s)
	for _, name := range []string{`ads\.example.`, `x\.localhost.`, `use-application-dns\.net.`} {
		if m := put(t, s, ask(name, dns.TypeA)); m.Question[0].Name != name || len(m.Answer) != 0 {
			t.Errorf("%v", m)
		}
	}
	if r.count() != 3 {
		t.Error("taken for another name")
	}
}

// The longest name fits, with every kind of answer.
func TestLongestName(t *testing.T) {
	r := newResolver()
	name := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61) + "."
	r.set(name, name+" 300 IN A 203.0.113.1")
	s := bench(t, r, strings.TrimSuffix(name[1:], "."))
	defer settle(s)
	if m := put(t, s, ask(name, dns.TypeA)); len(m.Answer) != 1 {
		t.Errorf("%v", m)
	}
	if m := put(t, s, ask(name[1:], dns.TypeAAAA)); len(m.Answer) != 1 {
		t.Errorf("%v", m)
	}
	odd := strings.Repeat(strings.Repeat(`\200`, 63)+".", 3) + strings.Repeat(`\200`, 61) + "."
	if m := put(t, s, ask(odd, dns.TypeA)); m.Question[0].Name != odd {
		t.Errorf("%v", m)
	}
	if m := put(t, s, ask(".", dns.TypeNS)); m.Rcode != 0 {
		t.Errorf("the root: %v", m)
	}
}

// What an upstream adds to an answer without being asked is not passed on.
func TestUnaskedRecords(t *testing.T) {
	r := newResolver()
	r.set("www.example.", "www.example. 300 IN A 203.0.113.1")
	s := bench(t, r)
	defer settle(s)
	m, _ := r.Exchange(t.Context(), questionFor("www.example."))
	for _, text := range []string{"bank.example. 300 IN A 203.0.113.66", "www.example. 300 IN AAAA 2001:db8:f::1", "www.example. 300 CH A 203.0.113.66"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer, m.Extra, m.Ns = append(m.Answer, rr), append(m.Extra, rr), append(m.Ns, rr)
	}
	q := readQuestion(t, ask("www.example.", dns.TypeA))
	e, err := tidy(m, q)
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, e.write(nil, q, 0, false, 65535))
	if len(got.Answer) != 1 || len(got.Ns) != 0 || len(got.Extra) != 1 {
		t.Errorf("%v", got)
	}
	// A loop of aliases is no answer, and aliases are told once.
	loop := new(dns.Msg)
	loop.SetReply(ask("www.example.", dns.TypeA))
	for _, text := range []string{"www.example. 300 IN CNAME b.example.", "b.example. 300 IN CNAME www.example."} {
		rr, _ := dns.NewRR(text)
		loop.Answer = append(loop.Answer, rr)
	}
	if e, err := tidy(loop, q); err != nil || len(e.aliases) != 1 || !e.failed || len(parse(t, e.wire).Answer) != 0 {
		t.Errorf("%+v, %v", e, err)
	}
}

func readQuestion(t testing.TB, m *dns.Msg) *question {
	t.Helper()
	packed, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	q := new(question)
	if got := q.read(packed); got != proper {
		t.Fatalf("read: %d", got)
	}
	return q
}

func TestCompressedQuestion(t *testing.T) {
	pkt, _ := ask("www.example.", dns.TypeA).Pack()
	binary.BigEndian.PutUint16(pkt[headerSize:], 0xc00c)
	var q question
	if got := q.read(pkt); got != dns.RcodeFormatError {
		t.Errorf("read: %d", got)
	}
}

package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
)

func TestAnswers(t *testing.T) {
	r := newResolver()
	r.set("www.example.", "www.example. 300 IN A 203.0.113.5", "www.example. 300 IN AAAA 2001:db8:ffff::5",
		"www.example. 300 IN TYPE65280 \\# 3 abcdef", `www.example. 300 IN TXT "`+strings.Repeat("x", 200)+`" "y"`,
		"www.example. 300 IN MX 10 mail.example.", "www.example. 300 IN HTTPS 1 . alpn=h2 ipv4hint=203.0.113.5",
		"www.example. 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 1 example. aaaa",
		"www.example. 300 IN CAA 0 issue \"ca.example\"", "www.example. 300 IN DS 1 13 2 00")
	_, addr := start(t, r.serve(t))
	for _, network := range []string{"udp", "tcp"} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeHTTPS, dns.TypeCAA, dns.TypeDS, 65280} {
			for range 2 { // asked outside, then remembered
				m := over(t, network, addr, ask("wWw.Example.", typ))
				if m.Rcode != 0 || len(m.Answer) != 1 || m.Answer[0].Header().Rrtype != typ ||
					m.Answer[0].Header().Name != "wWw.Example." || m.Answer[0].Header().Ttl < 299 || len(m.Ns) != 0 {
					t.Errorf("%s: %v", network, m)
				}
			}
		}
	}
	if n := r.count(); n != 8 {
		t.Errorf("asked %d times outside", n)
	}
	// Signatures go to who asks for them.
	q := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
	q.SetEdns0(1232, true)
	if m := over(t, "udp", addr, q); len(m.Answer) != 2 || !m.IsEdns0().Do() {
		t.Errorf("with DO: %v", m)
	}
	// Without EDNS there is none in the answer.
	q = new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
	if m := over(t, "udp", addr, q); m.IsEdns0() != nil || len(m.Answer) != 1 {
		t.Errorf("without EDNS: %v", m)
	}
}

func TestRefusals(t *testing.T) {
	r := newResolver()
	s, addr := start(t, r.serve(t), "ads.example")
	for _, network := range []string{"udp", "tcp"} {
		for typ, want := range map[uint16]string{dns.TypeA: "0.0.0.0", dns.TypeAAAA: "::", dns.TypeHTTPS: "", dns.TypeMX: "", dns.TypeANY: ""} {
			m := over(t, network, addr, ask("ADS.example.", typ))
			code, text, _ := ede(m)
			if m.Rcode != 0 || code != dns.ExtendedErrorCodeBlocked || text != "広告" {
				t.Errorf("%v", m)
			}
			switch {
			case want == "" && (len(m.Answer) != 0 || len(m.Ns) != 1 || m.Ns[0].Header().Name != "ADS.example."):
				t.Errorf("%v", m)
			case want != "" && (len(m.Answer) != 1 || !strings.HasSuffix(m.Answer[0].String(), "\t60\tIN\t"+dns.Type(typ).String()+"\t"+want)):
				t.Errorf("%v", m)
			}
		}
	}
	if r.count() != 0 {
		t.Error("a refused name was asked outside")
	}
	all := s.Refusals(100)
	if len(all) != 10 || all[0].Name != "ads.example" || all[0].Reason != dnsfilter.Listed || all[0].List != "広告" ||
		all[0].Line != 1 || all[0].Client != netip.MustParseAddr("127.0.0.1") || time.Since(all[0].At) > time.Minute {
		t.Errorf("%+v", all)
	}
	if st := s.Stats(); st.Queries != 10 || st.Refused != 10 || st.Forwarded != 0 || !st.UpstreamOK {
		t.Errorf("%+v", st)
	}
}

// A name is refused for what it is an alias of, also when the answer is in the
// cache already and the list is new.
func TestAliasRefused(t *testing.T) {
	r := newResolver()
	r.set("www.example.", "www.example. 300 IN CNAME a.cdn.example.")
	r.set("a.cdn.example.", "A.cdn.example. 300 IN CNAME Tracker.example.")
	r.set("tracker.example.", "Tracker.example. 300 IN A 203.0.113.9")
	s, addr := start(t, r.serve(t))
	if m := over(t, "udp", addr, ask("www.example.", dns.TypeA)); len(m.Answer) != 3 {
		t.Fatalf("%v", m)
	}
	s.Set(policy(t, "tracker.example"))
	m := over(t, "udp", addr, ask("www.example.", dns.TypeA))
	if code, _, _ := ede(m); code != dns.ExtendedErrorCodeBlocked || len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != "0.0.0.0" {
		t.Errorf("%v", m)
	}
	if got := s.Refusals(1)[0]; got.Via != "tracker.example" || got.Line != 1 || got.Name != "www.example" {
		t.Errorf("%+v", got)
	}
	if r.count() != 1 {
		t.Error("asked again")
	}
	d, err := s.Explain(context.Background(), "WWW.example", netip.Addr{})
	if err != nil || d.Action != dnsfilter.Refuse || d.Via != "tracker.example" || d.List != "広告" {
		t.Errorf("explain: %+v, %v", d, err)
	}
	if _, err := s.Explain(context.Background(), "a b", netip.Addr{}); err == nil {
		t.Error("rubbish is explained")
	}
}

func TestServiceTargetsRefused(t *testing.T) {
	r := newResolver()
	r.set("www.example.", "www.example. 300 IN HTTPS 1 ads.example. alpn=h2")
	r.set("in.example.", "in.example. 300 IN HTTPS 1 . ipv4hint=192.168.1.1")
	r.set("in6.example.", "in6.example. 300 IN HTTPS 1 . ipv6hint=fd00::1")
	_, addr := start(t, r.serve(t), "ads.example")
	for _, name := range []string{"www.example.", "in.example.", "in6.example."} {
		if m := over(t, "udp", addr, ask(name, dns.TypeHTTPS)); len(m.Answer) != 0 || m.Rcode != 0 {
			t.Errorf("%v", m)
		}
	}
}

func TestRebinding(t *testing.T) {
	r := newResolver()
	r.set("in.example.", "in.example. 300 IN A 192.168.10.5", "in.example. 300 IN AAAA fd00::5")
	s, addr := start(t, r.serve(t))
	for typ, want := range map[uint16]string{dns.TypeA: "0.0.0.0", dns.TypeAAAA: "::"} {
		m := over(t, "udp", addr, ask("in.example.", typ))
		if len(m.Answer) != 1 || !strings.HasSuffix(m.Answer[0].String(), "\t"+want) {
			t.Errorf("%v", m)
		}
	}
	if got := s.Refusals(1)[0]; got.Reason != dnsfilter.Rebinding {
		t.Errorf("%+v", got)
	}
	p := policy(t)
	p.Private, _ = dnsfilter.NewNames("example")
	s.Set(p)
	if m := over(t, "udp", addr, ask("in.example.", dns.TypeA)); m.Answer[0].(*dns.A).A.String() != "192.168.10.5" {
		t.Errorf("%v", m)
	}
}

// An answer too long for a datagram comes cut off over UDP and whole over TCP,
// and is itself fetched over TCP.
func TestLongAnswers(t *testing.T) {
	r := newResolver()
	var records, fewer []string
	for i := range 20 {
		fewer = append(fewer, fmt.Sprintf(`mid.example. 300 IN TXT "%d %s"`, i, strings.Repeat("x", 200)))
		records = append(records, fmt.Sprintf(`long.example. 300 IN TXT "%d %s"`, i, strings.Repeat("x", 200)))
	}
	r.set("long.example.", records...)
	_, addr := start(t, r.serve(t))
	for range 2 {
		if m := over(t, "udp", addr, ask("long.example.", dns.TypeTXT)); !m.Truncated || len(m.Answer) != 0 {
			t.Errorf("%v", m)
		}
		m := over(t, "tcp", addr, ask("long.example.", dns.TypeTXT))
		if m.Truncated || len(m.Answer) != 20 || m.Len() < 4000 {
			t.Errorf("%v", m)
		}
	}
	r.set("mid.example.", fewer[:4]...)
	if m := over(t, "udp", addr, new(dns.Msg).SetQuestion("mid.example.", dns.TypeTXT)); !m.Truncated {
		t.Errorf("over 512 octets without EDNS: %v", m)
	}
}

// Questions on one connection are answered as their answers come, also after
// the client said that it is done asking.
func TestPipelining(t *testing.T) {
	r := newResolver()
	r.wait = 300 * time.Millisecond
	for i := range 50 {
		name := fmt.Sprintf("n%d.example.", i)
		r.set(name, name+" 300 IN A 203.0.113.1")
	}
	_, addr := start(t, r.serve(t), "ads.example")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	co := &dns.Conn{Conn: conn}
	began := time.Now()
	want := map[uint16]string{}
	for i := range 51 {
		name := fmt.Sprintf("n%d.example.", i)
		if i == 50 {
			name = "ads.example."
		}
		q := ask(name, dns.TypeA)
		q.Id = uint16(i)
		want[q.Id] = name
		if err := co.WriteMsg(q); err != nil {
			t.Fatal(err)
		}
	}
	conn.(*net.TCPConn).CloseWrite()
	for range 51 {
		m, err := co.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Answer) != 1 || want[m.Id] != m.Question[0].Name {
			t.Errorf("%v", m)
		}
		delete(want, m.Id)
	}
	if took := time.Since(began); len(want) != 0 || took > 2*time.Second {
		t.Errorf("%d missing after %v", len(want), took)
	}
	conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	if _, err := co.ReadMsg(); err == nil {
		t.Error("an answer too many")
	}
}

func TestTCPBounds(t *testing.T) {
	s, addr := start(t, newResolver().serve(t))
	var open []net.Conn
	for range maxConnsEach {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	waitFor(t, func() bool { return s.conns.size() == maxConnsEach })
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(2 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("one connection too many is served")
	}
	open[0].Write([]byte{0xff, 0xff, 1, 2, 3}) // too long a question ends it
	open[1].Close()
	waitFor(t, func() bool { return s.conns.size() == maxConnsEach-2 })
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("it does not come to pass")
}

// What arrives while nobody reads waits in the socket for the next server.
func TestRestartLosesNothing(t *testing.T) {
	udp, tcp, err := Listen(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer udp[0].Close()
	defer tcp[0].Close()
	r := newResolver()
	conn, err := net.Dial("udp", udp[0].LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	co := &dns.Conn{Conn: conn}
	var late net.Conn
	for round := range 5 {
		s, err := New(Options{UDP: udp, TCP: tcp, Upstream: r})
		if err != nil {
			t.Fatal(err)
		}
		s.Set(policy(t, "ads.example"))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		if round > 0 {
			for range 20 {
				conn.SetReadDeadline(time.Now().Add(3 * time.Second))
				if _, err := co.ReadMsg(); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			if _, err := (&dns.Conn{Conn: late}).ReadMsg(); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			late.Close()
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if err := co.WriteMsg(ask("ads.example.", dns.TypeA)); err != nil {
				t.Fatal(err)
			}
		}
		if late, err = net.Dial("tcp", tcp[0].Addr().String()); err != nil {
			t.Fatal(err)
		}
		late.SetDeadline(time.Now().Add(3 * time.Second))
		if err := (&dns.Conn{Conn: late}).WriteMsg(ask("ads.example.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
	}
	late.Close()
}

// A socket bound to every address answers from the one that was asked.
func TestSourceAddress(t *testing.T) {
	for every, hosts := range map[string][]string{"0.0.0.0:0": {"127.0.0.1", "127.0.0.2"}, "[::]:0": {"127.0.0.1", "127.0.0.2", "[::1]"}} {
		udp, tcp, err := Listen(context.Background(), netip.MustParseAddrPort(every), 1)
		if err != nil {
			t.Log("no such sockets here:", err)
			continue
		}
		s, err := New(Options{UDP: udp, TCP: tcp, Upstream: newResolver()})
		if err != nil {
			t.Fatal(err)
		}
		s.Set(policy(t, "ads.example"))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		port := udp[0].LocalAddr().(*net.UDPAddr).Port
		for _, host := range hosts {
			// A connected socket hears nobody else.
			over(t, "udp", fmt.Sprintf("%s:%d", host, port), ask("ads.example.", dns.TypeA))
			if c := s.Refusals(1)[0].Client; c.Is4In6() || !c.IsLoopback() {
				t.Errorf("client %v", c)
			}
		}
		cancel()
		<-done
		udp[0].Close()
		tcp[0].Close()
	}
}

// Many clients, new lists and a new upstream at the same time.
func TestConcurrently(t *testing.T) {
	r := newResolver()
	for i := range 40 {
		name := fmt.Sprintf("n%d.example.", i)
		r.set(name, name+" 1 IN CNAME t.example.")
	}
	r.set("t.example.", "t.example. 1 IN A 203.0.113.1")
	u := r.serve(t)
	s, addr := start(t, u, "ads.example")
	stop := make(chan struct{})
	var swaps, askers sync.WaitGroup
	swaps.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			s.Set(policy(t, "ads.example", fmt.Sprintf("n%d.example", i%40)))
			if i%10 == 9 {
				s.SetUpstream(u)
			}
			s.Stats()
			s.Refusals(10)
		}
	})
	for w := range 8 {
		askers.Go(func() {
			network := []string{"udp", "tcp"}[w%2]
			for i := range 100 {
				name := fmt.Sprintf("n%d.example.", (i*7+w)%40)
				if i%5 == 0 {
					name = "ads.example."
				}
				if m := over(t, network, addr, ask(name, dns.TypeA)); m.Rcode != 0 || len(m.Answer) == 0 {
					t.Errorf("%v", m)
				}
			}
		})
	}
	askers.Wait()
	close(stop)
	swaps.Wait()
	if st := s.Stats(); st.Panics != 0 || st.Queries < 800 {
		t.Errorf("%+v", st)
	}
}

package upstream

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// However many servers are dead, the one that lives is asked within a second.
func TestFailoverOverMany(t *testing.T) {
	var all []*fake
	for range MaxServers - 1 {
		all = append(all, serve(t, silent))
	}
	all = append(all, serve(t, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) }))
	c := client(t, false, all...)
	began := time.Now()
	mustAnswer(t, c)
	if took := time.Since(began); took > 1100*time.Millisecond {
		t.Errorf("fail-over took %v", took)
	}
	began = time.Now()
	mustAnswer(t, c)
	if took := time.Since(began); took > 150*time.Millisecond {
		t.Errorf("the second question took %v", took)
	}
}

// The quicker server is asked first once both are known, and the slower one
// from time to time.
func TestQuickFirst(t *testing.T) {
	slow := serve(t, func(q *dns.Msg, tcp bool) [][]byte { time.Sleep(30 * time.Millisecond); return one(good(q)) })
	quick := serve(t, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
	c := client(t, false, slow, quick)
	for range 800 {
		mustAnswer(t, c)
	}
	s, q := slow.udp.Load(), quick.udp.Load()
	if s < 2 || s > q/4 {
		t.Errorf("the slow one had %d of %d questions", s, s+q)
	}
}

// A dead server is tried with real questions in the background, at growing
// pauses, while nobody waits for it; when it is back it is used again.
func TestProbe(t *testing.T) {
	var back atomic.Bool
	a := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		if !back.Load() {
			return nil
		}
		return one(good(q))
	})
	b := serve(t, func(q *dns.Msg, tcp bool) [][]byte { time.Sleep(5 * time.Millisecond); return one(good(q)) })
	c := client(t, false, a, b)
	c.patience = 700 * time.Millisecond
	mustAnswer(t, c) // finds out that a is dead
	p := c.peers[0]
	if !p.sick() {
		t.Fatal("a dead server is taken for a living one")
	}
	for range 3 { // each time its rest is over
		misses, until := p.misses.Load(), p.restUntil.Load()
		if wait := time.Until(time.Unix(0, until)); wait < 500*time.Millisecond || wait > lastRest {
			t.Fatalf("%d misses rest %v", misses, wait)
		}
		p.restUntil.Store(1)
		sent := a.udp.Load()
		for range 10 {
			began := time.Now()
			mustAnswer(t, c)
			if took := time.Since(began); took > 150*time.Millisecond {
				t.Errorf("a question took %v", took)
			}
		}
		for deadline := time.Now().Add(4 * time.Second); p.misses.Load() == misses && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		if n := a.udp.Load() - sent; p.misses.Load() != misses+1 || n == 0 || n > 6 {
			t.Fatalf("%d misses after %d, asked %d times", p.misses.Load(), misses, n)
		}
	}
	if c.Servers()[0].OK || !c.OK() {
		t.Errorf("%+v", c.Servers())
	}
	back.Store(true)
	p.restUntil.Store(1)
	mustAnswer(t, c)
	for deadline := time.Now().Add(4 * time.Second); p.sick() && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if p.sick() || !c.Servers()[0].OK {
		t.Errorf("a living server is taken for a dead one: %+v", c.Servers())
	}
	before := a.udp.Load()
	for range 5 {
		mustAnswer(t, c)
	}
	if a.udp.Load() == before {
		t.Error("it is not asked any more")
	}
}

func TestRest(t *testing.T) {
	last := time.Duration(0)
	for n := int32(1); n < 100; n++ {
		r := rest(n)
		if r < last || r < firstRest || r > lastRest || n < 6 && r < 2*last {
			t.Fatalf("%d misses: %v after %v", n, r, last)
		}
		last = r
	}
	if last != lastRest {
		t.Error(last)
	}
}

// A closed port is noticed at once; a resolver that is just starting is waited
// for.
func TestRefused(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	addr := conn.LocalAddr().(*net.UDPAddr)
	conn.Close()
	next := serve(t, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
	gone := Server{Addr: netip.MustParseAddrPort(addr.String())}
	c, err := New(Options{Servers: []Server{gone, {Addr: next.addr}}})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	mustAnswer(t, c)
	if took := time.Since(began); took > 150*time.Millisecond {
		t.Errorf("fail-over took %v", took)
	}
	go func() {
		time.Sleep(400 * time.Millisecond)
		conn, err := net.ListenUDP("udp4", addr)
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(3 * time.Second))
		buf := make([]byte, 1500)
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		var q dns.Msg
		if err == nil && q.Unpack(buf[:n]) == nil {
			conn.WriteToUDPAddrPort(pack(good(&q)), from)
		}
	}()
	if c, err = New(Options{Servers: []Server{gone}}); err != nil {
		t.Fatal(err)
	}
	mustAnswer(t, c)
}

// A server that checked the signatures and found them wrong is believed; one
// that does not check would hide it.
func TestBogusIsFinal(t *testing.T) {
	bogus := func(q *dns.Msg, tcp bool) [][]byte {
		m := new(dns.Msg)
		m.SetRcode(q, dns.RcodeServerFailure)
		m.SetEdns0(1232, true)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeDNSBogus})
		return one(m)
	}
	next := serve(t, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
	c := client(t, false, serve(t, bogus), next)
	m, err := c.Exchange(context.Background(), question)
	if err != nil || m.Rcode != dns.RcodeServerFailure || next.udp.Load() != 0 {
		t.Errorf("%v, %v", m, err)
	}
}

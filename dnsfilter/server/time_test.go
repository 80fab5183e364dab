package server

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
)

// settle ends the flights of a bench server.
func settle(s *Server) { s.group.Load().Wait() }

func TestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.set("www.example.", "www.example. 100 IN CNAME a.example.")
		r.set("a.example.", "a.example. 300 IN A 203.0.113.1", "a.example. 300 IN A 203.0.113.2")
		r.set("none.example.", "none.example. 0 IN A 203.0.113.1")
		r.set("ever.example.", "ever.example. 4000000 IN A 203.0.113.1")
		r.set("odd.example.", "odd.example. 3000000000 IN A 203.0.113.1")
		s := bench(t, r)
		defer settle(s)
		for _, c := range []struct {
			after           time.Duration
			alias, a, asked int
		}{{0, 100, 300, 1}, {40 * time.Second, 60, 260, 1}, {59 * time.Second, 1, 201, 1}, {2 * time.Second, 100, 300, 2}} {
			time.Sleep(c.after)
			m := put(t, s, ask("www.example.", dns.TypeA))
			if len(m.Answer) != 3 || int(m.Answer[0].Header().Ttl) != c.alias || int(m.Answer[1].Header().Ttl) != c.a || r.count() != c.asked {
				t.Errorf("after %v: %v, asked %d", c.after, m, r.count())
			}
		}
		for name, want := range map[string]uint32{"none.example.": 0, "odd.example.": 0, "ever.example.": longestTTL} {
			before := r.count()
			for range 2 {
				if m := put(t, s, ask(name, dns.TypeA)); m.Answer[0].Header().Ttl != want {
					t.Errorf("%v", m)
				}
				if code, _, ok := ede(put(t, s, ask(name, dns.TypeA))); ok {
					t.Errorf("%s: extended error %d", name, code)
				}
			}
			if asked := r.count() - before; asked != 4 && want == 0 || asked != 1 && want != 0 {
				t.Errorf("%s: asked %d times", name, asked)
			}
		}
	})
}

func TestNegativeTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver() // its SOA: TTL 900, minimum 100
		r.names["gone.example."] = dns.RcodeNameError
		s := bench(t, r)
		defer settle(s)
		for _, name := range []string{"gone.example.", "empty.example."} {
			before := r.count()
			for _, c := range []struct {
				after time.Duration
				ttl   uint32
				asked int
			}{{0, 100, 1}, {99 * time.Second, 1, 1}, {2 * time.Second, 100, 2}} {
				time.Sleep(c.after)
				m := put(t, s, ask(name, dns.TypeA))
				if m.Rcode != r.names[name] || len(m.Answer) != 0 || len(m.Ns) != 1 || m.Ns[0].Header().Ttl != c.ttl || r.count()-before != c.asked {
					t.Errorf("%s after %v: %v, asked %d", name, c.after, m, r.count()-before)
				}
			}
		}
		// A SOA from beside the name proves nothing, nor does none: not kept.
		for _, soa := range []string{"", "other.test. 900 IN SOA ns.example. who.example. 1 2 3 4 100"} {
			r.soa = soa
			before := r.count()
			for range 2 {
				if m := put(t, s, ask("bare.example.", dns.TypeA)); len(m.Ns) != 0 || m.Rcode != 0 {
					t.Errorf("%v", m)
				}
			}
			if r.count()-before != 2 {
				t.Error("a negative answer without SOA was kept")
			}
		}
	})
}

// Through an outage of the upstream, names seen before are answered as they
// were, the first time after the patience of RFC 8767, then at once; and when
// it is over, the new answer comes.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.set("www.example.", "www.example. 100 IN A 203.0.113.1")
		s := bench(t, r)
		defer settle(s)
		put(t, s, ask("www.example.", dns.TypeA))
		r.kill(true)
		r.down.Store(false) // not known yet
		time.Sleep(200 * time.Second)
		for i, most := range []time.Duration{stalePatience, 0, 0} {
			began := time.Now()
			m := put(t, s, ask("www.example.", dns.TypeA))
			code, _, _ := ede(m)
			if took := time.Since(began); took > most || len(m.Answer) != 1 || m.Answer[0].Header().Ttl != staleTTL || code != dns.ExtendedErrorCodeStaleAnswer {
				t.Errorf("%d: after %v: %v", i, took, m)
			}
		}
		r.down.Store(true) // known now: nobody waits
		time.Sleep(time.Hour)
		began := time.Now()
		if m := put(t, s, ask("www.example.", dns.TypeA)); len(m.Answer) != 1 || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), m)
		}
		synctest.Wait() // the refresh is on its way, in vain
		r.kill(false)
		r.set("www.example.", "www.example. 100 IN A 203.0.113.2")
		time.Sleep(time.Minute)
		m := put(t, s, ask("www.example.", dns.TypeA))
		if m.Answer[0].(*dns.A).A.String() != "203.0.113.2" || m.Answer[0].Header().Ttl != 100 {
			t.Errorf("%v", m)
		}
		r.kill(true)
		time.Sleep(staleFor + 200*time.Second)
		if m := put(t, s, ask("www.example.", dns.TypeA)); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("too old: %v", m)
		}
		if st := s.Stats(); st.Stale != 4 {
			t.Errorf("%+v", st)
		}
	})
}

// A SERVFAIL of the upstream does not push out what was known.
func TestStaleAfterServfail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.set("www.example.", "www.example. 100 IN A 203.0.113.1")
		s := bench(t, r)
		defer settle(s)
		put(t, s, ask("www.example.", dns.TypeA))
		r.set("www.example.")
		r.names["www.example."] = dns.RcodeServerFailure
		time.Sleep(200 * time.Second)
		for range 3 {
			if m := put(t, s, ask("www.example.", dns.TypeA)); len(m.Answer) != 1 || m.Rcode != 0 {
				t.Errorf("%v", m)
			}
		}
		if r.count() != 2 {
			t.Errorf("asked %d times", r.count())
		}
	})
}

func TestUpstreamDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.kill(true)
		s := bench(t, r)
		defer settle(s)
		for i := range 2 {
			began := time.Now()
			m := put(t, s, ask("www.example.", dns.TypeA))
			code, text, _ := ede(m)
			took := time.Since(began)
			if m.Rcode != dns.RcodeServerFailure || code != dns.ExtendedErrorCodeNoReachableAuthority || text == "" ||
				i == 0 && (took < time.Second || took > 3*time.Second) || i == 1 && took > 0 {
				t.Errorf("after %v: %v", took, m)
			}
		}
		r.kill(false)
		r.set("www.example.", "www.example. 100 IN A 203.0.113.1")
		time.Sleep(failureTTL * time.Second)
		if m := put(t, s, ask("www.example.", dns.TypeA)); len(m.Answer) != 1 {
			t.Errorf("%v", m)
		}
		if st := s.Stats(); st.Failed != 1 || st.Forwarded != 2 || st.Queries != 3 {
			t.Errorf("%+v", st)
		}
	})
}

// Whatever code a failing upstream gives, the client gets SERVFAIL.
func TestUpstreamCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		s := bench(t, r)
		defer settle(s)
		for _, code := range []int{dns.RcodeServerFailure, dns.RcodeRefused, dns.RcodeNotImplemented, dns.RcodeYXDomain, dns.RcodeBadVers} {
			name := fmt.Sprintf("c%d.example.", code)
			r.names[name] = code
			r.set(name, name+" 300 IN A 203.0.113.1")
			if m := put(t, s, ask(name, dns.TypeA)); m.Rcode != dns.RcodeServerFailure || len(m.Answer) != 0 {
				t.Errorf("%v", m)
			}
		}
	})
}

// Equal questions share one flight; those beyond the bound are told so.
func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.wait = time.Second
		r.set("www.example.", "www.example. 100 IN A 203.0.113.1")
		s := bench(t, r)
		defer settle(s)
		var wg sync.WaitGroup
		var mu sync.Mutex
		codes := map[int]int{}
		for range maxEach + 10 {
			wg.Go(func() {
				m := put(t, s, ask("wwW.example.", dns.TypeA))
				mu.Lock()
				codes[m.Rcode]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if r.count() != 1 || codes[0] != maxEach || codes[dns.RcodeServerFailure] != 10 {
			t.Errorf("asked %d times, codes %v", r.count(), codes)
		}
	})
}

// A hot name is fetched again shortly before it ends, and nobody waits.
func TestPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.set("www.example.", "www.example. 100 IN A 203.0.113.1")
		s := bench(t, r)
		defer settle(s)
		for range 4 {
			put(t, s, ask("www.example.", dns.TypeA))
		}
		time.Sleep(95 * time.Second)
		put(t, s, ask("www.example.", dns.TypeA))
		synctest.Wait()
		time.Sleep(10 * time.Second)
		began := time.Now()
		if m := put(t, s, ask("www.example.", dns.TypeA)); m.Answer[0].Header().Ttl != 90 || time.Since(began) > 0 || r.count() != 2 {
			t.Errorf("%v, asked %d times", m, r.count())
		}
	})
}

// A panic costs one question.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.set("www.example.", "www.example. 100 IN CNAME ads.example.")
		s := bench(t, r, "ads.example")
		defer settle(s)
		s.o.Refused = func(Refusal) { panic("a fault of ours") }
		c := &tcpConn{out: make(chan []byte, 4)}
		var q question
		for _, name := range []string{"ads.example.", "www.example."} {
			packed, _ := ask(name, dns.TypeA).Pack()
			s.handle(nil, packed, &q, &asker{conn: c})
			if b := <-c.out; b != nil {
				t.Errorf("answered %x", b)
			}
		}
		s.o.Refused = nil
		if m := put(t, s, ask("ads.example.", dns.TypeA)); len(m.Answer) != 1 {
			t.Errorf("%v", m)
		}
		if st := s.Stats(); st.Panics != 2 {
			t.Errorf("%+v", st)
		}
	})
}

func TestNoPolicy(t *testing.T) {
	s := bench(t, newResolver())
	s.policy.Store(nil)
	m := put(t, s, ask("www.example.", dns.TypeA))
	if code, _, _ := ede(m); m.Rcode != dns.RcodeServerFailure || code != dns.ExtendedErrorCodeNotReady {
		t.Errorf("%v", m)
	}
	s.Set(&dnsfilter.Policy{})
	if m := put(t, s, ask("x.local.", dns.TypeA)); m.Rcode != dns.RcodeNameError {
		t.Errorf("%v", m)
	}
}

package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
)

// An hour without any resolver: every name seen before is answered all the
// time, marked as out of date, whatever else is asked meanwhile, and the
// resolvers are not asked for a name more than twice a minute. When they are
// back, so are fresh answers, with the next refresh (RFC 8767).
func TestOutageOfAnHour(t *testing.T) {
	for what, known := range map[string]bool{"known to be down": true, "believed to be up": false} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { outageOfAnHour(t, known) })
		})
	}
}

func outageOfAnHour(t *testing.T, known bool) {
	const names = 100
	r := newResolver()
	s := bench(t, r)
	defer settle(s)
	name := func(i int) string { return fmt.Sprintf("n%d.example.", i) }
	for i := range names {
		r.set(name(i), name(i)+" 60 IN A 203.0.113.1")
		put(t, s, ask(name(i), dns.TypeA))
	}
	put(t, s, ask("none.example.", dns.TypeA)) // and a negative answer
	r.kill(true)
	r.down.Store(known)
	time.Sleep(2 * time.Minute)
	began, asked := time.Now(), r.count()
	for round := 0; time.Since(began) < time.Hour; round++ {
		for i := range names {
			asking := time.Now()
			m := put(t, s, ask(name(i), dns.TypeA))
			took := time.Since(asking)
			code, _, _ := ede(m)
			if len(m.Answer) != 1 || m.Answer[0].Header().Ttl != staleTTL || code != dns.ExtendedErrorCodeStaleAnswer ||
				took > stalePatience || known && took > 0 {
				t.Fatalf("after %v, in %v: %v", time.Since(began), took, m)
			}
		}
		for i := range 30 { // names nobody has asked for, which fail
			s.board(s.uplink.Load(), readQuestion(t, ask(fmt.Sprintf("x%d-%d.example.", round, i), dns.TypeA)), nil, nil)
		}
		time.Sleep(20 * time.Second)
	}
	m := put(t, s, ask("none.example.", dns.TypeA))
	if code, _, _ := ede(m); m.Rcode != 0 || len(m.Ns) != 1 || code != dns.ExtendedErrorCodeStaleAnswer {
		t.Errorf("%v", m)
	}
	hour := time.Since(began)
	old := 0
	r.mu.Lock()
	for _, q := range r.asked[asked:] {
		if q.Question[0].Name[0] == 'n' {
			old++
		}
	}
	r.mu.Unlock()
	if most := names * (int(hour/retryStale) + 2); old > most {
		t.Errorf("asked %d times for old names, at most %d", old, most)
	}
	r.kill(false)
	time.Sleep(retryStale)
	for range 2 { // the first may still be told the old one, while the new is fetched
		for i := range names {
			put(t, s, ask(name(i), dns.TypeA))
		}
		synctest.Wait()
	}
	for i := range names {
		m := put(t, s, ask(name(i), dns.TypeA))
		if _, _, old := ede(m); old || len(m.Answer) != 1 || m.Answer[0].Header().Ttl < staleTTL {
			t.Fatalf("after the outage: %v", m)
		}
	}
}

// A resolver slower than a client waits: what is out of date goes out in time,
// the answer is kept when it comes, and nobody waits for it again.
func TestSlowRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.set("www.example.", "www.example. 60 IN A 203.0.113.1")
		s := bench(t, r)
		defer settle(s)
		put(t, s, ask("www.example.", dns.TypeA))
		time.Sleep(2 * time.Minute)
		r.set("www.example.", "www.example. 60 IN A 203.0.113.2")
		r.wait = 2200 * time.Millisecond
		for i, want := range []time.Duration{stalePatience, 0} {
			began := time.Now()
			m := put(t, s, ask("www.example.", dns.TypeA))
			if code, _, _ := ede(m); code != dns.ExtendedErrorCodeStaleAnswer || time.Since(began) != want {
				t.Errorf("%d: after %v %v", i, time.Since(began), m)
			}
		}
		time.Sleep(time.Second)
		if m := put(t, s, ask("www.example.", dns.TypeA)); m.Answer[0].(*dns.A).A.String() != "203.0.113.2" || r.count() != 2 {
			t.Errorf("%v", m)
		}
	})
}

// A name that is none says so for a day, too, with a code of its own.
func TestStaleNoName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.names["gone.example."] = dns.RcodeNameError
		s := bench(t, r)
		defer settle(s)
		put(t, s, ask("gone.example.", dns.TypeA))
		r.kill(true)
		time.Sleep(time.Hour)
		m := put(t, s, ask("gone.example.", dns.TypeA))
		if code, _, _ := ede(m); m.Rcode != dns.RcodeNameError || code != dns.ExtendedErrorCodeStaleNXDOMAINAnswer {
			t.Errorf("%v", m)
		}
		time.Sleep(24 * time.Hour)
		if m := put(t, s, ask("gone.example.", dns.TypeA)); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("%v", m)
		}
	})
}

// Nobody's fault is told apart from the network's.
func TestFailureSays(t *testing.T) {
	q := readQuestion(t, ask("www.example.", dns.TypeA))
	refused := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNREFUSED)}
	for code, err := range map[uint16]error{
		dns.ExtendedErrorCodeNetworkError:         errors.Join(upstream.ErrNoAnswer, refused),
		dns.ExtendedErrorCodeNoReachableAuthority: errors.Join(upstream.ErrNoAnswer, os.ErrDeadlineExceeded),
	} {
		m := parse(t, failure(q, err).write(nil, q, 0, false, 1232))
		if got, text, _ := ede(m); got != code || text == "" || m.Rcode != dns.RcodeServerFailure {
			t.Errorf("%v", m)
		}
	}
}

// What a resolver says of its answer goes on to the client, as text.
func TestExtendedErrorPasses(t *testing.T) {
	m := new(dns.Msg)
	m.SetRcode(ask("www.example.", dns.TypeA), dns.RcodeServerFailure)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeDNSBogus, ExtraText: "no \x1b[31m\xff\nsignature"}}
	q := readQuestion(t, ask("www.example.", dns.TypeA))
	e, err := tidy(m, q)
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, e.write(nil, q, 0, false, 1232))
	if code, text, _ := ede(got); code != dns.ExtendedErrorCodeDNSBogus || text != "no [31msignature" {
		t.Errorf("%v", got)
	}
}

// How often nobody waits, of an evening's questions for a thousand names as people
// ask for them, with names fetched before their end and without.
func TestPrefetchPays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		with, without := eveningOfNames(t, true), eveningOfNames(t, false)
		t.Logf("answered at once: %.1f%%, without prefetch %.1f%%; asked outside %d and %d times",
			100*with.atOnce, 100*without.atOnce, with.outside, without.outside)
		if with.atOnce < without.atOnce+0.01 || float64(with.outside) > 1.5*float64(without.outside) {
			t.Error("it does not pay")
		}
	})
}

type eveningResult struct {
	atOnce  float64
	outside int
}

func eveningOfNames(t *testing.T, prefetch bool) eveningResult {
	const names, questions = 1000, 10_000
	r := newResolver()
	for i := range names {
		n := fmt.Sprintf("n%d.example.", i)
		r.set(n, fmt.Sprintf("%s %d IN A 203.0.113.1", n, []int{30, 60, 300, 1800}[i%4]))
	}
	s := bench(t, r)
	defer settle(s)
	seed, atOnce := uint64(1), 0
	for range questions {
		seed = seed*6364136223846793005 + 1442695040888963407
		// The i-th name is asked for half as often as the (i/2)-th.
		i := int(float64(names)/(1+float64(names-1)*float64(seed>>40)/(1<<24))) - 1
		q := ask(fmt.Sprintf("n%d.example.", i), dns.TypeA)
		if e := s.uplink.Load().cache.get(readQuestion(t, q)); e != nil {
			if !prefetch {
				e.hits.Store(0)
			}
			if e.left(s.now()) > 0 {
				atOnce++
			}
		}
		askedBy(t, s, netip.MustParseAddr("192.168.10.20"), q)
		time.Sleep(1440 * time.Millisecond) // four hours
		synctest.Wait()
	}
	return eveningResult{float64(atOnce) / questions, r.count()}
}

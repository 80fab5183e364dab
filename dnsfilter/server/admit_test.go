package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/dnsfilter/tools"
)

// An admission is one call of Admit.
type admission struct {
	client netip.Addr
	tool   string
	addrs  []netip.Addr
	ttl    time.Duration
}

// A recorder is an Admitter that remembers what it was asked.
type recorder struct {
	mu    sync.Mutex
	asked []admission
	err   error
	wait  time.Duration // before it returns, whatever its context says
	panic bool
}

func (r *recorder) Admit(_ context.Context, client netip.Addr, tool string, addrs []netip.Addr, ttl time.Duration) error {
	r.mu.Lock()
	r.asked = append(r.asked, admission{client, tool, slices.Clone(addrs), ttl})
	err, wait, broken := r.err, r.wait, r.panic
	r.mu.Unlock()
	time.Sleep(wait)
	if broken {
		panic("a fault of ours")
	}
	return err
}

func (r *recorder) set(err error, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.wait = err, wait
}

// take returns the calls since the last take.
func (r *recorder) take() []admission {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.asked
	r.asked = nil
	return out
}

// want checks that there was one call since, or none with want empty: client,
// tool and addresses.
func (r *recorder) want(t testing.TB, what, want string, ttl time.Duration) {
	t.Helper()
	got := ""
	for _, a := range r.take() {
		got += fmt.Sprint(a.client, " ", a.tool, " ", a.addrs)
		if a.ttl > ttl || a.ttl < ttl-2*time.Second {
			t.Errorf("%s: for %v, want %v", what, a.ttl, ttl)
		}
	}
	if got != want {
		t.Errorf("%s: admitted %q, want %q", what, got, want)
	}
}

var loopback = netip.MustParseAddr("127.0.0.1")

// gatedPolicy has the loopback address under answered-only egress, and the
// given tools in a window on it.
func gatedPolicy(t testing.TB, granted ...string) *dnsfilter.Policy {
	t.Helper()
	p := policy(t, "ads.example")
	set, err := tools.Load()
	if err != nil {
		t.Fatal(err)
	}
	p.Tools, p.ToolsEnforced = set, true
	p.Answered = map[netip.Addr]bool{loopback: true}
	p.Granted = map[netip.Addr][]string{loopback: granted}
	return p
}

func gatedZone() *resolver {
	r := newResolver()
	r.set("www.example.", "www.example. 300 IN A 203.0.113.1", "www.example. 300 IN A 203.0.113.2",
		"www.example. 300 IN A 203.0.113.1", "www.example. 300 IN AAAA 2001:db8:ffff::1", "www.example. 300 IN TXT x",
		"www.example. 300 IN HTTPS 1 t.example. alpn=h2 ipv4hint=203.0.113.8,203.0.113.9 ipv6hint=2001:db8:ffff::8")
	r.set("chain.example.", "chain.example. 86400 IN CNAME www.example.")
	r.set("router1.teamviewer.com.", "router1.teamviewer.com. 60 IN A 203.0.113.50")
	r.set("help.example.", "help.example. 300 IN CNAME router1.teamviewer.com.")
	r.set("ads.example.", "ads.example. 300 IN A 203.0.113.66")
	r.set("inside.example.", "inside.example. 300 IN A 192.168.1.1")
	r.set("empty.example.", "empty.example. 300 IN TXT x")
	r.names["gone.example."] = dns.RcodeNameError
	return r
}

// from asks over a network from an address of loopback.
func from(t testing.TB, client, network, addr string, q *dns.Msg) *dns.Msg {
	t.Helper()
	d := &net.Dialer{Timeout: 4 * time.Second, LocalAddr: &net.UDPAddr{IP: net.ParseIP(client)}}
	if network == "tcp" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(client)}
	}
	c := dns.Client{Net: network, Timeout: 4 * time.Second, Dialer: d}
	m, _, err := c.Exchange(q, addr)
	if err != nil {
		t.Fatalf("%s %v: %v", network, q.Question, err)
	}
	return m
}

func TestAdmit(t *testing.T) {
	r, rec := gatedZone(), &recorder{}
	s, addr := startWith(t, Options{Upstream: r.serve(t), Admitter: rec}, gatedPolicy(t))
	for _, network := range []string{"udp", "tcp"} {
		for range 2 { // asked outside, then from memory
			for _, c := range []struct {
				name string
				typ  uint16
				want string
				n    int // answers
			}{
				{"www.example.", dns.TypeA, "127.0.0.1  [203.0.113.1 203.0.113.2]", 3},
				{"WWW.example.", dns.TypeAAAA, "127.0.0.1  [2001:db8:ffff::1]", 1},
				{"www.example.", dns.TypeHTTPS, "127.0.0.1  [203.0.113.8 203.0.113.9 2001:db8:ffff::8]", 1},
				{"chain.example.", dns.TypeA, "127.0.0.1  [203.0.113.1 203.0.113.2]", 4},
				{"www.example.", dns.TypeTXT, "", 1},
				{"empty.example.", dns.TypeA, "", 0},
				{"gone.example.", dns.TypeA, "", 0},
				{"ads.example.", dns.TypeA, "", 1},            // 0.0.0.0
				{"inside.example.", dns.TypeA, "", 1},         // likewise
				{"monban.home.arpa.", dns.TypeA, "", 1},       // answered here
				{"router1.teamviewer.com.", dns.TypeA, "", 1}, // a tool's
				{"help.example.", dns.TypeA, "", 1},           // an alias of it
			} {
				m := over(t, network, addr, ask(c.name, c.typ))
				if len(m.Answer) != c.n || m.Rcode != r.names[c.name] {
					t.Errorf("%v", m)
				}
				rec.want(t, network+" "+c.name, c.want, 300*time.Second+grace)
			}
		}
		// Others are not held up.
		if m := from(t, "127.0.0.2", network, addr, ask("www.example.", dns.TypeA)); len(m.Answer) != 3 {
			t.Errorf("%v", m)
		}
		rec.want(t, "an open client", "", 0)
	}
	if st := s.Stats(); st.Held != 16 || st.Unadmitted != 0 || st.Panics != 0 {
		t.Errorf("%+v", st)
	}
}

// Names of a tool with a window go to its gates, for any client; once it has
// ended they are refused, also from memory.
func TestAdmitTool(t *testing.T) {
	r, rec := gatedZone(), &recorder{}
	p := gatedPolicy(t, "TeamViewer")
	s, addr := startWith(t, Options{Upstream: r.serve(t), Admitter: rec}, p)
	for _, answered := range []bool{true, false} {
		q := *p
		q.Answered = map[netip.Addr]bool{loopback: answered}
		s.Set(&q)
		for _, network := range []string{"udp", "tcp"} {
			for _, name := range []string{"router1.teamviewer.com.", "help.example."} {
				if m := over(t, network, addr, ask(name, dns.TypeA)); m.Answer[len(m.Answer)-1].(*dns.A).A.String() != "203.0.113.50" {
					t.Errorf("%v", m)
				}
				rec.want(t, name, "127.0.0.1 TeamViewer [203.0.113.50]", time.Minute+grace)
				m := from(t, "127.0.0.2", network, addr, ask(name, dns.TypeA))
				if code, _, _ := ede(m); code != dns.ExtendedErrorCodeBlocked || m.Answer[0].(*dns.A).A.String() != "0.0.0.0" {
					t.Errorf("%v", m)
				}
				rec.want(t, name, "", 0)
			}
		}
	}
	s.Set(gatedPolicy(t))
	m := over(t, "udp", addr, ask("router1.teamviewer.com.", dns.TypeA))
	if code, text, _ := ede(m); code != dns.ExtendedErrorCodeBlocked || text != "TeamViewer" || m.Answer[0].(*dns.A).A.String() != "0.0.0.0" {
		t.Errorf("after the window: %v", m)
	}
	rec.want(t, "after the window", "", 0)
	if got := s.Refusals(1)[0]; got.Reason != dnsfilter.ToolRefused || got.Tool != "TeamViewer" {
		t.Errorf("%+v", got)
	}
	d, err := s.Explain(t.Context(), "help.example", loopback)
	if err != nil || d.Action != dnsfilter.Refuse || d.Tool != "TeamViewer" || d.Via != "router1.teamviewer.com" {
		t.Errorf("%+v, %v", d, err)
	}
	s.Set(p)
	if d, err = s.Explain(t.Context(), "help.example", loopback); err != nil || d.Action != dnsfilter.Forward || !d.Granted || d.Tool != "TeamViewer" {
		t.Errorf("%+v, %v", d, err)
	}
	rec.want(t, "an explanation", "", 0)
}

// What cannot be let through in time is not answered, and said once a minute.
func TestAdmitFails(t *testing.T) {
	r, rec := gatedZone(), &recorder{}
	var mu sync.Mutex
	var reports []error
	report := func(err error) { mu.Lock(); reports = append(reports, err); mu.Unlock() }
	s, addr := startWith(t, Options{Upstream: r.serve(t), Admitter: rec, Report: report}, gatedPolicy(t))
	for what, set := range map[string]func(){
		"failing": func() { rec.set(errors.New("no room"), 0) },
		"slow":    func() { rec.set(nil, 300*time.Millisecond) },
	} {
		set()
		for _, network := range []string{"udp", "tcp"} {
			began := time.Now()
			m := over(t, network, addr, ask("www.example.", dns.TypeA))
			code, text, _ := ede(m)
			if took := time.Since(began); m.Rcode != dns.RcodeServerFailure || len(m.Answer) != 0 ||
				code != dns.ExtendedErrorCodeNotReady || text == "" || took > 250*time.Millisecond {
				t.Errorf("%s, %s, after %v: %v", what, network, took, m)
			}
		}
	}
	// Others are answered at once meanwhile, and so is the client afterwards.
	if m := from(t, "127.0.0.2", "udp", addr, ask("www.example.", dns.TypeA)); len(m.Answer) != 3 {
		t.Errorf("%v", m)
	}
	rec.set(nil, 0)
	if m := over(t, "udp", addr, ask("www.example.", dns.TypeA)); len(m.Answer) != 3 {
		t.Errorf("%v", m)
	}
	waitFor(t, func() bool { return s.holding.size() == 0 })
	mu.Lock()
	defer mu.Unlock()
	if st := s.Stats(); st.Held != 5 || st.Unadmitted != 4 || len(reports) != 1 || !strings.Contains(reports[0].Error(), "127.0.0.1") {
		t.Errorf("%+v, reports %v", st, reports)
	}
}

// The time an answer may be held, to the millisecond; and a panic costs one
// answer, not the server.
func TestHoldTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, rec := gatedZone(), &recorder{}
		s := bench(t, r)
		defer settle(s)
		s.o.Admitter = rec
		p := gatedPolicy(t)
		p.Answered[netip.MustParseAddr("192.168.10.20")] = true
		s.Set(p)
		for _, c := range []struct{ wait, took time.Duration }{
			{0, 0}, {19 * time.Millisecond, 19 * time.Millisecond}, {21 * time.Millisecond, holdFor}, {time.Hour, holdFor},
		} {
			rec.set(nil, c.wait)
			began := time.Now()
			m := put(t, s, ask("www.example.", dns.TypeA))
			if took := time.Since(began); took != c.took || (m.Rcode == 0) != (c.wait < holdFor) || (len(m.Answer) == 3) != (c.wait < holdFor) {
				t.Errorf("%v: after %v: %v", c.wait, took, m)
			}
		}
		rec.set(nil, 0)
		rec.panic = true
		if m := put(t, s, ask("www.example.", dns.TypeA)); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("%v", m)
		}
		time.Sleep(2 * time.Hour)
		if st := s.Stats(); st.Panics != 1 || st.Held != 5 || st.Unadmitted != 3 || s.holding.size() != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// An address is let through for as long as the answer says at that moment:
// what is left of it from memory, half a minute when it is stale.
func TestAdmitTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, rec := gatedZone(), &recorder{}
		s := bench(t, r)
		defer settle(s)
		s.o.Admitter = rec
		p := gatedPolicy(t)
		p.Answered = map[netip.Addr]bool{netip.MustParseAddr("192.168.10.20"): true}
		s.Set(p)
		const chain = "192.168.10.20  [203.0.113.1 203.0.113.2]"
		put(t, s, ask("chain.example.", dns.TypeA))
		rec.want(t, "new", chain, 300*time.Second+grace)
		time.Sleep(100 * time.Second)
		put(t, s, ask("chain.example.", dns.TypeA))
		rec.want(t, "remembered", chain, 200*time.Second+grace)
		r.kill(true)
		time.Sleep(time.Hour)
		m := put(t, s, ask("chain.example.", dns.TypeA))
		if code, _, _ := ede(m); code != dns.ExtendedErrorCodeStaleAnswer {
			t.Errorf("%v", m)
		}
		rec.want(t, "stale", chain, staleTTL*time.Second+grace)
		rec.set(errors.New("no room"), 0)
		if m := put(t, s, ask("chain.example.", dns.TypeA)); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("stale and not let through: %v", m)
		}
	})
}

// A name nobody should have so many addresses for fills no set; an answer cut
// off for its length lets nothing through until it is fetched whole.
func TestAdmitBounds(t *testing.T) {
	r, rec := newResolver(), &recorder{}
	for name, n := range map[string]int{"many.example.": maxAdmitted, "toomany.example.": maxAdmitted + 1} {
		var records []string
		for i := range n {
			records = append(records, fmt.Sprintf("%s 300 IN AAAA 2001:db8:ffff::%x", name, i+1))
		}
		r.set(name, records...)
	}
	s, addr := startWith(t, Options{Upstream: r.serve(t), Admitter: rec}, gatedPolicy(t))
	if m := over(t, "udp", addr, ask("many.example.", dns.TypeAAAA)); !m.Truncated || len(rec.take()) != 0 {
		t.Errorf("%v", m)
	}
	if m := over(t, "tcp", addr, ask("many.example.", dns.TypeAAAA)); len(m.Answer) != maxAdmitted {
		t.Errorf("%v", m)
	}
	if got := rec.take(); len(got) != 1 || len(got[0].addrs) != maxAdmitted {
		t.Errorf("%v", got)
	}
	if m := over(t, "tcp", addr, ask("toomany.example.", dns.TypeAAAA)); m.Rcode != dns.RcodeServerFailure || len(rec.take()) != 0 {
		t.Errorf("%v", m)
	}
	// One client cannot hold up everything.
	for range maxEach {
		s.holding.enter(loopback)
	}
	if m := over(t, "tcp", addr, ask("many.example.", dns.TypeAAAA)); m.Rcode != dns.RcodeServerFailure || len(rec.take()) != 0 {
		t.Errorf("%v", m)
	}
}

// A window that ends while the question is on its way outside ends for its
// answer, too; one that opens, opens.
func TestWindowEndsOnTheWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, rec := gatedZone(), &recorder{}
		r.wait = time.Second
		s := bench(t, r)
		defer settle(s)
		s.o.Admitter = rec
		open, shut := gatedPolicy(t), gatedPolicy(t)
		open.Granted = map[netip.Addr][]string{netip.MustParseAddr("192.168.10.20"): {"TeamViewer"}}
		s.Set(open)
		go func() { time.Sleep(500 * time.Millisecond); s.Set(shut) }()
		if m := put(t, s, ask("router1.teamviewer.com.", dns.TypeA)); m.Answer[0].(*dns.A).A.String() != "0.0.0.0" {
			t.Errorf("%v", m)
		}
		rec.want(t, "ended", "", 0)
		go func() { time.Sleep(500 * time.Millisecond); s.Set(open) }()
		if m := put(t, s, ask("help.example.", dns.TypeA)); len(m.Answer) != 2 {
			t.Errorf("%v", m)
		}
		rec.want(t, "opened", "192.168.10.20 TeamViewer [203.0.113.50]", time.Minute+grace)
	})
}

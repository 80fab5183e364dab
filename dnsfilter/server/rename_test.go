package server

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/dnsfilter/list"
	"monban/dnsfilter/upstream"
)

// searchZone has the common entrances of some engines, and the safe ones.
func searchZone() *resolver {
	r := newResolver()
	r.set("www.google.co.jp.", "www.google.co.jp. 300 IN A 203.0.113.1", "www.google.co.jp. 300 IN HTTPS 1 . alpn=h3 ipv4hint=203.0.113.1")
	r.set("forcesafesearch.google.com.", "forcesafesearch.google.com. 300 IN A 203.0.113.120", "forcesafesearch.google.com. 300 IN AAAA 2001:db8:ffff::120")
	r.set("www.bing.com.", "www.bing.com. 300 IN A 203.0.113.2")
	r.set("strict.bing.com.", "strict.bing.com. 300 IN CNAME edge.example.")
	r.set("edge.example.", "edge.example. 30 IN A 203.0.113.121", "edge.example. 30 IN A 203.0.113.122")
	r.set("duckduckgo.com.", "duckduckgo.com. 300 IN A 203.0.113.3", "duckduckgo.com. 300 IN MX 10 mail.duckduckgo.com.")
	return r
}

func safely(t testing.TB, safe dnsfilter.SafeSearch, refused ...string) *dnsfilter.Policy {
	t.Helper()
	p := policy(t, refused...)
	p.Groups = []dnsfilter.Group{{Name: "desks", Lists: list.All, Safe: safe}}
	return p
}

// said is an answer in short.
func said(m *dns.Msg) string {
	var out []string
	for _, rr := range m.Answer {
		f := strings.Fields(rr.String())
		out = append(out, f[0]+" "+strings.Join(f[3:], " "))
	}
	return fmt.Sprint(dns.RcodeToString[m.Rcode], " ", strings.Join(out, ", "))
}

func TestSafeSearch(t *testing.T) {
	r := searchZone()
	r.names["safe.duckduckgo.com."] = dns.RcodeNameError
	s, addr := startWith(t, Options{Upstream: r.serve(t)}, safely(t, dnsfilter.SafeStrict))
	for _, network := range []string{"udp", "tcp"} {
		for range 2 { // asked outside, then remembered
			for _, c := range []struct {
				name string
				typ  uint16
				want string
			}{
				{"wWw.Google.co.jp.", dns.TypeA, "NOERROR wWw.Google.co.jp. CNAME forcesafesearch.google.com., forcesafesearch.google.com. A 203.0.113.120"},
				{"www.google.co.jp.", dns.TypeAAAA, "NOERROR www.google.co.jp. CNAME forcesafesearch.google.com., forcesafesearch.google.com. AAAA 2001:db8:ffff::120"},
				{"www.google.co.jp.", dns.TypeCNAME, "NOERROR www.google.co.jp. CNAME forcesafesearch.google.com."},
				{"www.google.co.jp.", dns.TypeHTTPS, "NOERROR "},
				{"www.google.co.jp.", dns.TypeSVCB, "NOERROR "},
				{"www.bing.com.", dns.TypeA, "NOERROR www.bing.com. CNAME strict.bing.com., strict.bing.com. A 203.0.113.121, strict.bing.com. A 203.0.113.122"},
				{"www.bing.com.", dns.TypeAAAA, "NOERROR www.bing.com. CNAME strict.bing.com."},
				{"duckduckgo.com.", dns.TypeA, "NXDOMAIN duckduckgo.com. CNAME safe.duckduckgo.com."},
				{"duckduckgo.com.", dns.TypeMX, "NOERROR duckduckgo.com. MX 10 mail.duckduckgo.com."},
			} {
				m := over(t, network, addr, ask(c.name, c.typ))
				if got := said(m); got != c.want {
					t.Errorf("%s %s: %s, want %s", network, c.name, got, c.want)
				}
				if len(m.Answer) < 2 && c.typ != dns.TypeCNAME && c.typ != dns.TypeMX && (len(m.Ns) != 1 || m.Ns[0].Header().Ttl > 60) {
					t.Errorf("%s %d is no whole negative answer: %v", c.name, c.typ, m)
				}
				for _, rr := range m.Answer {
					if ttl := rr.Header().Ttl; rr.Header().Rrtype == dns.TypeCNAME && ttl != homeTTL || ttl == 0 {
						t.Errorf("%s may be kept for %d s", rr.Header().Name, ttl)
					}
				}
				if m.IsEdns0() == nil || !m.RecursionAvailable || m.Question[0].Name != c.name {
					t.Errorf("%v", m)
				}
			}
		}
	}
	r.mu.Lock()
	asked := map[string]int{}
	for _, q := range r.asked {
		asked[strings.ToLower(q.Question[0].Name)]++
	}
	r.mu.Unlock()
	if asked["www.google.co.jp."] != 0 || asked["www.bing.com."] != 0 || asked["forcesafesearch.google.com."] != 2 || asked["strict.bing.com."] != 2 {
		t.Errorf("asked outside: %v", asked)
	}
	d, err := s.Explain(context.Background(), "www.google.co.jp", loopback)
	if err != nil || d.Action != dnsfilter.Rename || d.Reason != dnsfilter.Safe || d.Host != "forcesafesearch.google.com" || d.Group != "desks" {
		t.Errorf("%+v, %v", d, err)
	}
	// The other entrance of YouTube, and none at all in a pause: at once, cache or not.
	p := safely(t, dnsfilter.SafeModerate)
	s.Set(p)
	if m := over(t, "udp", addr, ask("www.youtube.com.", dns.TypeCNAME)); said(m) != "NOERROR www.youtube.com. CNAME restrictmoderate.youtube.com." {
		t.Error(said(m))
	}
	p = safely(t, dnsfilter.SafeStrict)
	p.Groups[0].Paused = true
	s.Set(p)
	if m := over(t, "udp", addr, ask("www.bing.com.", dns.TypeA)); said(m) != "NOERROR www.bing.com. A 203.0.113.2" {
		t.Error(said(m))
	}
}

// Without the safe entrance there is none: an outage is no way around it.
func TestSafeSearchFailsSafely(t *testing.T) {
	r := searchZone()
	r.set("strict.bing.com.", "strict.bing.com. 300 IN A 192.168.10.9")
	s, addr := startWith(t, Options{Upstream: r.serve(t)}, safely(t, dnsfilter.SafeStrict))
	if m := over(t, "udp", addr, ask("www.bing.com.", dns.TypeA)); said(m) != "NOERROR www.bing.com. A 0.0.0.0" {
		t.Errorf("an entrance that leads inside: %s", said(m))
	}
	s.Set(safely(t, dnsfilter.SafeStrict, "forcesafesearch.google.com"))
	if m := over(t, "udp", addr, ask("www.google.co.jp.", dns.TypeA)); said(m) != "NOERROR www.google.co.jp. A 0.0.0.0" || s.Refusals(1)[0].Via != "forcesafesearch.google.com" {
		t.Errorf("an entrance that a list refuses: %s", said(m))
	}
	if d, err := s.Explain(context.Background(), "www.google.co.jp", loopback); err != nil || d.Action != dnsfilter.Refuse || d.Via != "forcesafesearch.google.com" {
		t.Errorf("%+v, %v", d, err)
	}
	r.kill(true)
	m := over(t, "udp", addr, ask("wwW.youtube.com.", dns.TypeA))
	if m.Rcode != dns.RcodeServerFailure || len(m.Answer) != 0 || m.Question[0].Name != "wwW.youtube.com." {
		t.Errorf("nobody answers: %v", m)
	}
}

// A slow upstream says when it is asked, and answers when it is let.
type slow struct {
	*resolver
	began chan string
	next  chan struct{}
}

func (u *slow) Exchange(ctx context.Context, q upstream.Question) (*dns.Msg, error) {
	u.began <- q.Name
	<-u.next
	return u.resolver.Exchange(ctx, q)
}

// The policy that is in force when the answer comes counts for it, not the one
// that was when it was asked for.
func TestSafeSearchChangesInFlight(t *testing.T) {
	u := &slow{searchZone(), make(chan string), make(chan struct{})}
	free, strict := safely(t, dnsfilter.SafeOff), safely(t, dnsfilter.SafeStrict)
	s, addr := startWith(t, Options{Upstream: u}, strict)
	for _, c := range []struct {
		before, after *dnsfilter.Policy
		name, want    string
	}{
		{strict, free, "www.google.co.jp.", "NOERROR www.google.co.jp. A 203.0.113.1"},
		{free, strict, "www.bing.com.", "NOERROR www.bing.com. CNAME strict.bing.com., strict.bing.com. A 203.0.113.121, strict.bing.com. A 203.0.113.122"},
	} {
		s.Set(c.before)
		got := make(chan string)
		go func() { got <- said(over(t, "udp", addr, ask(c.name, dns.TypeA))) }()
		first := <-u.began
		s.Set(c.after)
		u.next <- struct{}{}
		second := <-u.began
		u.next <- struct{}{}
		if g := <-got; g != c.want || first == second {
			t.Errorf("%s, then %s: %s, want %s", first, second, g, c.want)
		}
	}
}

// A device that reaches only what it was answered reaches the safe entrance.
func TestSafeSearchAdmits(t *testing.T) {
	p, rec := safely(t, dnsfilter.SafeStrict), &recorder{}
	p.Answered = map[netip.Addr]bool{loopback: true}
	_, addr := startWith(t, Options{Upstream: searchZone(), Admitter: rec}, p)
	for range 2 {
		if m := over(t, "udp", addr, ask("www.bing.com.", dns.TypeA)); len(m.Answer) != 3 {
			t.Fatalf("%v", m)
		}
		all := rec.take()
		if len(all) != 1 || all[0].client != loopback || !slices.Equal(all[0].addrs, []netip.Addr{netip.MustParseAddr("203.0.113.121"), netip.MustParseAddr("203.0.113.122")}) || all[0].ttl < grace+25*time.Second {
			t.Errorf("%+v", all)
		}
	}
}

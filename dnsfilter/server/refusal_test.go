package server

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"monban/dnsfilter"
)

// A refused name is answered as the policy says, the same for every type, with
// why, and for a minute only.
func TestRefusalStyles(t *testing.T) {
	s := bench(t, newResolver(), "ads.example")
	defer settle(s)
	four, six := netip.MustParseAddr("192.168.10.1"), netip.MustParseAddr("fd00::1")
	for _, c := range []struct {
		what      string
		as        *dnsfilter.Refusal
		name      string
		typ       uint16
		rcode     int
		want, soa string
		code      uint16
	}{
		{"default", nil, "ads.example.", dns.TypeA, 0, "0.0.0.0", "", 15},
		{"default", nil, "ads.example.", dns.TypeAAAA, 0, "::", "", 15},
		{"default", nil, "Ads.example.", dns.TypeHTTPS, 0, "", "Ads.example.", 15},
		{"zero", &dnsfilter.Refusal{}, "ads.example.", dns.TypeA, 0, "0.0.0.0", "", 15},
		{"no name", &dnsfilter.Refusal{NoName: true}, "ads.example.", dns.TypeA, dns.RcodeNameError, "", "example.", 15},
		{"no name", &dnsfilter.Refusal{NoName: true}, "ads.example.", dns.TypeHTTPS, dns.RcodeNameError, "", "example.", 15},
		{"no name", &dnsfilter.Refusal{NoName: true}, "x.bad.example.", dns.TypeMX, dns.RcodeNameError, "", "bad.example.", 17},
		{"page", &dnsfilter.Refusal{Page4: four, Page6: six}, "ads.example.", dns.TypeA, 0, "192.168.10.1", "", 15},
		{"page", &dnsfilter.Refusal{Page4: four, Page6: six}, "ads.example.", dns.TypeAAAA, 0, "fd00::1", "", 15},
		{"page", &dnsfilter.Refusal{Page4: four, Page6: six}, "bad.example.", dns.TypeAAAA, 0, "fd00::1", "", 17},
		{"page", &dnsfilter.Refusal{Page4: four, Page6: six}, "ads.example.", dns.TypeHTTPS, 0, "", "ads.example.", 15},
		{"page in IPv4", &dnsfilter.Refusal{Page4: four}, "ads.example.", dns.TypeAAAA, 0, "", "ads.example.", 15},
		{"page in IPv4", &dnsfilter.Refusal{Page4: four}, "ads.example.", dns.TypeA, 0, "192.168.10.1", "", 15},
	} {
		p := policy(t, "ads.example")
		p.Denied, p.Refusal = dnsfilter.Names{"bad.example": true}, c.as
		s.Set(p)
		m := put(t, s, ask(c.name, c.typ))
		var got, soa string
		for _, rr := range append(m.Answer, m.Ns...) {
			switch rr := rr.(type) {
			case *dns.A:
				got = rr.A.String()
			case *dns.AAAA:
				got = rr.AAAA.String()
			case *dns.SOA:
				soa = rr.Hdr.Name
			}
			if rr.Header().Ttl != homeTTL {
				t.Errorf("%s: %v", c.what, rr)
			}
		}
		code, _, ok := ede(m)
		if m.Rcode != c.rcode || got != c.want || soa != c.soa || !ok || code != c.code {
			t.Errorf("%s, %s %s: %v", c.what, c.name, dns.Type(c.typ), m)
		}
	}
}

// However it is answered, a refusal of a name of one label stays a message.
func TestRefusedTopLevel(t *testing.T) {
	s := bench(t, newResolver())
	defer settle(s)
	s.Set(&dnsfilter.Policy{Denied: dnsfilter.Names{"zip": true}, Refusal: &dnsfilter.Refusal{NoName: true}})
	if m := put(t, s, ask("zip.", dns.TypeA)); m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 || m.Ns[0].Header().Name != "." {
		t.Error(m)
	}
}

package upstream

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// A host has the addresses of both families that its answer holds, at the end
// of its aliases too; one without any is an error.
func TestAddresses(t *testing.T) {
	f := serve(t, func(q *dns.Msg, _ bool) [][]byte {
		m := new(dns.Msg).SetReply(q)
		name := q.Question[0].Name
		add := func(format string, args ...any) {
			rr, err := dns.NewRR(fmt.Sprintf(format, args...))
			if err != nil {
				t.Error(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		switch {
		case dns.IsSubDomain("none.example.", name):
			m.Rcode = dns.RcodeNameError
		case q.Question[0].Qtype == dns.TypeA && dns.IsSubDomain("many.example.", name):
			for i := range 20 {
				add("%s 60 IN A 192.0.2.%d", name, i)
			}
		case q.Question[0].Qtype == dns.TypeA:
			add("%s 60 IN CNAME cdn.example.", name)
			add("cdn.example. 60 IN A 192.0.2.1")
		case dns.IsSubDomain("lists.example.", name):
			add("%s 60 IN AAAA 2001:db8::1", name)
		}
		return one(m)
	})
	r, err := NewRouter(Routes{Servers: []Server{{Addr: f.addr}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Addresses(t.Context(), "lists.example")
	if want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}; err != nil || !slices.Equal(got, want) {
		t.Error(got, err)
	}
	if got, err := r.Addresses(t.Context(), "none.example"); err == nil || len(got) != 0 {
		t.Error(got, err)
	}
	if got, err := r.Addresses(t.Context(), "many.example"); err != nil || len(got) != maxAddresses {
		t.Error(got, err)
	}
}

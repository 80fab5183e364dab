package server

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
)

// A teller answers everything, with EDNS options that nobody asked for.
type teller struct {
	mu   sync.Mutex
	seen []dns.EDNS0 // options of questions
}

func (o *teller) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	o.mu.Lock()
	if opt := q.IsEdns0(); opt != nil {
		o.seen = append(o.seen, opt.Option...)
	}
	o.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(q)
	m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300}, A: net.IPv4(203, 0, 113, 1)}}
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{subnet("198.51.100.0", 24), &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "aabb"}}
	w.WriteMsg(m)
}

func subnet(addr string, bits uint8) *dns.EDNS0_SUBNET {
	return &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: bits, Address: net.ParseIP(addr)}
}

// Where in the house a question comes from is told to nobody outside, whatever
// the program that asks wants to tell; and what an upstream says of subnets, or
// of itself, reaches no client: an answer is remembered for all of them
// (RFC 7871 sections 7.1.2 and 7.2.1).
func TestSubnetStaysInside(t *testing.T) {
	conns, listeners, err := Listen(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer listeners[0].Close()
	var out teller
	srv := &dns.Server{PacketConn: conns[0], Handler: &out}
	go srv.ActivateAndServe()
	defer srv.Shutdown()
	u, err := upstream.New(upstream.Options{Cookies: true, MixCase: true, Servers: []upstream.Server{
		{Addr: netip.MustParseAddrPort(conns[0].LocalAddr().String())}}})
	if err != nil {
		t.Fatal(err)
	}
	_, addr := start(t, u)
	for _, network := range []string{"udp", "tcp"} {
		q := ask("www."+network+".example.", dns.TypeA)
		q.IsEdns0().Option = []dns.EDNS0{subnet("192.168.10.0", 24), &dns.EDNS0_NSID{Code: dns.EDNS0NSID},
			&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("00:00:5e:00:53:01")}} // as some routers tell of their devices
		for range 2 { // asked outside, then remembered
			m := over(t, network, addr, q)
			if len(m.Answer) != 1 || len(m.IsEdns0().Option) != 0 {
				t.Errorf("%v", m)
			}
		}
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if len(out.seen) != 2 {
		t.Errorf("%d options in two questions", len(out.seen))
	}
	for _, o := range out.seen {
		if o.Option() != dns.EDNS0COOKIE {
			t.Errorf("outside heard %v", o)
		}
	}
}

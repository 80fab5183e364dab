package lab

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// zone is everything the lab's resolvers know, in zone-file form. The blocked
// name exists: that it is not answered inside is the gateway's doing.
const zone = `
$ORIGIN lab.example.
$TTL 300
@        SOA   ns.lab.example. hostmaster.lab.example. 1 3600 600 86400 30
@        NS    ns.lab.example.
ns       A     198.51.100.153
ns       AAAA  2001:db8:0:4::153
www      A     198.51.100.130
www      AAAA  2001:db8:0:4::130
blocked  A     198.51.100.130
blocked  AAAA  2001:db8:0:4::130
cloaked  CNAME blocked.lab.example.
alias    CNAME www.lab.example.
short    1 A   198.51.100.130
rebind   A     192.168.10.31
rebind   AAAA  fdc1:1c:10::31
router15.teamviewer.com. A    198.51.100.140
router15.teamviewer.com. AAAA 2001:db8:0:4::140
update.rececom.example. A    198.51.100.10
update.rececom.example. AAAA 2001:db8:0:2::10
`

// records parses the zone and adds a text too big for a datagram, and who the
// resolver is, so that a test sees which one answered.
func records(who string) (map[string][]dns.RR, dns.RR) {
	all := map[string][]dns.RR{}
	var soa dns.RR
	add := func(rr dns.RR) { all[rr.Header().Name] = append(all[rr.Header().Name], rr) }
	zp := dns.NewZoneParser(strings.NewReader(zone), "lab.example.", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if rr.Header().Rrtype == dns.TypeSOA {
			soa = rr
		}
		add(rr)
	}
	text := func(name string, lines ...string) {
		add(&dns.TXT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 300}, Txt: lines})
	}
	text("whoami.lab.example.", who)
	var big []string
	for i := range 24 {
		big = append(big, fmt.Sprintf("%02d", i)+strings.Repeat("x", 198))
	}
	text("big.lab.example.", big...)
	return all, soa
}

// resolver answers from the zone; what is not in it does not exist.
func resolver(who string) dns.Handler {
	all, soa := records(who)
	return dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.RecursionAvailable = true
		if len(q.Question) == 1 {
			fill(m, all, soa)
		} else {
			m.Rcode = dns.RcodeFormatError
		}
		size := dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = max(size, int(o.UDPSize()))
			m.SetEdns0(1232, o.Do())
		}
		if w.LocalAddr().Network() == "tcp" {
			size = dns.MaxMsgSize
		}
		m.Truncate(size)
		_ = w.WriteMsg(m) // the asker may be gone
	})
}

func fill(m *dns.Msg, all map[string][]dns.RR, soa dns.RR) {
	name, qtype := strings.ToLower(m.Question[0].Name), m.Question[0].Qtype
	for range 8 { // as many aliases as a resolver would follow
		rrs, ok := all[name]
		if !ok {
			m.Rcode = dns.RcodeNameError
			break
		}
		next := ""
		found := false
		for _, rr := range rrs {
			if c, ok := rr.(*dns.CNAME); ok && qtype != dns.TypeCNAME {
				next = c.Target
				m.Answer = append(m.Answer, rr)
			} else if rr.Header().Rrtype == qtype {
				found = true
				m.Answer = append(m.Answer, rr)
			}
		}
		if found {
			return
		}
		if next == "" {
			break
		}
		name = next
	}
	m.Ns = append(m.Ns, soa)
}

func resolverUDP(c *net.UDPConn, who string) func(context.Context) error {
	return serveDNS(&dns.Server{PacketConn: c, Handler: resolver(who)})
}

func resolverTCP(l net.Listener, who string) func(context.Context) error {
	return serveDNS(&dns.Server{Listener: l, Handler: resolver(who)})
}

func serveDNS(s *dns.Server) func(context.Context) error {
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = s.Shutdown() })
		defer stop()
		if err := s.ActivateAndServe(); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	}
}

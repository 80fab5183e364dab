package server

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Whatever an upstream answers to whatever question, nothing reaches the client
// that the filter has not seen: every address in what goes out, and every name
// it leads to, is among what is judged; and every record was in the answer that
// came in.
func FuzzUpstream(f *testing.F) {
	out := outside(f)
	for _, c := range corpus(f) {
		var q dns.Msg
		if q.Unpack(c.packet) != nil || len(q.Question) != 1 {
			continue
		}
		if packed, err := out.reply(&q).Pack(); err == nil {
			f.Add(packed, true)
			f.Add(packed, false)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, do bool) {
		var m dns.Msg
		if m.Unpack(raw) != nil || len(m.Question) != 1 {
			return
		}
		query := new(dns.Msg).SetQuestion(m.Question[0].Name, m.Question[0].Qtype)
		query.SetEdns0(1232, do)
		packet, err := query.Pack()
		var q question
		if err != nil || q.read(packet) != proper {
			return
		}
		e, err := tidy(m.Copy(), &q)
		if err != nil {
			return
		}
		judged(t, e, &m, parse(t, e.write(nil, &q, 0, false, 65535)))
	})
}

// judged wants what goes out, got, to be covered by what e says of itself.
func judged(t *testing.T, e *entry, came, got *dns.Msg) {
	t.Helper()
	for _, rr := range got.Answer {
		if !slices.ContainsFunc(came.Answer, func(was dns.RR) bool { return sameKind(was, rr) }) {
			t.Fatalf("nobody said %v", rr)
		}
		var addrs [][]byte
		var names []string
		switch rr := rr.(type) {
		case *dns.A:
			addrs = append(addrs, rr.A)
		case *dns.AAAA:
			addrs = append(addrs, rr.AAAA)
		case *dns.CNAME:
			if came.Question[0].Qtype != dns.TypeCNAME {
				names = append(names, rr.Target)
			}
		case *dns.HTTPS:
			names, addrs = service(&rr.SVCB)
		case *dns.SVCB:
			names, addrs = service(rr)
		}
		for _, b := range addrs {
			if a, ok := netip.AddrFromSlice(b); ok && !slices.Contains(e.addrs, a.Unmap()) {
				t.Fatalf("%v goes out and was not judged: %v", a, rr)
			}
		}
		for _, name := range names {
			name = strings.TrimSuffix(strings.ToLower(name), ".")
			if name != "" && !strings.EqualFold(name+".", came.Question[0].Name) && !slices.Contains(e.aliases, name) {
				t.Fatalf("%s goes out and was not judged: %v", name, rr)
			}
		}
	}
}

// sameKind says whether two records have one owner and type: what is taken out
// of one on the way does not count.
func sameKind(a, b dns.RR) bool {
	return a.Header().Rrtype == b.Header().Rrtype && strings.EqualFold(a.Header().Name, b.Header().Name)
}

func service(rr *dns.SVCB) (names []string, addrs [][]byte) {
	for _, kv := range rr.Value {
		switch kv := kv.(type) {
		case *dns.SVCBIPv4Hint:
			for _, a := range kv.Hint {
				addrs = append(addrs, a)
			}
		case *dns.SVCBIPv6Hint:
			for _, a := range kv.Hint {
				addrs = append(addrs, a)
			}
		}
	}
	return []string{rr.Target}, addrs
}

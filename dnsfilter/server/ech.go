package server

import (
	"slices"

	"github.com/miekg/dns"
)

// openHello takes the keys for an encrypted hello (parameter "ech", RFC 9848)
// out of the service records among rrs, so that the name a browser connects to
// stays in sight, and leaves all other parameters as they are. The signatures
// of a set that was changed go with it: they hold no more (ADR 0011). changed
// says that anything was.
func openHello(rrs []dns.RR) (out []dns.RR, changed bool) {
	type set struct {
		owner string
		typ   uint16
	}
	var open []set
	for _, rr := range rrs {
		var s *dns.SVCB
		switch rr := rr.(type) {
		case *dns.HTTPS:
			s = &rr.SVCB
		case *dns.SVCB:
			s = rr
		}
		if s != nil && withoutHello(s) {
			open = append(open, set{lower(s.Hdr.Name), s.Hdr.Rrtype})
		}
	}
	if open == nil {
		return rrs, false
	}
	return slices.DeleteFunc(rrs, func(rr dns.RR) bool {
		sig, ok := rr.(*dns.RRSIG)
		return ok && slices.Contains(open, set{lower(sig.Hdr.Name), sig.TypeCovered})
	}), true
}

// withoutHello takes ech out of s and says whether there was any. A key that
// is mandatory must be there (RFC 9460 section 8), and so must a key of the
// list of mandatory ones.
func withoutHello(s *dns.SVCB) bool {
	is := func(kv dns.SVCBKeyValue) bool { return kv.Key() == dns.SVCB_ECHCONFIG }
	if !slices.ContainsFunc(s.Value, is) {
		return false
	}
	s.Value = slices.DeleteFunc(s.Value, func(kv dns.SVCBKeyValue) bool {
		if m, ok := kv.(*dns.SVCBMandatory); ok {
			m.Code = slices.DeleteFunc(m.Code, func(k dns.SVCBKey) bool { return k == dns.SVCB_ECHCONFIG })
			return len(m.Code) == 0
		}
		return is(kv)
	})
	return true
}

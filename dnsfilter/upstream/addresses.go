package upstream

import (
	"context"
	"errors"
	"net/netip"

	"github.com/miekg/dns"
)

// maxAddresses is how many addresses of one family a host is believed to have.
const maxAddresses = 8

// Addresses asks for the addresses of a host as the box itself, IPv4 ones
// first. It is an error if there are none.
func (t *Router) Addresses(ctx context.Context, host string) (all []netip.Addr, err error) {
	var failed error
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m, err := t.Exchange(ctx, Question{Name: dns.Fqdn(host), Type: kind})
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		n := 0
		for _, rr := range m.Answer {
			var a netip.Addr
			switch r := rr.(type) {
			case *dns.A:
				a, _ = netip.AddrFromSlice(r.A.To4())
			case *dns.AAAA:
				a, _ = netip.AddrFromSlice(r.AAAA)
			}
			if n < maxAddresses && a.IsValid() {
				all = append(all, a)
				n++
			}
		}
	}
	if len(all) == 0 && failed == nil {
		failed = errors.New("no addresses for " + host)
	}
	if len(all) > 0 {
		failed = nil
	}
	return all, failed
}

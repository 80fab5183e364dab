package server

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/gateway/text"
)

// Explain says what becomes of a question of client for name, and why. The
// zero client stands for any. A name that only its answer can get refused (an
// alias on a list, a private address) is asked outside unless the answer is
// at hand; when nobody answers, what is known without is returned. What is no
// name gives a *text.Fault.
func (s *Server) Explain(ctx context.Context, name string, client netip.Addr) (dnsfilter.Decision, error) {
	typed := name
	name, err := dnsfilter.Canonical(name)
	if err != nil {
		return dnsfilter.Decision{}, text.NewFault("dns.bad_name", "name", typed).On("name")
	}
	p := s.policy.Load()
	if p == nil {
		return dnsfilter.Decision{Reason: dnsfilter.Unready}, nil
	}
	at := s.wall(time.Now())
	d := p.Decide(dnsfilter.Ask{Client: client, Name: name, At: at})
	if d.Action != dnsfilter.Forward {
		return d, nil
	}
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		e, err := s.recall(ctx, name, typ)
		if err != nil {
			continue
		}
		j := p.Judge(dnsfilter.Ask{Client: client, Name: name, Type: typ, At: at}, e.aliases, e.addrs)
		if j.Action != dnsfilter.Forward {
			return j, nil
		}
		if d.Tool == "" && j.Tool != "" {
			d.Tool, d.Class, d.Granted, d.Via = j.Tool, j.Class, j.Granted, j.Via
		}
	}
	return d, nil
}

// recall returns the answer at hand for name, else the upstream's.
func (s *Server) recall(ctx context.Context, name string, typ uint16) (*entry, error) {
	q := &question{typ: typ, class: dns.ClassINET, flags: bitRD}
	wire := append(wireName(strings.TrimSuffix(name, ".")), 0, 0, 0, 0)
	if q.readName(wire) == 0 {
		return nil, fmt.Errorf("reading name %q: too long", name)
	}
	if e := s.cache.get(q); e != nil && !e.failed {
		return e, nil
	}
	return s.fetch(ctx, q)
}

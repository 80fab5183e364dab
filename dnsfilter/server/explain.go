package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/gateway/text"
)

// What Explain may ask outside at a time: the page of a refused name explains it
// to anybody in the house, without a limit of questions.
const (
	maxCurious     = 16 // in all …
	maxCuriousEach = 4  // … and for one client
)

var errCurious = errors.New("too much is being explained")

// Explain says what becomes of a question of client for name, and why. The
// zero client stands for any. A name that only its answer can get refused (an
// alias on a list, a private address) is asked outside unless the answer is
// at hand; when nobody answers, or too much is being explained, what is known
// without is returned. What is no name gives a *text.Fault.
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
	if d.Action == dnsfilter.Rename { // a list may have where it leads
		if j := p.Judge(dnsfilter.Ask{Client: client, Name: name, At: at}, []string{d.Host}, nil); j.Action != dnsfilter.Forward {
			return j, nil
		}
	}
	if d.Action != dnsfilter.Forward {
		return d, nil
	}
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		e, err := s.recall(ctx, name, typ, client)
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

// recall returns the answer at hand for name as client gets it, else the
// upstream's.
func (s *Server) recall(ctx context.Context, name string, typ uint16, client netip.Addr) (*entry, error) {
	q := &question{typ: typ, class: dns.ClassINET, flags: bitRD}
	wire := append(wireName(strings.TrimSuffix(name, ".")), 0, 0, 0, 0)
	if q.readName(wire) == 0 {
		return nil, fmt.Errorf("reading name %q: too long", name)
	}
	out := s.uplink.Load()
	out.pick(q, client)
	if e := out.cache.get(q); e != nil && !e.failed {
		return e, nil
	}
	if !s.curious.enter(client) {
		return nil, errCurious
	}
	defer s.curious.leave(client)
	return s.fetch(ctx, out, q)
}

// Package upstream asks the resolvers outside.
//
// It believes no answer that does not fit its question, and keeps none: cache
// and filter are the business of package server.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"monban/gateway/text"
)

// A Question is what to ask. DO and CD are the bits of RFC 4035: send
// signatures, and do not check them.
type Question struct {
	Name   string // as package dns writes names, with the dot at the end
	Type   uint16
	DO, CD bool
}

// Options set up a Client.
type Options struct {
	Servers []netip.AddrPort // required; asked in this order until they show which is fast
	// Patience is how long one Exchange may take in all; 2.5 s if zero.
	Patience time.Duration
	// MixCase asks with random letter case and wants it back (the "0x20"
	// trick): more for a forger to guess.
	MixCase bool
}

// A Client asks upstream resolvers. It may be used by many goroutines.
type Client struct {
	servers  []*server
	patience time.Duration
	mixCase  bool
}

// ErrNoAnswer is wrapped by every error of Exchange that says nobody answered.
var ErrNoAnswer = errors.New("no upstream resolver answered")

// New returns a Client for o.
func New(o Options) (*Client, error) {
	if len(o.Servers) == 0 {
		return nil, text.NewFault("dns.no_upstream")
	}
	c := &Client{patience: o.Patience, mixCase: o.MixCase}
	if c.patience == 0 {
		c.patience = 2500 * time.Millisecond
	}
	for _, a := range o.Servers {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if !a.IsValid() || a.Port() == 0 || a.Addr().IsUnspecified() {
			return nil, text.NewFault("dns.bad_upstream", "address", a)
		}
		c.servers = append(c.servers, &server{addr: a})
	}
	return c, nil
}

// Exchange asks until one server answers, at most for the Client's patience or
// until ctx's deadline. The message is the server's with the name as asked;
// its code may be any, SERVFAIL too when no server had better.
func (c *Client) Exchange(ctx context.Context, q Question) (*dns.Msg, error) {
	end := time.Now().Add(c.patience)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	x := exchange{q: q, end: end, servers: c.order(), mixCase: c.mixCase}
	m, err := x.run(ctx)
	x.judge(err)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", q.Name, err)
	}
	return m, nil
}

// A State is how one server does.
type State struct {
	Addr    netip.AddrPort
	OK      bool
	Latency time.Duration // smoothed; 0: not asked yet
	Asked   uint64
	Failed  uint64 // questions it left unanswered
}

// Servers returns the state of each server in the configured order.
func (c *Client) Servers() []State {
	all := make([]State, len(c.servers))
	for i, s := range c.servers {
		all[i] = s.state()
	}
	return all
}

// OK says whether at least one server is not known to fail: one question that
// nobody can answer is no proof, several in a row are. Before the first
// question it is true.
func (c *Client) OK() bool {
	for _, s := range c.servers {
		if !s.down() {
			return true
		}
	}
	return false
}

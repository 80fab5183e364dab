// Package upstream asks the resolvers outside: over UDP and TCP, over TLS and
// over HTTPS.
//
// It believes no answer that does not fit its question, and keeps none: cache
// and filter are the business of package server. It resolves no names itself
// and needs no closing: a connection that nobody uses ends by itself.
package upstream

import (
	"context"
	"crypto/x509"
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

// MaxServers is how many servers one Client asks. Fail-over goes round all of
// them within a second, which leaves each the time for an answer.
const MaxServers = 8

// Options set up a Client.
type Options struct {
	Servers []Server // required, at most MaxServers; asked in this order until they show which is fast
	// Patience is how long one Exchange may take in all; 2.5 s if zero.
	Patience time.Duration
	// MixCase asks UDP servers with random letter case and wants it back (the
	// "0x20" trick): more for a forger to guess.
	MixCase bool
	Cookies bool           // DNS cookies (RFC 7873) for UDP servers, for the same reason
	Roots   *x509.CertPool // whom certificates are believed from; the system's if nil
}

// A Client asks upstream resolvers. It may be used by many goroutines.
type Client struct {
	peers    []*peer
	patience time.Duration
}

// ErrNoAnswer is wrapped by every error of Exchange that says nobody answered.
var ErrNoAnswer = errors.New("no upstream resolver answered")

// New returns a Client for o.
func New(o Options) (*Client, error) {
	if len(o.Servers) == 0 {
		return nil, text.NewFault("dns.no_upstream")
	}
	if len(o.Servers) > MaxServers {
		return nil, text.NewFault("upstream.too_many", "max", MaxServers)
	}
	c := &Client{patience: o.Patience}
	if c.patience == 0 {
		c.patience = 2500 * time.Millisecond
	}
	for _, s := range o.Servers {
		s.Addr = netip.AddrPortFrom(s.Addr.Addr().Unmap(), s.Addr.Port())
		if err := s.check(); err != nil {
			return nil, text.NewFault("dns.bad_upstream", "address", s).Because(err)
		}
		c.peers = append(c.peers, newPeer(s, o))
	}
	return c, nil
}

// Exchange asks until one server answers, at most for the Client's patience or
// until ctx's deadline. The message is the server's with the name as asked;
// its code may be any, SERVFAIL too when no server had better.
func (c *Client) Exchange(ctx context.Context, q Question) (*dns.Msg, error) {
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > c.patience {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.patience)
		defer cancel()
	}
	x := exchange{q: q, peers: c.order(q)}
	m, err := x.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", q.Name, err)
	}
	return m, nil
}

// A State is how one server does.
type State struct {
	Server  Server
	OK      bool
	Latency time.Duration // smoothed; 0: not asked yet
	Asked   uint64
	Failed  uint64 // questions it left unanswered
}

// Servers returns the state of each server in the configured order.
func (c *Client) Servers() []State {
	all := make([]State, len(c.peers))
	for i, p := range c.peers {
		all[i] = p.state()
	}
	return all
}

// Main are the servers asked, in the configured order.
func (c *Client) Main() []Server {
	all := make([]Server, len(c.peers))
	for i, p := range c.peers {
		all[i] = p.server
	}
	return all
}

// OK says whether at least one server is not known to fail: one question that
// nobody can answer is no proof, several in a row are. Before the first
// question it is true.
func (c *Client) OK() bool {
	for _, p := range c.peers {
		if !p.down() {
			return true
		}
	}
	return false
}

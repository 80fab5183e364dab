// Package server answers the questions of the house: from its own names, from
// what it remembers, from the resolvers outside, and with a refusal where the
// filter says so.
//
// It opens and owns no sockets, and decides nothing: the sockets are given,
// package dnsfilter decides, package upstream asks.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/dnsfilter/upstream"
	"monban/gateway/run"
)

// Upstream asks the resolvers outside; *upstream.Client does. OK says whether
// they are believed to answer at all.
type Upstream interface {
	Exchange(ctx context.Context, q upstream.Question) (*dns.Msg, error)
	OK() bool
}

// Options set up a Server.
type Options struct {
	// UDP and TCP are the sockets to serve; at least one. They stay the
	// caller's: Run stops reading and never closes them, so what arrives
	// meanwhile waits for the next reader. UDP sockets are *net.UDPConn,
	// listeners can SetDeadline.
	UDP []net.PacketConn
	TCP []net.Listener

	Upstream Upstream         // required; may be Zones, too
	Cache    int              // bytes of answers to keep; 8 MiB if zero
	Wall     func() time.Time // the time for schedules and records; time.Now if nil
	Refused  func(Refusal)    // optional; told of each refusal, must not block
	Report   func(error)      // optional; told of what went wrong inside
	// Seen is optional: told of names of remote-support tools that were asked
	// for, of each client, tool, class and outcome at most once a minute. It is
	// called by one goroutine of its own while Run runs; if it is slow, no
	// answer waits and sightings are lost.
	Seen func(ToolSeen)
	// Limit is how much one client may ask. Limited is optional: told of who
	// asked more, of each at most once an hour, by a goroutine of its own.
	Limit   Limit
	Limited func(Limited)
	// Admitter is optional: without one, answers to gated clients (see
	// Admitter) go out like all others.
	Admitter Admitter
	// Log is optional: the record of questions. It is the type itself, since
	// behind an interface each name would be allocated.
	Log *querylog.Log
}

// A Server is the name filter at work. Make one with New; it refuses to answer
// until it has a Policy.
type Server struct {
	o         Options
	sockets   []*udpSocket
	began     time.Time
	policy    atomic.Pointer[dnsfilter.Policy]
	uplink    atomic.Pointer[uplink]
	changing  sync.Mutex // of uplink
	flights   flights
	crew      chan *flight // taken by who rests from flying; nil: nobody rests
	resting   atomic.Int32
	refusals  ring
	counters  counters
	waiting   *quota // askers on flights
	holding   *quota // answers waiting for their addresses to be let through
	conns     *quota // TCP connections
	curious   *quota // questions that Explain asks outside
	seen      *sightings
	limit     *limiter     // nil: none
	complaint atomic.Int64 // when Report was last told of the Admitter, on the server's clock
	group     atomic.Pointer[run.Group]
}

// New returns a Server for o.
func New(o Options) (*Server, error) {
	if o.Upstream == nil {
		return nil, errors.New("making a DNS server: no upstream")
	}
	if len(o.UDP)+len(o.TCP) == 0 {
		return nil, errors.New("making a DNS server: no sockets")
	}
	if o.Cache == 0 {
		o.Cache = 8 << 20
	}
	s := newServer(o)
	s.crew = make(chan *flight)
	for _, c := range o.UDP {
		u, err := newUDPSocket(c, &s.counters)
		if err != nil {
			return nil, fmt.Errorf("making a DNS server: %w", err)
		}
		s.sockets = append(s.sockets, u)
	}
	for _, l := range o.TCP {
		if _, ok := l.(deadliner); !ok {
			return nil, fmt.Errorf("making a DNS server: no deadlines on a %T", l)
		}
	}
	return s, nil
}

// newServer returns a Server without its sockets.
func newServer(o Options) *Server {
	s := &Server{
		o: o, began: time.Now(),
		flights: flights{open: map[flightKey]*flight{}},
		waiting: newQuota(maxWaiters, maxEach), conns: newQuota(maxConns, maxConnsEach),
		holding: newQuota(maxWaiters, maxEach), seen: newSightings(),
		curious: newQuota(maxCurious, maxCuriousEach),
		limit:   newLimiter(o.Limit),
	}
	s.SetUpstream(o.Upstream)
	return s
}

// Set puts p in place of the policy in force. Every question is answered by
// one or the other as a whole, answers in the cache included.
func (s *Server) Set(p *dnsfilter.Policy) { s.policy.Store(p) }

// Run serves until ctx ends, then finishes what it has begun, within three
// seconds, and returns nil. An error means that a socket is broken.
func (s *Server) Run(ctx context.Context) error {
	g, _ := run.NewGroup(ctx)
	s.group.Store(g)
	defer s.group.Store(nil)
	for _, u := range s.sockets {
		u.conn.SetReadDeadline(time.Time{})
		g.Go("reading "+u.conn.LocalAddr().String(), func(ctx context.Context) error { return s.serveUDP(ctx, u) })
	}
	for _, l := range s.o.TCP {
		l.(deadliner).SetDeadline(time.Time{})
		g.Go("accepting "+l.Addr().String(), func(ctx context.Context) error { return s.serveTCP(ctx, l) })
	}
	if s.o.Seen != nil {
		g.Go("telling of remote-support tools", func(ctx context.Context) error { s.tell(ctx); return nil })
	}
	if s.limit != nil && s.o.Limited != nil {
		g.Go("telling of limited clients", func(ctx context.Context) error { s.watchLimit(ctx); return nil })
	}
	err := g.Wait()
	s.tellRest()
	s.tellLimited()
	return err
}

// now is the server's own clock, which nobody can set.
func (s *Server) now() time.Duration { return time.Since(s.began) }

func (s *Server) report(err error) {
	if s.o.Report != nil {
		s.o.Report(err)
	}
}

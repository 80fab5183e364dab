package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A stream asks one server over TCP or TLS: all questions share one
// connection, on which answers come in any order (RFC 7766 section 6.2.1.1).
type stream struct {
	peer *peer
	tls  *tls.Config // nil: TCP
	idle time.Duration

	mu   sync.Mutex
	pipe *pipe // the latest; nil: none yet
}

const (
	// keepIdle is how long an unused connection stays, less than the time most
	// servers give it.
	keepIdle = 8 * time.Second
	// dialPatience bounds connecting and the handshake.
	dialPatience = 2500 * time.Millisecond
	// stall is how long a used connection may say nothing at all while a
	// question is open before we take it for dead: a router in between that
	// forgot it tells nobody.
	stall = time.Second
)

var (
	errStalled = errors.New("the connection has gone silent")
	errBusy    = errors.New("too many questions on one connection")
	errStrange = errors.New("the answer does not fit the question")
)

func newStream(p *peer, c *tls.Config) *stream { return &stream{peer: p, tls: c, idle: keepIdle} }

func (s *stream) ask(ctx context.Context, q Question, edns bool) (*dns.Msg, error) {
	y, err := newQuery(q, form{edns: edns, pad: s.tls != nil})
	if err != nil {
		return nil, err
	}
	m, _, err := s.roundTrip(ctx, y)
	return m, err
}

// roundTrip asks y. A connection that was good for others before and turns out
// dead is replaced once.
func (s *stream) roundTrip(ctx context.Context, y *query) (*dns.Msg, verdict, error) {
	for first := true; ; first = false {
		p := s.connected()
		used := p.used.Load()
		y.sent = time.Now()
		raw, err := p.ask(ctx, y, used)
		if err != nil {
			if first && used && ctx.Err() == nil && !errors.Is(err, errBusy) {
				continue
			}
			return nil, foreign, err
		}
		m, v := y.check(raw)
		if m == nil || m.Truncated {
			return nil, v, errStrange
		}
		s.peer.answered(time.Since(y.sent))
		return m, v, nil
	}
}

// connected returns the connection to use, which may still be on its way.
func (s *stream) connected() *pipe {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pipe == nil || s.pipe.ended() {
		s.pipe = newPipe(s)
	}
	return s.pipe
}

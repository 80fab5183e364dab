package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"monban/gateway/run"
)

// A transport asks one server.
type transport interface {
	// ask returns an answer of the server that fits q, or an error when there
	// is none by the end of ctx. It tells the peer how long the answer took,
	// and nothing of failures.
	ask(ctx context.Context, q Question, edns bool) (*dns.Msg, error)
}

// ask asks p. A server that does not know EDNS is asked without (RFC 6891
// section 7).
func (p *peer) ask(ctx context.Context, q Question) (*dns.Msg, error) {
	p.asked.Add(1)
	m, err := p.via.ask(ctx, q, true)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) && m.IsEdns0() == nil {
		if plain, err := p.via.ask(ctx, q, false); err == nil {
			m = plain
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.server, err)
	}
	restoreName(m, q.Name)
	return m, nil
}

// An exchange is one question on its way. Whoever asks a server goes on to the
// next when that fails, and is overtaken by another who asks the next when it
// lets us wait. All that were asked are heard until one has an answer.
type exchange struct {
	q     Question
	peers []*peer // in the order of asking

	mu    sync.Mutex
	stop  context.CancelFunc
	asked int        // how many of peers
	late  bool       // all of them had their time
	won   *dns.Msg   // the answer
	best  *dns.Msg   // one that says the server cannot
	err   error      // of those that gave none
	more  *run.Group // who asks besides the caller; nil: nobody
}

// A step is one server's turn.
type step struct{ over bool }

// again is the pause before all servers are asked anew when one refused to be
// connected and nobody answered: a resolver that is just starting does.
const again = 250 * time.Millisecond

func (x *exchange) run(ctx context.Context) (*dns.Msg, error) {
	for {
		m, err := x.round(ctx)
		if m != nil {
			return m, nil
		}
		if errors.Is(err, errUnsendable) {
			return nil, err
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			select {
			case <-time.After(again):
				continue
			case <-ctx.Done():
			}
		}
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
}

// round asks every server once at most.
func (x *exchange) round(ctx context.Context) (*dns.Msg, error) {
	if len(x.peers) == 1 { // nobody to race with
		return x.attempt(ctx, x.peers[0], time.Now(), x.peers[0].patience(1))
	}
	ctx, x.stop = context.WithCancel(ctx)
	defer x.stop()
	x.asked, x.late, x.err, x.more = 0, false, nil, nil
	x.walk(ctx)
	x.mu.Lock() // our last step is over, so that nobody is added beside nobody
	more := x.more
	x.mu.Unlock()
	if more != nil {
		if err := more.Wait(); err != nil {
			x.err = errors.Join(x.err, err)
		}
	}
	if x.won == nil {
		x.won = x.best
	}
	return x.won, x.err
}

// walk asks one server after the other until it is overtaken or done.
func (x *exchange) walk(ctx context.Context) {
	for ctx.Err() == nil {
		x.mu.Lock()
		next := x.peers[x.asked:]
		if len(next) == 0 {
			x.mu.Unlock()
			return
		}
		x.asked++
		x.mu.Unlock()
		var s step
		began, patience := time.Now(), next[0].patience(len(x.peers))
		turn := time.AfterFunc(patience, func() { x.overtake(ctx, &s) })
		defer turn.Stop()
		m, err := x.attempt(ctx, next[0], began, patience)
		if x.note(&s, m, err) {
			return
		}
	}
}

// overtake begins to ask the next server while the one of s still may answer.
func (x *exchange) overtake(ctx context.Context, s *step) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.over {
		return
	}
	s.over = true
	if x.asked == len(x.peers) {
		if x.late = true; x.best != nil {
			x.stop() // everybody had their time, and somebody said no
		}
		return
	}
	if x.more == nil {
		x.more, _ = run.NewGroup(ctx)
	}
	x.more.Go("asking a resolver", func(ctx context.Context) error { x.walk(ctx); return nil })
}

// note keeps what a step brought, and says whether its walk is done.
func (x *exchange) note(s *step, m *dns.Msg, err error) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	done := s.over // overtaken
	s.over = true
	switch {
	case x.won != nil: // somebody was quicker
	case err != nil:
		x.err = errors.Join(x.err, err)
		done = done || errors.Is(err, errUnsendable)
	case final(m):
		x.won = m
		x.stop()
	default:
		if x.best = m; x.late {
			x.stop()
		}
	}
	return done || x.won != nil
}

// attempt asks p and judges it. One that is cut short because another answered
// is judged only if it had its time: patience, from began on. Both are those its
// overtaker was set by, or a server overtaken on a busy machine would not count
// as one that kept us waiting.
func (x *exchange) attempt(ctx context.Context, p *peer, began time.Time, patience time.Duration) (*dns.Msg, error) {
	m, err := p.ask(ctx, x.q)
	if err != nil && !errors.Is(err, errUnsendable) && (ctx.Err() == nil || time.Since(began) >= patience) {
		p.missed(time.Now())
	}
	return m, err
}

// final says that no other server need be asked: the name is there or not, or
// its signatures do not hold, which a server that does not check them would
// only hide.
func final(m *dns.Msg) bool {
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return true
	case dns.RcodeServerFailure:
		if opt := m.IsEdns0(); opt != nil {
			for _, o := range opt.Option {
				if e, ok := o.(*dns.EDNS0_EDE); ok && e.InfoCode >= dns.ExtendedErrorCodeDNSSECIndeterminate &&
					e.InfoCode <= dns.ExtendedErrorCodeNSECMissing {
					return true
				}
			}
		}
	}
	return false
}

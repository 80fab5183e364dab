package upstream

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// datagrams asks over UDP, and over TCP what does not fit a datagram or what
// we do not believe.
type datagrams struct {
	peer    *peer
	tcp     *stream
	alone   bool // no other server is asked at the same time, so that nothing is cut short
	mixCase bool
	cookies *cookies
	ports   ports
	dice    *dice

	folds atomic.Bool  // the server loses the letter case of questions
	deaf  atomic.Int32 // questions in a row answered only once asked plainly
}

const (
	// maxStrange is how many messages that fit no question may arrive before
	// we take it for forgery and ask over TCP, where a forger is blind.
	maxStrange = 64
	// plainFrom is the try from which a question goes out without cookie and
	// random case: something on the way may drop what it does not know.
	plainFrom = 2
	// maxDeaf is how often that must have helped to be the rule from then on.
	maxDeaf = 3
)

// A talk is one question to one server over UDP.
type talk struct {
	d       *datagrams
	port    *port
	q       Question
	edns    bool
	sent    []*query
	strange int
	tcp     bool      // it was asked there in the end
	end     time.Time // ctx's
}

func (d *datagrams) ask(ctx context.Context, q Question, edns bool) (m *dns.Msg, err error) {
	p, err := d.ports.take(d.peer.server.Addr, d.guarded(q.Name, edns))
	if err != nil {
		return nil, err
	}
	t := talk{d: d, port: p, q: q, edns: edns}
	var ok bool
	if t.end, ok = ctx.Deadline(); ok && d.alone {
		defer func() { d.ports.give(p, t.clean(m, err)) }()
		return t.run(ctx)
	}
	still := context.AfterFunc(ctx, func() { p.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer func() { d.ports.give(p, still() && t.clean(m, err)) }()
	return t.run(ctx)
}

// guarded says whether the answer for name will show enough that who knows the
// port does not.
func (d *datagrams) guarded(name string, edns bool) bool {
	if d.deaf.Load() >= maxDeaf { // it is asked without case and cookie
		return false
	}
	return edns && d.cookies.server.Load() != nil || d.mixCase && !d.folds.Load() && letters(name) >= minLetters
}

// clean says whether nothing more can arrive for t: one question went out, and
// what came is its answer.
func (t *talk) clean(m *dns.Msg, err error) bool {
	return m != nil && err == nil && t.strange == 0 && len(t.sent) == 1 && !t.tcp
}

func (t *talk) run(ctx context.Context) (*dns.Msg, error) {
	wait := t.d.peer.patience(1)
	for try := 0; ; try++ {
		if err := t.send(try); err != nil {
			return nil, err
		}
		until := time.Now().Add(wait)
		last := !t.end.IsZero() && until.After(t.end)
		if last {
			until = t.end
		}
		m, err := t.listen(ctx, until)
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || last {
			return m, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if try > 0 {
			wait *= 2
		}
	}
}

func (t *talk) send(try int) error {
	f := form{edns: t.edns, dice: t.d.dice}
	if try < plainFrom && t.d.deaf.Load() < maxDeaf {
		f.mixCase = t.d.mixCase && !t.d.folds.Load()
		f.cookie = t.d.cookies.value()
	}
	y, err := newQuery(t.q, f)
	if err != nil {
		return err
	}
	t.sent = append(t.sent, y)
	return t.port.send(y.packet)
}

// listen waits for an answer to any of the queries sent so far.
func (t *talk) listen(ctx context.Context, until time.Time) (*dns.Msg, error) {
	t.port.conn.SetReadDeadline(until)
	for ctx.Err() == nil { // it may have ended before the deadline was set
		b, err := t.port.receive()
		if err != nil {
			return nil, err
		}
		y, m, v := t.match(b)
		if v == foreign {
			if t.strange++; t.strange >= maxStrange {
				return t.overTCP(ctx)
			}
			continue
		}
		if m != nil && m.Rcode == dns.RcodeBadCookie && t.edns && !y.heard {
			y.heard = true // the cookie we needed came with it
			if err := t.send(0); err != nil {
				return nil, err
			}
			continue
		}
		t.hear(y)
		if v != fits || m.Truncated || len(b) == len(t.port.buf) || m.Rcode == dns.RcodeBadCookie || !t.d.cookies.satisfied(y, m) {
			return t.overTCP(ctx)
		}
		return m, nil
	}
	return nil, ctx.Err()
}

// match finds the query that a datagram answers.
func (t *talk) match(datagram []byte) (*query, *dns.Msg, verdict) {
	for _, y := range t.sent {
		m, v := y.check(datagram)
		if v == foreign || m != nil && t.d.cookies.forged(y, m) {
			continue
		}
		return y, m, v
	}
	return nil, nil, foreign
}

// hear notes that y was answered, and what that says of the server.
func (t *talk) hear(y *query) {
	t.d.peer.answered(time.Since(y.sent))
	switch first := t.sent[0]; {
	case y.mixed || y.cookie:
		t.d.deaf.Store(0)
	case (first.mixed || first.cookie) && t.d.deaf.Load() < maxDeaf:
		t.d.deaf.Add(1)
	}
}

// overTCP asks again over TCP, where nobody can forge from afar: what is said
// there is how the server is.
func (t *talk) overTCP(ctx context.Context) (*dns.Msg, error) {
	t.tcp = true
	y, err := newQuery(t.q, form{edns: t.edns, mixCase: t.d.mixCase && !t.d.folds.Load()})
	if err != nil {
		return nil, err
	}
	m, v, err := t.d.tcp.roundTrip(ctx, y)
	if err != nil {
		return nil, err
	}
	if v == folded {
		t.d.folds.Store(true)
	}
	t.d.cookies.forget()
	return m, nil
}

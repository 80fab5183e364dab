package upstream

import (
	"context"
	"errors"
	"net"
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
	mixCase bool
	cookies *cookies

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

// A talk is one question to one server over UDP. Its socket is connected, so
// that the kernel drops what others send and reports a closed port, and new,
// so that each question leaves from a port nobody can know.
type talk struct {
	d       *datagrams
	conn    *net.UDPConn
	q       Question
	edns    bool
	sent    []*query
	strange int
	buf     [ednsSize + 300]byte
}

func (d *datagrams) ask(ctx context.Context, q Question, edns bool) (*dns.Msg, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(d.peer.server.Addr))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	t := talk{d: d, conn: conn, q: q, edns: edns}
	wait := d.peer.patience(1)
	for try := 0; ; try++ {
		if err := t.send(try); err != nil {
			return nil, err
		}
		m, err := t.listen(ctx, time.Now().Add(wait))
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
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
	f := form{edns: t.edns}
	if try < plainFrom && t.d.deaf.Load() < maxDeaf {
		f.mixCase = t.d.mixCase && !t.d.folds.Load()
		f.cookie = t.d.cookies.value()
	}
	y, err := newQuery(t.q, f)
	if err != nil {
		return err
	}
	t.sent = append(t.sent, y)
	_, err = t.conn.Write(y.packet)
	return err
}

// listen waits for an answer to any of the queries sent so far.
func (t *talk) listen(ctx context.Context, until time.Time) (*dns.Msg, error) {
	t.conn.SetReadDeadline(until)
	for ctx.Err() == nil { // it may have ended before the deadline was set
		n, err := t.conn.Read(t.buf[:])
		if err != nil {
			return nil, err
		}
		y, m, v := t.match(t.buf[:n])
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
		if v != fits || m.Truncated || n == len(t.buf) || m.Rcode == dns.RcodeBadCookie || !t.d.cookies.satisfied(y, m) {
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

package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"monban/gateway/run"
)

// A pipe is one connection and the questions open on it. It ends by itself
// when it breaks or is not used any more.
type pipe struct {
	ready chan struct{} // closed when connected, conn is set
	done  chan struct{} // closed at the end, err is set
	turn  chan struct{} // filled while somebody writes
	conn  net.Conn
	idle  time.Duration
	used  atomic.Bool  // has brought an answer
	heard atomic.Int64 // when a message came last, Unix nanoseconds

	mu    sync.Mutex
	calls map[uint16]*call
	err   error
}

// A call is a question open on a pipe.
type call struct {
	y      *query
	answer chan []byte // holds one
}

const (
	maxOpen = 1024 // questions on one pipe
	// partPatience is for the rest of a message that has begun, and for a write.
	partPatience = 2 * time.Second
)

// newPipe begins to connect to s's server.
func newPipe(s *stream) *pipe {
	p := &pipe{
		ready: make(chan struct{}), done: make(chan struct{}), turn: make(chan struct{}, 1),
		idle: s.idle, calls: map[uint16]*call{},
	}
	g, _ := run.NewGroup(context.Background())
	g.Go("asking a resolver over a connection", func(ctx context.Context) error {
		defer p.end(net.ErrClosed) // whatever happens, nobody waits for us
		conn, err := dial(ctx, s.peer.server.Addr.String(), s.tls)
		if err != nil {
			p.end(err)
			return nil
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(p.idle))
		p.conn = conn
		close(p.ready)
		p.end(p.read())
		return nil
	})
	return p
}

func dial(ctx context.Context, addr string, c *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil || c == nil {
		return conn, err
	}
	t := tls.Client(conn, c)
	if err := t.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return t, nil
}

// read hands out the messages that come, until the connection ends or breaks
// the rules.
func (p *pipe) read() error {
	r := bufio.NewReader(p.conn)
	for strange := 0; strange < maxStrange; {
		// The deadline for the first byte is moved by each question.
		var size [2]byte
		if _, err := io.ReadFull(r, size[:1]); err != nil {
			return err
		}
		p.conn.SetReadDeadline(time.Now().Add(partPatience))
		if _, err := io.ReadFull(r, size[1:]); err != nil {
			return err
		}
		raw := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(r, raw); err != nil {
			return err
		}
		now := time.Now()
		p.conn.SetReadDeadline(now.Add(p.idle))
		p.heard.Store(now.UnixNano())
		if !p.hand(raw) {
			strange++
		}
	}
	return errStrange
}

// hand gives raw to the call it answers. One that nobody waits for may be late
// for its asker, who has left.
func (p *pipe) hand(raw []byte) bool {
	if len(raw) < headerSize {
		return false
	}
	id := binary.BigEndian.Uint16(raw)
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.calls[id]
	if c == nil || c.y.match(raw) == foreign {
		return false
	}
	delete(p.calls, id)
	p.used.Store(true)
	c.answer <- raw
	return true
}

// ask sends y and waits for what fits it. With used, silence of the whole pipe
// ends it.
func (p *pipe) ask(ctx context.Context, y *query, used bool) ([]byte, error) {
	select {
	case <-p.ready:
	case <-p.done:
		return nil, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.open(y)
	if err != nil {
		return nil, err
	}
	defer p.leave(c)
	if err := p.write(ctx, y.packet); err != nil {
		return nil, err
	}
	y.sent = time.Now()
	var silent <-chan time.Time
	if used {
		t := time.NewTimer(stall)
		defer t.Stop()
		silent = t.C
	}
	for {
		select {
		case raw := <-c.answer:
			return raw, nil
		case <-silent:
			if p.heard.Load() < y.sent.UnixNano() {
				p.end(errStalled)
			}
		case <-p.done:
			select {
			case raw := <-c.answer: // it was the last one
				return raw, nil
			default:
			}
			return nil, p.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// open gives y an id of its own on p.
func (p *pipe) open(y *query) (*call, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	if len(p.calls) >= maxOpen {
		return nil, errBusy
	}
	for p.calls[y.id()] != nil {
		y.setID(uint16(rand.Uint32())) // no forger can speak here
	}
	c := &call{y, make(chan []byte, 1)}
	p.calls[y.id()] = c
	return c, nil
}

func (p *pipe) leave(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls[c.y.id()] == c {
		delete(p.calls, c.y.id())
	}
}

// write sends packet with its length before it, in one piece.
func (p *pipe) write(ctx context.Context, packet []byte) error {
	framed := append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(packet)), uint16(len(packet))), packet...)
	select {
	case p.turn <- struct{}{}:
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	now := time.Now()
	p.conn.SetWriteDeadline(now.Add(partPatience))
	p.conn.SetReadDeadline(now.Add(p.idle))
	if _, err := p.conn.Write(framed); err != nil {
		p.end(err)
		return err
	}
	return nil
}

// end ends p for all who wait on it; the first reason counts.
func (p *pipe) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	if err == nil {
		err = errors.New("ended")
	}
	p.err = err
	close(p.done)
	select {
	case <-p.ready:
		p.conn.Close()
	default: // still connecting, which has its own end
	}
}

func (p *pipe) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

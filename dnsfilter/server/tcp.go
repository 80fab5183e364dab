package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

const (
	maxConns      = 256 // TCP connections in all …
	maxConnsEach  = 32  // … and of one client
	maxPending    = 32  // questions of one connection being answered
	idle          = 10 * time.Second
	writePatience = 3 * time.Second
)

// A deadliner is a listener that can be made to stop waiting without closing.
type deadliner interface{ SetDeadline(time.Time) error }

// serveTCP takes connections from l until ctx ends.
func (s *Server) serveTCP(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.(deadliner).SetDeadline(time.Unix(1, 0)) })
	defer stop()
	g := s.group.Load()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepting a DNS connection: %w", err)
		}
		from, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if err != nil || !s.conns.enter(from.Addr()) {
			s.counters.overload.Add(1)
			conn.Close()
			continue
		}
		c := &tcpConn{conn: conn, slots: make(chan struct{}, maxPending), out: make(chan []byte, maxPending)}
		g.Go("writing to a client", func(context.Context) error { c.write(); return nil })
		g.Go("reading from a client", func(ctx context.Context) error {
			defer s.conns.leave(from.Addr())
			s.serveConn(ctx, c, from)
			return nil
		})
	}
}

// A tcpConn is one client's connection. Questions are answered in the order
// their answers come (RFC 7766 section 6.2.1.1); each holds a slot from before
// it is read until its answer is written, so out never blocks.
type tcpConn struct {
	conn  net.Conn
	slots chan struct{}
	out   chan []byte
}

// serveConn reads questions until the client stops or is idle, then waits for
// the answers still owed.
func (s *Server) serveConn(ctx context.Context, c *tcpConn, from netip.AddrPort) {
	stop := context.AfterFunc(ctx, func() { c.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var q question
	a := asker{addr: from, conn: c}
	buf := make([]byte, maxQuery)
	c.slots <- struct{}{}
	for {
		c.conn.SetReadDeadline(time.Now().Add(idle))
		if ctx.Err() != nil {
			break
		}
		pkt, err := readFrame(c.conn, buf)
		if err != nil {
			break
		}
		s.handle(nil, pkt, &q, &a)
		c.slots <- struct{}{}
	}
	for range maxPending - 1 {
		c.slots <- struct{}{}
	}
	close(c.out)
}

// readFrame reads one message with its length before it (RFC 1035 4.2.2).
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, buf[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > len(buf) {
		return nil, errTooLong
	}
	_, err := io.ReadFull(r, buf[:n])
	return buf[:n], err
}

// answer hands b, which may be nil, to the writer.
func (c *tcpConn) answer(b []byte) { c.out <- b }

// write sends answers until all are sent; a client that does not take them
// loses its connection, which also ends the reading.
func (c *tcpConn) write() {
	defer c.conn.Close()
	broken := false
	for b := range c.out {
		if b != nil && !broken {
			c.conn.SetWriteDeadline(time.Now().Add(writePatience))
			frame := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b)))
			if _, err := c.conn.Write(append(frame, b...)); err != nil {
				broken = true
				c.conn.Close()
			}
		}
		<-c.slots
	}
}

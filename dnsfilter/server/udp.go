package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A control is the kernel's note of which of our addresses a datagram was sent
// to. Sent back unchanged it makes that address the source of the answer.
type control struct {
	b [64]byte
	n int
}

type udpSocket struct {
	conn *net.UDPConn
	any  bool // bound to no single address: controls are needed
	lost *counters
	out  outbox
}

// maxQuery is the longest datagram looked at: a name, an OPT record and room.
const maxQuery = 4096

func newUDPSocket(c net.PacketConn, lost *counters) (*udpSocket, error) {
	conn, ok := c.(*net.UDPConn)
	if !ok {
		return nil, fmt.Errorf("a %T is no UDP socket", c)
	}
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return nil, fmt.Errorf("reading the socket's address: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	u := &udpSocket{conn: conn, any: local.Addr().IsUnspecified(), lost: lost,
		out: outbox{raw: raw, four: local.Addr().Is4(), lost: lost}}
	if u.any {
		return u, noteTarget(conn, local.Addr().Is4())
	}
	return u, nil
}

// noteTarget has the kernel attach a control to each datagram.
func noteTarget(conn *net.UDPConn, four bool) error {
	level, option := unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	if four {
		level, option = unix.IPPROTO_IP, unix.IP_PKTINFO
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), level, option, 1) }); err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", set)
}

// serveUDP answers what arrives at u until ctx ends. It is the only reader;
// what needs no upstream is answered right here.
func (s *Server) serveUDP(ctx context.Context, u *udpSocket) error {
	stop := context.AfterFunc(ctx, func() { u.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	all, err := newBatch(u)
	if err != nil {
		return fmt.Errorf("reading DNS questions: %w", err)
	}
	var q question
	var a asker
	for {
		n, err := all.receive()
		if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a DNS question: %w", err)
		}
		for i := range n {
			if !all.asker(i, &a, u) {
				continue
			}
			if b, later := s.tryReply(all.room(i), all.question(i), &q, &a); !later && len(b) > 0 {
				all.add(i, b)
			}
		}
		all.flush()
	}
}

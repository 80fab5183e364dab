package upstream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// An exchange is one question on its way. All servers are asked from one
// socket of its own, so each question leaves from a new random port and a
// server that is only slow is still heard while the next one is asked.
type exchange struct {
	q       Question
	end     time.Time
	servers []*server // in the order of asking
	mixCase bool

	conn    *net.UDPConn
	tries   []*try
	strange int      // datagrams that were no answer to us
	best    *dns.Msg // an answer that says the server cannot
}

// maxStrange is how many datagrams that fit no question may arrive before we
// take it for forgery and ask over TCP, where a forger is blind.
const maxStrange = 64

// A try is one datagram sent to one server.
type try struct {
	server   *server
	packet   []byte // as sent
	question int    // length of its question section
	edns     bool
	sent     time.Time
	answered bool
}

func (x *exchange) run(ctx context.Context) (*dns.Msg, error) {
	conn, err := net.ListenUDP(network(x.servers), nil)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	x.conn = conn
	var unsent error
	for i := 0; time.Now().Before(x.end) && ctx.Err() == nil; i++ {
		s := x.servers[i%len(x.servers)]
		if i >= len(x.servers) && x.best != nil {
			break // everybody was asked, and somebody said no
		}
		if unsent = x.send(s, true); unsent != nil {
			if i+1 >= len(x.servers) && len(x.tries) == 0 {
				return nil, fmt.Errorf("%w: %w", ErrNoAnswer, unsent)
			}
			continue
		}
		if m := x.listen(ctx, s.patience()); m != nil {
			return m, nil
		}
	}
	if x.best != nil {
		return x.best, nil
	}
	if unsent != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, unsent)
	}
	return nil, ErrNoAnswer
}

// send asks s.
func (x *exchange) send(s *server, edns bool) error {
	t, err := newTry(x.q, s, edns, x.mixCase && !s.foldsCase.Load())
	if err != nil {
		return err
	}
	s.asked.Add(1)
	if _, err := x.conn.WriteToUDPAddrPort(t.packet, s.addr); err != nil {
		s.missed(time.Now())
		return err
	}
	x.tries = append(x.tries, t)
	return nil
}

// listen waits for an answer from any server asked so far. It returns nil
// when it is time to ask the next one.
func (x *exchange) listen(ctx context.Context, patience time.Duration) *dns.Msg {
	until := time.Now().Add(patience)
	if x.end.Before(until) {
		until = x.end
	}
	x.conn.SetReadDeadline(until)
	buf := make([]byte, 4096)
	for {
		n, from, err := x.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return nil
		}
		t, m, verdict := x.match(buf[:n], from)
		if verdict == foreign {
			if x.strange++; x.strange < maxStrange {
				continue
			}
			t = x.tries[len(x.tries)-1]
		}
		t.noteAnswer(verdict)
		if verdict != fits || m.Truncated || n == len(buf) {
			if m, err = x.overTCP(ctx, t); err != nil {
				return nil
			}
		}
		if m = x.usable(t, m); m != nil || x.best != nil {
			return m
		}
	}
}

// match finds the try that a datagram answers.
func (x *exchange) match(datagram []byte, from netip.AddrPort) (*try, *dns.Msg, verdict) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	for _, t := range x.tries {
		if t.server.addr != from {
			continue
		}
		if m, v := t.check(datagram); v != foreign {
			return t, m, v
		}
	}
	return nil, nil, foreign
}

// usable returns m if it is an answer to give. A server that cannot is kept as
// the best so far; one that does not know EDNS is asked without.
func (x *exchange) usable(t *try, m *dns.Msg) *dns.Msg {
	restoreName(m, x.q.Name)
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return m
	case dns.RcodeFormatError, dns.RcodeNotImplemented:
		if t.edns && m.IsEdns0() == nil && x.send(t.server, false) == nil {
			return nil
		}
	}
	x.best = m
	return nil
}

// judge tells the servers how they did once the exchange is over.
func (x *exchange) judge(err error) {
	now := time.Now()
	seen := map[*server]bool{}
	for _, t := range x.tries {
		seen[t.server] = seen[t.server] || t.answered
	}
	for _, t := range x.tries {
		if answered, ok := seen[t.server]; ok && !answered && (err != nil || now.Sub(t.sent) >= t.server.patience()) {
			delete(seen, t.server)
			t.server.missed(now)
		}
	}
}

// network is the socket family that reaches all servers.
func network(servers []*server) string {
	four, six := true, true
	for _, s := range servers {
		four = four && s.addr.Addr().Is4()
		six = six && s.addr.Addr().Is6()
	}
	switch {
	case four:
		return "udp4"
	case six:
		return "udp6"
	}
	return "udp"
}

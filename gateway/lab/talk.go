package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"monban/gateway/run"
)

// A Talk is a measured conversation with an echo service: a numbered line now
// and then, and a note of when each line came back. It is how a test sees to
// the millisecond when a session was cut.
type Talk struct {
	Net   string        // tcp or udp; tcp if empty
	To    string        // address and port
	Local string        // own address and port, free again at once; any if empty
	Every time.Duration // between lines; 100 ms if 0
	For   time.Duration // then the talk ends by itself; for ever if 0
}

// An Event is a line of a talk's output. At is Unix time in nanoseconds. What
// is "connected" (TCP: the handshake is done; UDP: the socket is there),
// "sent" and "echo" with the line's number, "heard" for what the peer said by
// itself, or "end" with the reason in Why.
type Event struct {
	At   int64  `json:"at"`
	What string `json:"what"`
	N    int    `json:"n,omitempty"`
	Why  string `json:"why,omitempty"`
}

// Run talks, writing one JSON Event a line to out. A connection that cannot be
// made or breaks is an error, after its end event.
func (t Talk) Run(ctx context.Context, out io.Writer) error {
	if t.Every == 0 {
		t.Every = 100 * time.Millisecond
	}
	if t.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.For)
		defer cancel()
	}
	notes := &notebook{enc: json.NewEncoder(out)}
	c, err := t.dial(ctx)
	if err != nil {
		notes.write(Event{What: "end", Why: err.Error()})
		return err
	}
	defer c.Close()
	if tcp, ok := c.(*net.TCPConn); ok && t.Local != "" {
		_ = tcp.SetLinger(0) // so that the port can be used again at once
	}
	notes.write(Event{What: "connected"})
	g, gctx := run.NewGroup(ctx)
	stop := context.AfterFunc(gctx, func() { c.Close() })
	defer stop()
	g.Go("sending", func(ctx context.Context) error {
		tick := time.NewTicker(t.Every)
		defer tick.Stop()
		for n := 1; ; n++ {
			if _, err := fmt.Fprintf(c, "say %d\n", n); err != nil && t.Net != "udp" {
				return err
			}
			notes.write(Event{What: "sent", N: n})
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
	g.Go("hearing", func(ctx context.Context) error { return t.hear(ctx, c, notes) })
	err = g.Wait()
	why := ""
	if err != nil {
		why = err.Error()
	}
	notes.write(Event{What: "end", Why: why})
	return err
}

func (t Talk) dial(ctx context.Context) (net.Conn, error) {
	network := t.Net
	if network == "" {
		network = "tcp"
	}
	return dialFrom(ctx, network, t.Local, t.To)
}

func (t Talk) hear(ctx context.Context, c net.Conn, notes *notebook) error {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			// A refused datagram (ICMP) is no end: the next may pass.
			if t.Net == "udp" && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				continue
			}
			return err
		}
		e := Event{What: "heard"}
		if _, err := fmt.Sscanf(strings.TrimSpace(line), "say %d", &e.N); err == nil {
			e.What = "echo"
		}
		notes.write(e)
	}
}

// A notebook writes events of several tasks, each stamped as it is written.
type notebook struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func (n *notebook) write(e Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e.At = time.Now().UnixNano()
	_ = n.enc.Encode(e) // a reader that left is no reason to stop sending
}

// dialFrom connects within 3 s, from local if given. A local port may still
// be in an old connection's TIME-WAIT.
func dialFrom(ctx context.Context, network, local, to string) (net.Conn, error) {
	d := net.Dialer{Timeout: 3 * time.Second}
	if local != "" {
		// Not without: the kernel may give two sockets that both share their
		// port the same one, and all answers to one of them.
		d.Control = reuse
		var err error
		if network == "udp" {
			d.LocalAddr, err = net.ResolveUDPAddr(network, local)
		} else {
			d.LocalAddr, err = net.ResolveTCPAddr(network, local)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the own address: %w", err)
		}
	}
	return d.DialContext(ctx, network, to)
}

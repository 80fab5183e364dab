package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"monban/gateway/run"
)

// Flows are many conversations at once with echo services on consecutive
// ports of one host. A connection that cannot be made is tried again, so that
// they may begin before their way is open; one that breaks stays broken.
type Flows struct {
	Net   string        // tcp or udp
	To    string        // address
	First uint16        // port
	Ports int           // how many, from First on
	Each  int           // conversations per port
	Every time.Duration // between a conversation's lines
	For   time.Duration // then they end; never if 0
}

// A FlowCount is how many conversations there are.
type FlowCount struct {
	At     int64  `json:"at"`     // Unix ns
	Up     int64  `json:"up"`     // that had an answer
	Broken int64  `json:"broken"` // that ended by themselves
	Sent   uint64 `json:"sent"`
	Echoes uint64 `json:"echoes"`
}

// flowCounter is a FlowCount under way.
type flowCounter struct {
	up, broken   atomic.Int64
	sent, echoes atomic.Uint64
}

// Run holds the conversations until ctx ends and writes a FlowCount as a line
// of JSON every quarter of a second.
func (f Flows) Run(ctx context.Context, out io.Writer) error {
	if f.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.For)
		defer cancel()
	}
	if f.Ports < 1 || f.Each < 1 || int(f.First)+f.Ports > 1<<16 || f.Every <= 0 {
		return errors.New("conversations: none")
	}
	var n flowCounter
	enc := json.NewEncoder(out)
	g, gctx := run.NewGroup(ctx)
	for i := range f.Ports * f.Each {
		to := net.JoinHostPort(f.To, fmt.Sprint(int(f.First)+i%f.Ports))
		// Spread over the interval, so that they do not all speak at once.
		wait := f.Every * time.Duration(i) / time.Duration(f.Ports*f.Each)
		g.Go("conversation", func(context.Context) error { return f.hold(gctx, to, wait, &n) })
	}
	g.Go("counting", func(context.Context) error {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-gctx.Done():
				return nil
			case <-tick.C:
			}
			if err := enc.Encode(n.now()); err != nil {
				return err
			}
		}
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return enc.Encode(n.now())
}

func (n *flowCounter) now() FlowCount {
	return FlowCount{At: time.Now().UnixNano(), Up: n.up.Load(), Broken: n.broken.Load(), Sent: n.sent.Load(), Echoes: n.echoes.Load()}
}

// hold is one conversation.
func (f Flows) hold(ctx context.Context, to string, wait time.Duration, n *flowCounter) error {
	var c net.Conn
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		var err error
		if c, err = dialFrom(ctx, f.Net, "", to); err == nil {
			break
		}
		wait = 50 * time.Millisecond
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	buf := make([]byte, 2048)
	answered := false
	for next := time.Now(); ctx.Err() == nil; {
		_, err := c.Write([]byte("say 1\n"))
		if err == nil { // what failed, as at the end, never left
			n.sent.Add(1)
		}
		// One that fell behind goes on from now, and does not catch up.
		if next = next.Add(f.Every); time.Until(next) < 0 {
			next = time.Now().Add(f.Every)
		}
		for err == nil || f.Net == "udp" && errors.Is(err, syscall.ECONNREFUSED) {
			if err = c.SetReadDeadline(next); err != nil {
				break
			}
			var size int
			if size, err = c.Read(buf); size > 0 {
				n.echoes.Add(1)
				if !answered {
					answered = true
					n.up.Add(1)
				}
			}
		}
		var late net.Error
		if !errors.As(err, &late) || !late.Timeout() {
			if ctx.Err() == nil {
				n.broken.Add(1)
			}
			return nil
		}
	}
	return nil
}

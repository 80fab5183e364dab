package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"monban/gateway/run"
)

// open opens what s listens at and returns the task that serves it until its
// context ends.
func open(ctx context.Context, s service) (func(context.Context) error, error) {
	var lc net.ListenConfig
	if s.Net == "udp" {
		pc, err := lc.ListenPacket(ctx, "udp", s.Addr.String())
		if err != nil {
			return nil, err
		}
		c := pc.(*net.UDPConn)
		switch s.Kind {
		case "echo":
			return packets(c, 0), nil
		case "restless":
			return packets(c, restlessEvery), nil
		case "resolver":
			return resolverUDP(c, s.Name), nil
		}
		c.Close()
		return nil, fmt.Errorf("unknown service %q", s.Kind)
	}
	l, err := lc.Listen(ctx, "tcp", s.Addr.String())
	if err != nil {
		return nil, err
	}
	switch s.Kind {
	case "echo":
		return streams(l, 0), nil
	case "restless":
		return streams(l, restlessEvery), nil
	case "resolver":
		return resolverTCP(l, s.Name), nil
	case "web":
		return web(l), nil
	}
	l.Close()
	return nil, fmt.Errorf("unknown service %q", s.Kind)
}

// restlessEvery is how often the receipt computer speaks unasked, as remote
// screens do. It is what would revive a session that ought to be over.
const restlessEvery = 75 * time.Millisecond

// streams echoes every connection; with every > 0 it also sends a line of its
// own that often, until the connection ends.
func streams(l net.Listener, every time.Duration) func(context.Context) error {
	return accepting(l, func(ctx context.Context, c net.Conn) error {
		g, _ := run.NewGroup(ctx)
		w := &whole{w: c}
		if every > 0 {
			g.Go("speaking", func(ctx context.Context) error { return speak(ctx, w, every) })
		}
		g.Go("echo", func(context.Context) error {
			_, err := io.Copy(w, onlyReader{c})
			if err == nil {
				err = io.EOF
			}
			return err
		})
		return g.Wait()
	})
}

// whole keeps writers from mixing within a write.
type whole struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *whole) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(b)
}

// onlyReader hides WriterTo: splicing would go past whole.
type onlyReader struct{ io.Reader }

func speak(ctx context.Context, w io.Writer, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := fmt.Fprintf(w, "tick %d\n", n); err != nil {
			return err
		}
	}
}

// accepting serves each connection of l as a task of its own. A connection's
// error is its own.
func accepting(l net.Listener, serve func(context.Context, net.Conn) error) func(context.Context) error {
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { l.Close() })
		defer stop()
		g, ctx := run.NewGroup(ctx)
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return g.Wait()
			}
			if err != nil { // out of descriptors, or an aborted connection
				time.Sleep(10 * time.Millisecond)
				continue
			}
			g.Go("connection", func(ctx context.Context) error {
				stop := context.AfterFunc(ctx, func() { c.Close() })
				defer stop()
				defer c.Close()
				_ = serve(ctx, c)
				return nil
			})
		}
	}
}

// lastPeers is how many peers a restless datagram service keeps talking to.
const lastPeers = 8

// packets echoes every datagram; with every > 0 it also keeps sending to the
// last peers that spoke, whether they still answer or not.
func packets(c *net.UDPConn, every time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { c.Close() })
		defer stop()
		var mu sync.Mutex
		var peers []netip.AddrPort // last spoken last
		g, _ := run.NewGroup(ctx)
		g.Go("echo", func(ctx context.Context) error {
			buf := make([]byte, 64<<10)
			for {
				n, from, err := c.ReadFromUDPAddrPort(buf)
				if errors.Is(err, net.ErrClosed) {
					return nil
				}
				if err != nil { // an ICMP error of an earlier send
					continue
				}
				mu.Lock()
				peers = append(slices.DeleteFunc(peers, func(p netip.AddrPort) bool { return p == from }), from)
				peers = peers[max(0, len(peers)-lastPeers):]
				mu.Unlock()
				_, _ = c.WriteToUDPAddrPort(buf[:n], from) // UDP: may be lost
			}
		})
		if every > 0 {
			g.Go("speaking", func(ctx context.Context) error {
				return speak(ctx, writerFunc(func(b []byte) (int, error) {
					mu.Lock()
					to := slices.Clone(peers)
					mu.Unlock()
					for _, p := range to {
						_, _ = c.WriteToUDPAddrPort(b, p)
					}
					return len(b), nil
				}), every)
			})
		}
		return g.Wait()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// web is the internet's only web server.
func web(l net.Listener) func(context.Context) error {
	srv := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "the internet of the lab; you are %s, asking for %s\n", r.RemoteAddr, r.Host)
		}),
	}
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { srv.Close() })
		defer stop()
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

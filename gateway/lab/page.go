package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"monban/gateway/run"
)

// forward serves a listener of the machine from inside this host: a socket
// stays in the namespace it was made in, so what comes in outside goes on
// from here, to addr. The page sees the host's address.
func (a *agent) forward(files []*os.File, addr string) error {
	if len(files) != 1 {
		closeAll(files)
		return errors.New("forwarding: no listener came along")
	}
	l, err := net.FileListener(files[0])
	files[0].Close()
	if err != nil {
		return fmt.Errorf("using the listener: %w", err)
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	a.group.Go("page", accepting(l, func(ctx context.Context, c net.Conn) error {
		far, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer far.Close()
		return copyBoth(ctx, c.(*net.TCPConn), far.(*net.TCPConn))
	}))
	return nil
}

// copyBoth copies both ways until both ends are done.
func copyBoth(ctx context.Context, a, b *net.TCPConn) error {
	g, ctx := run.NewGroup(ctx)
	stop := context.AfterFunc(ctx, func() { a.Close(); b.Close() })
	defer stop()
	for _, way := range [][2]*net.TCPConn{{a, b}, {b, a}} {
		g.Go("copy", func(context.Context) error {
			_, err := io.Copy(way[0], way[1])
			if err == nil {
				err = way[0].CloseWrite()
			}
			return err
		})
	}
	return g.Wait()
}

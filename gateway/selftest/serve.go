package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"monban/gateway/text"
)

// Serve answers requests one after the other, with run, until ctx ends, or
// until nobody asked for idle (0: for ever). The others wait in the socket.
// Who may connect is the socket's matter.
func Serve(ctx context.Context, l *net.UnixListener, idle time.Duration, run func(context.Context, Request) (Result, error)) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		if idle > 0 {
			if err := l.SetDeadline(time.Now().Add(idle)); err != nil {
				return fmt.Errorf("waiting for requests: %w", err)
			}
		}
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("waiting for requests: %w", err)
		}
		answer(ctx, c, run)
	}
}

// answer serves one connection. Its errors are the client's: it has gone, or
// hears in words what was wrong.
func answer(ctx context.Context, c net.Conn, run func(context.Context, Request) (Result, error)) {
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	if err := c.SetDeadline(time.Now().Add(Limit + 5*time.Second)); err != nil {
		return
	}
	var ans reply
	res, err := request(ctx, c, run)
	switch {
	case err == nil:
		ans.Result = &res
	case !errors.As(err, &ans.Fault):
		ans.Fault = text.NewFault("selftest.unreachable", "detail", err.Error())
	}
	_ = json.NewEncoder(c).Encode(ans)
}

func request(ctx context.Context, c io.Reader, run func(context.Context, Request) (Result, error)) (Result, error) {
	r, err := decode(io.LimitReader(c, maxRequest))
	if err != nil {
		return Result{}, err
	}
	return run(ctx, r)
}

// decode reads one request. Nothing unknown is taken: caller and service are
// of the same version or strangers.
func decode(from io.Reader) (r Request, err error) {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Request{}, fmt.Errorf("reading request: %w", err)
	}
	return r, r.check()
}

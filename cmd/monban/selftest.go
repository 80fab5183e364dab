package main

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"monban/firewall/kernel"
	"monban/gateway/selftest"
	"monban/gateway/text"
)

type selftestCmd struct {
	Run   selftestRunCmd   `cmd:"" help:"Prove by packets that every way in is closed."`
	Serve selftestServeCmd `cmd:"" help:"Run the self-test for whoever asks at a Unix socket. Needs root."`
}

type selftestRunCmd struct{ remote }

// Run has the daemon run the test; anything but a proof is exit status 1.
func (c *selftestRunCmd) Run(e *env) error {
	var r selftest.Result
	if err := c.client().Post(e.ctx, "/selftest", nil, &r); err != nil {
		return err
	}
	if err := c.print(e.stdout, r, func() {
		fmt.Fprintln(e.stdout, e.lang.Say("selftest.ran."+string(r.State),
			text.Args{"sent": r.Sent, "counted": r.Counted, "why": e.lang.Say(r.Why, nil)}))
	}); err != nil {
		return err
	}
	if r.State != selftest.OK {
		return exitStatus(1)
	}
	return nil
}

type selftestServeCmd struct {
	Listen string `placeholder:"PATH" help:"Unix socket to make and serve on; without it the inherited socket named selftest."`
}

// activeIdle is how long an activated service waits for another request.
const activeIdle = 10 * time.Second

// Run serves until it is stopped, or, activated by its socket, until nobody
// asks any more.
func (c *selftestServeCmd) Run(e *env) error {
	l, idle, err := rootSocket(c.Listen, "selftest")
	if err != nil {
		return err
	}
	defer l.Close()
	return selftest.Serve(e.ctx, l, idle, func(ctx context.Context, r selftest.Request) (selftest.Result, error) {
		k, err := kernel.Open()
		if err != nil {
			return selftest.Result{}, err
		}
		defer k.Close()
		return selftest.Run(ctx, k, r)
	})
}

// rootSocket makes the Unix socket path, or without one takes the inherited
// socket of that name, and says how long to wait for a request.
func rootSocket(path, name string) (*net.UnixListener, time.Duration, error) {
	if path != "" {
		// Closed to others from its first moment.
		defer syscall.Umask(syscall.Umask(0o177))
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return nil, 0, fmt.Errorf("making socket: %w", err)
		}
		return l, 0, nil
	}
	for _, f := range activation.Files(true) {
		l, err := net.FileListener(f)
		f.Close()
		if err != nil {
			return nil, 0, fmt.Errorf("taking inherited socket: %w", err)
		}
		if u, ok := l.(*net.UnixListener); ok && f.Name() == name {
			return u, activeIdle, nil
		}
		l.Close()
	}
	return nil, 0, fmt.Errorf("no inherited socket named %s; use --listen PATH", name)
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"monban/gateway/run"
	"monban/gateway/text"
)

// Stdio are the files a command in a host reads and writes.
type Stdio struct{ In, Out, Err *os.File }

// Exec runs args in the named host of the lab in dir and returns the exit
// status as a shell gives it: 127 if there is no such program, 128 + n after
// signal n. Signals to this process go to the command. The command sees the
// environment and directory of this process, and MONBAN, the path of the
// lab's binary. Faults: lab.not_running, lab.no_host.
func Exec(ctx context.Context, dir, name string, args []string, s Stdio) (int, error) {
	wd, err := os.Getwd()
	if err != nil {
		return 0, fmt.Errorf("finding the working directory: %w", err)
	}
	w, err := dial(dir)
	if err != nil {
		return 0, err
	}
	defer w.conn.Close()
	err = w.send(request{Op: "exec", Name: name, Exec: &command{Args: args, Env: os.Environ(), Dir: wd}}, s.In, s.Out, s.Err)
	if err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)
	defer signal.Stop(signals)
	gctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // a signal ends the command, not us
	g, gctx := run.NewGroup(gctx)
	status, err := follow(w, func() {
		g.Go("signals", func(context.Context) error { return passOn(gctx, w, signals) })
	})
	cancel()
	_ = g.Wait()
	if errors.Is(err, io.EOF) {
		return 0, text.NewFault("lab.not_running", "dir", dir).Because(err)
	}
	return status, err
}

// follow hears how the command goes until its end.
func follow(w *wire, started func()) (int, error) {
	for {
		var p progress
		if _, err := w.receive(&p); err != nil {
			return 0, err
		}
		if p.Started {
			started()
		}
		if p.Done {
			return p.Status, p.Failed.err()
		}
	}
}

// passOn sends this process's signals to the command.
func passOn(ctx context.Context, w *wire, signals <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-signals:
			_ = w.send(signalled{Signal: int(s.(syscall.Signal))}) // it may just have ended
		}
	}
}

// Add plugs a device called name into the LAN of the lab in dir. Faults:
// lab.bad_name, lab.host_exists, lab.full.
func Add(dir, name string) error { return ask(dir, request{Op: "add", Name: name}) }

// Kill ends the gateway process of the lab in dir with SIGKILL and returns
// when it is gone. Fault: lab.gateway_down.
func Kill(dir string) error { return ask(dir, request{Op: "kill"}) }

// Start starts it again and returns when it is ready. Faults:
// lab.gateway_runs, lab.gateway_failed.
func Start(dir string) error { return ask(dir, request{Op: "start"}) }

func ask(dir string, r request) error {
	w, err := dial(dir)
	if err != nil {
		return err
	}
	defer w.conn.Close()
	if err := w.send(r); err != nil {
		return err
	}
	var p progress
	if _, err := w.receive(&p); err != nil {
		return text.NewFault("lab.not_running", "dir", dir).Because(err)
	}
	return p.Failed.err()
}

func dial(dir string) (*wire, error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: labSocket(dir), Net: "unix"})
	if err != nil {
		return nil, text.NewFault("lab.not_running", "dir", dir).Because(err)
	}
	return &wire{conn: c}, nil
}

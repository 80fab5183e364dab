package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway/run"
)

// An order is what the lab tells a host's agent. Files travel with it.
type order struct {
	ID   uint64    `json:"id"`
	Op   string    `json:"op"`
	Host *host     `json:"host,omitempty"` // become
	Site *gateSite `json:"site,omitempty"` // gate: what the gateway's agent needs to know
	Exec *command  `json:"exec,omitempty"` // exec: files are the client and its stdio
	To   string    `json:"to,omitempty"`   // forward: the file is a listener outside; join: the port
}

// An answer ends the order of the same number.
type answer struct {
	ID     uint64   `json:"id"`
	Failed *failure `json:"failed,omitempty"`
}

// An agent is a host of the lab: process 1 of namespaces of its own. When it
// ends, the kernel ends everything in them.
type agent struct {
	name  string
	group *run.Group
	procs *procs
	gate  *gate // the gateway's agent only
	err   io.Writer
}

// Host is the hidden command every host of the lab runs. It obeys the lab at
// file descriptor 3 until that closes, which it also does when the lab is
// killed.
func Host(ctx context.Context, name string, stderr io.Writer) error {
	// By hand it would lay mounts over the machine's own.
	if os.Getpid() != 1 {
		return errors.New("only the lab starts hosts")
	}
	w, err := wireOf(os.NewFile(3, "lab"))
	if err != nil {
		return err
	}
	if err := ownMounts(name); err != nil {
		return err
	}
	g, ctx := run.NewGroup(ctx)
	a := &agent{name: name, group: g, procs: newProcs(), err: stderr}
	g.Go("children", a.procs.reap)
	g.Go("orders", func(ctx context.Context) error {
		err := a.obey(ctx, w)
		if err == nil {
			err = errEnded // cancels the group
		}
		return err
	})
	stop := context.AfterFunc(ctx, func() { w.conn.Close() })
	defer stop()
	if err := g.Wait(); err != nil && !errors.Is(err, errEnded) {
		return err
	}
	return nil
}

var errEnded = errors.New("the lab ended")

// ownMounts gives the host its own view of /proc and its own name. Where a
// container forbids a new /proc the outer one stays: only ps shows more.
func ownMounts(name string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("parting from the machine's mounts: %w", err)
	}
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("naming the host: %w", err)
	}
	return nil
}

// obey carries out orders until the lab is gone. Starting does not keep the
// rest waiting: a gateway that takes its time can be killed meanwhile.
func (a *agent) obey(ctx context.Context, w *wire) error {
	for {
		var o order
		files, err := w.receive(&o)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		do := func(ctx context.Context) error {
			return w.send(answer{o.ID, failureOf(a.do(ctx, o, files))})
		}
		if o.Op == "start" {
			a.group.Go(o.Op, do)
			continue
		}
		if err := do(ctx); err != nil {
			return err
		}
	}
}

func (a *agent) do(ctx context.Context, o order, files []*os.File) error {
	switch o.Op {
	case "become":
		return a.become(ctx, *o.Host)
	case "join":
		return join(o.To)
	case "exec":
		return a.exec(ctx, *o.Exec, files)
	case "forward":
		return a.forward(files, o.To)
	case "gate":
		a.gate = newGate(*o.Site, a.procs, a.err)
		return a.gate.closeUp(ctx)
	case "start":
		return a.gate.start(ctx, a.group)
	case "kill":
		return a.gate.kill()
	case "stop":
		return a.gate.stop(ctx)
	}
	closeAll(files)
	return fmt.Errorf("unknown order %q", o.Op)
}

// become turns a bare namespace into the host: network first, then what it
// answers.
func (a *agent) become(ctx context.Context, h host) error {
	if h.Resolv != "" {
		// A machine without the file has nothing to lay over; then programs
		// in the host ask 127.0.0.1 and get nothing, which is as true.
		if err := unix.Mount(h.Resolv, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("setting the resolver: %w", err)
		}
	}
	if a.gate != nil {
		if err := a.gate.tune(); err != nil {
			return err
		}
	}
	if err := plug(h); err != nil {
		return err
	}
	if a.gate != nil {
		if err := a.gate.boot(ctx); err != nil {
			return err
		}
	}
	for _, s := range h.Services {
		serve, err := open(ctx, s)
		if err != nil {
			return fmt.Errorf("opening %s %s: %w", s.Kind, s.Addr, err)
		}
		a.group.Go(s.Kind, serve)
	}
	if len(h.Talks) > 0 {
		a.group.Go("hello", func(ctx context.Context) error { return greet(ctx, h.Talks, 20*time.Second) })
	}
	return nil
}

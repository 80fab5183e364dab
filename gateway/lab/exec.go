package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A command is what a client wants run in a host.
type command struct {
	Args []string `json:"args"`
	Env  []string `json:"env"`
	Dir  string   `json:"dir"`
}

// progress is what a client hears about its command; the last has Done set.
type progress struct {
	Started bool     `json:"started,omitempty"`
	Done    bool     `json:"done,omitempty"`
	Status  int      `json:"status"` // as a shell says it: 128 + n after signal n
	Failed  *failure `json:"failed,omitempty"`
}

// signalled is what a client says of a signal it got.
type signalled struct {
	Signal int `json:"signal"`
}

// exec starts c for the client at files[0], on its files 1 to 3, and leaves a
// task that ends with the command. A client that goes away takes its command
// along.
func (a *agent) exec(ctx context.Context, c command, files []*os.File) error {
	if len(files) != 4 || len(c.Args) == 0 {
		closeAll(files)
		return errors.New("running a command: incomplete order")
	}
	client, err := wireOf(files[0])
	stdio := files[1:]
	defer closeAll(stdio)
	if err != nil {
		return err
	}
	path, err := lookPath(c.Args[0], c.Env)
	if err == nil {
		var pid int
		var done <-chan syscall.WaitStatus
		pid, done, err = a.procs.start(append([]string{path}, c.Args[1:]...), &syscall.ProcAttr{
			Dir: c.Dir, Env: c.Env,
			Files: []uintptr{stdio[0].Fd(), stdio[1].Fd(), stdio[2].Fd()},
			Sys:   &syscall.SysProcAttr{Setpgid: true},
		})
		if err == nil {
			a.group.Go("command", func(ctx context.Context) error { return a.attend(ctx, client, pid, done) })
			return nil
		}
	}
	defer client.conn.Close()
	status := 126
	if errors.Is(err, fs.ErrNotExist) {
		status = 127
	}
	fmt.Fprintf(stdio[2], "monban lab: %s: %v\n", filepath.Base(c.Args[0]), err)
	// The client may be gone; its command never was.
	_ = client.send(progress{Done: true, Status: status})
	return nil
}

// attend passes the client's signals on and tells it the end.
func (a *agent) attend(ctx context.Context, client *wire, pid int, done <-chan syscall.WaitStatus) error {
	stop := context.AfterFunc(ctx, func() { client.conn.Close() })
	defer stop()
	// Nobody to tell is not the host's trouble.
	_ = client.send(progress{Started: true})
	over := make(chan struct{})
	a.group.Go("signals", func(context.Context) error {
		for {
			var s signalled
			files, err := client.receive(&s)
			closeAll(files)
			select {
			case <-over: // what the command left running is its own
				return nil
			default:
			}
			if err != nil {
				_ = syscall.Kill(-pid, syscall.SIGKILL)
				return nil
			}
			_ = syscall.Kill(-pid, syscall.Signal(s.Signal))
		}
	})
	select {
	case ws := <-done:
		close(over)
		status := ws.ExitStatus()
		if ws.Signaled() {
			status = 128 + int(ws.Signal())
		}
		_ = client.send(progress{Done: true, Status: status})
	case <-ctx.Done():
	}
	client.conn.Close()
	return nil
}

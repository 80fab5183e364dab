package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"monban/gateway/run"
	"monban/gateway/text"
)

// A member is a host as the lab sees it: its agent and the wire to it.
type member struct {
	host host
	cmd  *exec.Cmd
	wire *wire

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan error
	gone    bool
}

var errGone = errors.New("the host is gone")

// newMember starts the agent of h in new namespaces, which live as long as it
// does.
func newMember(o Options, h host) (*member, error) {
	w, theirs, err := wirePair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(o.Program, "lab", "host", h.Name)
	cmd.Dir = o.Dir
	cmd.Stdout, cmd.Stderr = o.Err, o.Err
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS,
		Setsid:     true, // a Ctrl-C is for the lab, which then ends its hosts
	}
	if err := cmd.Start(); err != nil {
		w.conn.Close()
		if noNamespaces(err) {
			return nil, text.NewFault("lab.no_namespaces").Because(err)
		}
		return nil, fmt.Errorf("starting host %s: %w", h.Name, err)
	}
	return &member{host: h, cmd: cmd, wire: w, waiting: map[uint64]chan error{}}, nil
}

// attend adds the tasks that hear the agent and wait for it. Its end, unless
// the lab ends, is an error.
func (m *member) attend(g *run.Group) {
	g.Go("host "+m.host.Name, func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { m.wire.conn.Close() })
		defer stop()
		for {
			var a answer
			if _, err := m.wire.receive(&a); err != nil {
				break
			}
			m.mu.Lock()
			if c := m.waiting[a.ID]; c != nil {
				c <- a.Failed.err()
				delete(m.waiting, a.ID)
			}
			m.mu.Unlock()
		}
		m.mu.Lock()
		m.gone = true
		for id, c := range m.waiting {
			c <- errGone
			delete(m.waiting, id)
		}
		m.mu.Unlock()
		m.wire.conn.Close() // the agent ends, and all in its namespaces
		err := m.cmd.Wait()
		if ctx.Err() == nil && err == nil {
			err = errGone
		}
		return err
	})
}

// order has the agent carry o out and waits.
func (m *member) order(ctx context.Context, o order, files ...*os.File) error {
	c := make(chan error, 1)
	m.mu.Lock()
	if m.gone {
		m.mu.Unlock()
		return errGone
	}
	m.last++
	o.ID = m.last
	m.waiting[o.ID] = c
	m.mu.Unlock()
	if err := m.wire.send(o, files...); err != nil {
		return err
	}
	select {
	case err := <-c:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *member) pid() int { return m.cmd.Process.Pid }

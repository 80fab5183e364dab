package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"monban/gateway/text"
)

// A request is what a client asks of the lab at DIR/lab.sock. For exec the
// client's three standard files come along.
type request struct {
	Op   string   `json:"op"` // exec, add, kill, start
	Name string   `json:"name,omitempty"`
	Exec *command `json:"exec,omitempty"`
}

// listen opens lab.sock and adds the task that serves it. The directory is
// its owner's alone.
func (l *lab) listen() error {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: labSocket(l.o.Dir), Net: "unix"})
	if err != nil {
		return fmt.Errorf("opening the lab's socket: %w", err)
	}
	if err := os.Chmod(labSocket(l.o.Dir), 0o600); err != nil {
		ln.Close()
		return fmt.Errorf("opening the lab's socket: %w", err)
	}
	l.group.Go("lab.sock", accepting(ln, func(ctx context.Context, c net.Conn) error {
		return l.serve(ctx, &wire{conn: c.(*net.UnixConn)})
	}))
	return nil
}

// serve answers one request. An exec is handed to the host's agent together
// with the client, and is then none of the lab's business.
func (l *lab) serve(ctx context.Context, w *wire) error {
	var r request
	files, err := w.receive(&r)
	if err != nil {
		return err
	}
	defer closeAll(files)
	if r.Op == "exec" && r.Exec != nil {
		if err = l.exec(ctx, w, r, files); err == nil {
			return nil
		}
	} else {
		err = l.act(ctx, r)
	}
	p := progress{Done: true, Failed: failureOf(lifted(err))}
	if err != nil {
		p.Status = 1
	}
	return w.send(p)
}

func (l *lab) act(ctx context.Context, r request) error {
	switch r.Op {
	case "add":
		return l.add(ctx, r.Name)
	case "kill":
		return l.gateway().order(ctx, order{Op: "kill"})
	case "start":
		if err := l.gateway().order(ctx, order{Op: "start"}); err != nil {
			return err
		}
		l.acquaint(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.writeLabFile() // the set-up code may have been used
	}
	return fmt.Errorf("unknown request %q", r.Op)
}

func (l *lab) gateway() *member { return l.found(gatewayName) }

// found is member for those who do not hold the lock.
func (l *lab) found(name string) *member {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.member(name)
}

func (l *lab) exec(ctx context.Context, w *wire, r request, files []*os.File) error {
	if len(files) != 3 {
		return errors.New("running a command: its files are missing")
	}
	m := l.found(r.Name)
	if m == nil {
		return text.NewFault("lab.no_host", "name", r.Name, "hosts", l.names())
	}
	client, err := w.conn.File()
	if err != nil {
		return fmt.Errorf("handing the client over: %w", err)
	}
	defer client.Close()
	c := *r.Exec
	c.Env = append(slices.Clone(c.Env), "MONBAN="+l.o.Program, "MONBAN_LAB="+l.o.Dir)
	return m.order(ctx, order{Op: "exec", Exec: &c}, append([]*os.File{client}, files...)...)
}

// names are the hosts commands can be run in.
func (l *lab) names() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := ""
	for i, m := range l.members {
		if i > 0 {
			s += ", "
		}
		s += m.host.Name
	}
	return s
}

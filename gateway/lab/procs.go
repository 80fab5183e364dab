package lab

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
)

// procs starts and reaps the processes of a host. Its agent is process 1
// there and inherits every orphan, so one place waits for all of them.
type procs struct {
	mu    sync.Mutex
	wait  map[int]chan syscall.WaitStatus
	child chan os.Signal
}

func newProcs() *procs {
	p := &procs{wait: map[int]chan syscall.WaitStatus{}, child: make(chan os.Signal, 1)}
	signal.Notify(p.child, syscall.SIGCHLD)
	return p
}

// start runs argv; the channel gets its end. A fork that fails is waited for
// by ForkExec itself, hence the lock.
func (p *procs) start(argv []string, attr *syscall.ProcAttr) (pid int, done <-chan syscall.WaitStatus, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, err = syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, nil, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	c := make(chan syscall.WaitStatus, 1)
	p.wait[pid] = c
	return pid, c, nil
}

// reap is the task that waits for every child.
func (p *procs) reap(ctx context.Context) error {
	defer signal.Stop(p.child)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.child:
		}
		p.mu.Lock()
		for {
			var ws syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
			if c := p.wait[pid]; c != nil {
				c <- ws
				delete(p.wait, pid)
			}
		}
		p.mu.Unlock()
	}
}

// outcome puts a process's end into words, empty for a good one.
func outcome(ws syscall.WaitStatus) string {
	switch {
	case ws.Signaled():
		return "killed by " + ws.Signal().String()
	case ws.ExitStatus() != 0:
		return fmt.Sprintf("exit status %d", ws.ExitStatus())
	}
	return ""
}

// lookPath finds name as a shell with the given environment would.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		file := dir + "/" + name
		if st, err := os.Stat(file); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, os.ErrNotExist)
}

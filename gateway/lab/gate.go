package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"monban/firewall"
	"monban/gateway/run"
	"monban/gateway/text"
)

// A gateSite is what the gateway's agent needs to start the product.
type gateSite struct {
	Program string       `json:"program"`
	Dir     string       `json:"dir"`
	Lang    text.Lang    `json:"lang"`
	LAN     []netip.Addr `json:"lan"`
}

// A gate does in the gateway's namespace what systemd and the boot units do
// on the box: it closes the firewall before any link is up, owns the sockets
// across every end of the daemon, and waits until the daemon says it is ready.
type gate struct {
	site  gateSite
	procs *procs
	err   io.Writer

	notify  *net.UnixConn
	sockets []passed
	tester  *tester

	starting sync.Mutex
	mu       sync.Mutex
	pid      int // 0: not running
	ended    chan struct{}
	how      string // how it ended
	expected bool   // we ended it, or say by ourselves that it ended
}

// Times the gateway gets. A Pi-class machine builds its first certificate and
// opens its store within the first.
const (
	readyWithin = time.Minute
	stopWithin  = 5 * time.Second
)

func newGate(s gateSite, p *procs, stderr io.Writer) *gate {
	return &gate{site: s, procs: p, err: stderr}
}

// closeUp is boot stage 0, before the namespace has a link.
func (g *gate) closeUp(ctx context.Context) error {
	return g.command(ctx, "rules", "--closed")
}

// tune sets what the rules rely on, as the boot unit does.
func (g *gate) tune() error {
	for _, s := range firewall.Sysctls() {
		if err := sysctl(s.Key, s.Value); err != nil {
			return err
		}
	}
	return nil
}

// boot is stage 1: the rules of the last good site.toml, before the daemon.
func (g *gate) boot(ctx context.Context) error {
	return g.command(ctx, "rules", "--boot", "--config", configFile(g.site.Dir), "--state", stateDir(g.site.Dir))
}

// command runs the product with args and waits for it; its words go to the
// log.
func (g *gate) command(ctx context.Context, args ...string) error {
	_, done, err := g.run(nil, nil, args...)
	if err != nil {
		return err
	}
	select {
	case ws := <-done:
		if s := outcome(ws); s != "" {
			return g.failed(strings.Join(args, " ") + ": " + s)
		}
	case <-ctx.Done():
	}
	return nil
}

// run starts the product with args in a process group of its own. Files get
// descriptors from 3 on.
func (g *gate) run(env []string, files []int, args ...string) (int, <-chan syscall.WaitStatus, error) {
	log, err := os.OpenFile(gatewayLog(g.site.Dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, nil, fmt.Errorf("opening the gateway's log: %w", err)
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, fmt.Errorf("opening the null device: %w", err)
	}
	defer null.Close()
	fds := []uintptr{null.Fd(), log.Fd(), log.Fd()}
	for _, fd := range files {
		fds = append(fds, uintptr(fd))
	}
	return g.procs.start(append([]string{g.site.Program}, args...), &syscall.ProcAttr{
		Dir: g.site.Dir, Env: append(os.Environ(), env...), Files: fds,
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
}

// activated starts the product as socket activation does: LISTEN_PID has to
// be the process's own number, so it first becomes itself by way of a hidden
// command that sets it.
func (g *gate) activated(env []string, ps []passed, args ...string) (int, <-chan syscall.WaitStatus, error) {
	var fds []int
	var names []string
	for _, p := range ps {
		fds = append(fds, p.fd)
		names = append(names, p.name)
	}
	env = append(env, "LISTEN_FDS="+strconv.Itoa(len(fds)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	return g.run(env, fds, append([]string{"lab", "activate", "--", g.site.Program}, args...)...)
}

// start starts the daemon and returns when it said READY=1.
func (g *gate) start(ctx context.Context, group *run.Group) error {
	g.starting.Lock()
	defer g.starting.Unlock()
	g.mu.Lock()
	running := g.pid != 0
	g.mu.Unlock()
	if running {
		return text.NewFault("lab.gateway_runs")
	}
	if err := g.listen(group); err != nil {
		return err
	}
	drainFor(g.notify, time.Millisecond)
	dir := g.site.Dir
	pid, done, err := g.activated([]string{"NOTIFY_SOCKET=" + notifyName}, g.sockets, "--lang", string(g.site.Lang),
		"serve", "--config", configFile(dir), "--state", stateDir(dir), "--socket", controlSocket(dir),
		"--selftest-socket", selftestSocket(dir), "--slot-socket", "", "--clock", clockFile(dir))
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	g.mu.Lock()
	g.pid, g.ended, g.expected, g.how = pid, ended, true, ""
	g.mu.Unlock()
	group.Go("gateway's end", func(ctx context.Context) error { return g.attend(ctx, done, ended) })
	ready := awaitReady(ctx, g.notify, ended, readyWithin)
	g.mu.Lock()
	how := g.how
	g.expected = !ready
	g.mu.Unlock()
	if ready {
		group.Go("watchdog", func(ctx context.Context) error {
			// systemd would listen to each beat; a daemon nobody listens to
			// finds the socket full.
			for {
				select {
				case <-ctx.Done():
					return nil
				case <-ended:
					return nil
				default:
					drainFor(g.notify, 100*time.Millisecond)
				}
			}
		})
		return nil
	}
	if how == "" {
		how = "no READY=1 within " + readyWithin.String()
	}
	return g.failed(how)
}

// attend notes how the daemon ended and says so if nobody asked it to.
func (g *gate) attend(ctx context.Context, done <-chan syscall.WaitStatus, ended chan struct{}) error {
	select {
	case <-ctx.Done():
		return nil
	case ws := <-done:
		g.mu.Lock()
		g.pid, g.how = 0, outcome(ws)
		if g.how == "" {
			g.how = "exit status 0"
		}
		if !g.expected {
			fmt.Fprintln(g.err, g.site.Lang.Say("lab.gateway_ended", text.Args{"how": g.how, "dir": g.site.Dir}))
		}
		g.mu.Unlock()
		close(ended)
		return nil
	}
}

// kill ends the daemon at once, as a crash would, and waits until it is gone.
func (g *gate) kill() error { return g.end(syscall.SIGKILL, readyWithin) }

// stop asks the daemon to end, and insists after a while.
func (g *gate) stop(context.Context) error {
	if err := g.end(syscall.SIGTERM, stopWithin); err == nil {
		return nil
	}
	return g.end(syscall.SIGKILL, stopWithin)
}

func (g *gate) end(sig syscall.Signal, within time.Duration) error {
	g.mu.Lock()
	pid, ended := g.pid, g.ended
	g.expected = true
	g.mu.Unlock()
	if pid == 0 {
		if sig == syscall.SIGKILL {
			return text.NewFault("lab.gateway_down")
		}
		return nil
	}
	_ = syscall.Kill(pid, sig) // gone already is what was wanted
	select {
	case <-ended:
		return nil
	case <-time.After(within):
		return fmt.Errorf("ending the gateway: still there after %s", within)
	}
}

// failed is the fault for a gateway that would not come up, with the end of
// its log.
func (g *gate) failed(how string) error {
	f := text.NewFault("lab.gateway_failed", "how", how, "log", gatewayLog(g.site.Dir))
	if tail := lastLines(gatewayLog(g.site.Dir), 8); tail != "" {
		return f.Because(fmt.Errorf("%s", tail))
	}
	return f
}

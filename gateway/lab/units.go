package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway/run"
)

// What the box's socket units do: sockets that outlive the daemon, its
// readiness, and the self-test service that starts when it is asked.

// notifyName is an abstract socket, so private to the gateway's namespace.
const notifyName = "@monban-lab-notify"

// A passed socket is one the daemon inherits, under the name its unit gives.
type passed struct {
	name string
	fd   int
}

// listen opens the sockets once; they stay open across kill and start.
func (g *gate) listen(group *run.Group) error {
	if g.notify != nil {
		return nil
	}
	var open []passed
	for _, a := range g.site.LAN {
		// One per processor, as the unit has it: the kernel spreads queries.
		for range max(2, runtime.NumCPU()) {
			fd, err := bound(a, 53, unix.SOCK_DGRAM)
			if err != nil {
				return err
			}
			open = append(open, passed{"dns-udp", fd})
		}
		for _, s := range []struct {
			name string
			port uint16
		}{{"dns-tcp", 53}, {"page", 443}, {"http", 80}} {
			fd, err := bound(a, s.port, unix.SOCK_STREAM)
			if err != nil {
				return err
			}
			open = append(open, passed{s.name, fd})
		}
	}
	g.sockets = open
	t, err := newTester(g)
	if err != nil {
		return err
	}
	g.tester = t
	group.Go("self-test", t.serve)
	g.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notifyName, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("opening the notify socket: %w", err)
	}
	return nil
}

// bound returns a socket at a:port that others of ours may share; a stream
// socket listens.
func bound(a netip.Addr, port uint16, kind int) (int, error) {
	family := unix.AF_INET
	var sa unix.Sockaddr = &unix.SockaddrInet4{Port: int(port)}
	if a.Is4() {
		sa.(*unix.SockaddrInet4).Addr = a.As4()
	} else {
		family, sa = unix.AF_INET6, &unix.SockaddrInet6{Port: int(port), Addr: a.As16()}
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("opening a socket: %w", err)
	}
	set := func(level, opt int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, level, opt, 1)
		}
	}
	set(unix.SOL_SOCKET, unix.SO_REUSEADDR)
	if kind == unix.SOCK_DGRAM {
		set(unix.SOL_SOCKET, unix.SO_REUSEPORT)
	}
	if family == unix.AF_INET6 {
		set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err == nil && kind == unix.SOCK_STREAM {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("listening at %s: %w", netip.AddrPortFrom(a, port), err)
	}
	return fd, nil
}

// drainFor forgets what was said and what is said within d.
func drainFor(c *net.UnixConn, d time.Duration) {
	buf := make([]byte, 4096)
	_ = c.SetReadDeadline(time.Now().Add(d))
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// awaitReady reads c until READY=1; false if the daemon ended or within passed.
func awaitReady(ctx context.Context, c *net.UnixConn, ended <-chan struct{}, within time.Duration) bool {
	buf := make([]byte, 4096)
	for until := time.Now().Add(within); time.Now().Before(until); {
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := c.Read(buf)
		if err == nil {
			for line := range strings.Lines(string(buf[:n])) {
				if strings.TrimSpace(line) == "READY=1" {
					return true
				}
			}
			continue
		}
		select {
		case <-ctx.Done():
			return false
		case <-ended:
			return false
		default:
		}
	}
	return false
}

// lastLines are the last n lines of a file, empty if there is none.
func lastLines(file string, n int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// A tester is the self-test's socket unit: the service runs as root beside
// the daemon and starts when a connection waits.
type tester struct {
	gate   *gate
	fd     int
	signal *os.File // the same socket, for waiting on it
}

func newTester(g *gate) (*tester, error) {
	path := selftestSocket(g.site.Dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("clearing %s: %w", filepath.Base(path), err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the self-test's socket: %w", err)
	}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err == nil {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", path, err)
	}
	wait, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("copying the self-test's socket: %w", err)
	}
	return &tester{gate: g, fd: fd, signal: os.NewFile(uintptr(wait), path)}, nil
}

// serve starts the service whenever a connection waits and none runs. One
// that fails gets a pause, not a storm.
func (t *tester) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { t.signal.Close() })
	defer stop()
	raw, err := t.signal.SyscallConn()
	if err != nil {
		return fmt.Errorf("waiting for the self-test's socket: %w", err)
	}
	for ctx.Err() == nil {
		err := raw.Read(func(fd uintptr) bool {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
			return n > 0 && err == nil
		})
		if err != nil {
			return err
		}
		_, done, err := t.gate.activated(nil, []passed{{"selftest", t.fd}}, "selftest", "serve")
		if err != nil {
			return err
		}
		var ws syscall.WaitStatus
		select {
		case <-ctx.Done():
			return nil
		case ws = <-done:
		}
		if outcome(ws) != "" {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
	return nil
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/lab"
	"monban/gateway/window"
)

// TestMain makes the test binary stand in for monban: the lab starts it as its
// hosts and as the daemon, so that what is tested is this very code.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		main()
	}
	os.Exit(m.Run())
}

// A clinic is a running lab.
type clinic struct {
	t   testing.TB
	dir string
	lab.File
	log *logBuffer
}

// open starts a lab in a directory of its own, and ends it with the test. It
// fails where a lab cannot be: these tests are what shows that the product
// works.
func open(t testing.TB, prepare ...func(dir string)) *clinic {
	t.Helper()
	c := &clinic{t: t, dir: t.TempDir(), log: &logBuffer{}}
	for _, f := range prepare {
		f(c.dir)
	}
	cmd := exec.Command(self(t), "--lang", "en", "lab", "up", "--dir", c.dir, "--listen", freeAddr(t))
	cmd.Stderr = c.log
	cmd.Env = append(os.Environ(), "MONBAN_SETUP_LAN=lan0") // as a board file says
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.end(cmd) })
	ready := make(chan bool, 1)
	go func() {
		s := bufio.NewScanner(out)
		for s.Scan() {
			if strings.HasPrefix(s.Text(), "lab: ready https://") {
				ready <- true
			}
		}
		close(ready)
	}()
	select {
	case ok := <-ready:
		if !ok {
			t.Fatalf("the lab did not come up:\n%s", c.log)
		}
	case <-time.After(60 * time.Second):
		t.Fatalf("the lab did not come up in a minute:\n%s", c.log)
	}
	if c.File, err = lab.ReadFile(c.dir); err != nil {
		t.Fatal(err)
	}
	return c
}

// end interrupts the lab as a person would, and wants it gone soon.
func (c *clinic) end(cmd *exec.Cmd) {
	cmd.Process.Signal(syscall.SIGINT)
	timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !timer.Stop() {
		c.t.Errorf("the lab did not end by itself")
	}
	if err != nil {
		c.t.Errorf("the lab ended with %v", err)
	}
	if c.t.Failed() {
		said, _ := os.ReadFile(filepath.Join(c.dir, "gateway.log"))
		c.t.Logf("the lab said:\n%s\nthe daemon said:\n%s", c.log, said)
	}
}

func self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// freeAddr is a loopback address nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A logBuffer is written by a process and read by the test.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// try runs monban and returns what it printed and its exit status.
func (c *clinic) try(args ...string) (stdout, stderr string, status int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self(c.t), append([]string{"--lang", "en"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		c.t.Fatalf("monban %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// run is try for what must succeed.
func (c *clinic) run(args ...string) string {
	c.t.Helper()
	out, errs, status := c.try(args...)
	if status != 0 {
		c.t.Fatalf("monban %s: exit status %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return out
}

// ask runs a control command and decodes its JSON.
func (c *clinic) ask(v any, args ...string) {
	c.t.Helper()
	out := c.run(append(args, "--json", "--socket", c.Socket)...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		c.t.Fatalf("monban %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// in runs one of the lab's tools in a host.
func (c *clinic) in(host string, args ...string) (stdout, stderr string, status int) {
	c.t.Helper()
	return c.try(append([]string{"lab", "exec", "--dir", c.dir, host, "--", self(c.t), "lab", "tool"}, args...)...)
}

// breakGlass opens a window as root on the console does.
func (c *clinic) breakGlass(device, port string, d time.Duration) gateway.Window {
	c.t.Helper()
	var w gateway.Window
	c.ask(&w, "window", "open", "--break-glass", "--vendor", c.Vendor, "--device", device,
		"--port", port, "--for", d.String(), "--reason", "test")
	return w
}

// window reads one window back.
func (c *clinic) window(id int64) gateway.Window {
	c.t.Helper()
	var ws []gateway.Window
	c.ask(&ws, "window", "list")
	for _, w := range ws {
		if w.ID == id {
			return w
		}
	}
	c.t.Fatalf("window %d is not listed", id)
	return gateway.Window{}
}

// verified wants the log to verify.
func (c *clinic) verified() gateway.AuditCheck {
	c.t.Helper()
	var a gateway.AuditCheck
	c.ask(&a, "audit", "verify")
	return a
}

// A talk is a conversation going on in a host.
type talk struct {
	t      testing.TB
	cmd    *exec.Cmd
	mu     sync.Mutex
	events []lab.Event
	done   chan struct{}
}

// talk starts a conversation from host to addr.
func (c *clinic) talk(host, network, addr string, more ...string) *talk {
	c.t.Helper()
	args := []string{"lab", "exec", "--dir", c.dir, host, "--", self(c.t), "lab", "tool", "talk", "--every", "20ms"}
	if network == "udp" {
		args = append(args, "--udp")
	}
	k := &talk{t: c.t, done: make(chan struct{}), cmd: exec.Command(self(c.t), append(append(args, more...), addr)...)}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go k.read(out)
	c.t.Cleanup(k.stop)
	return k
}

func (k *talk) read(out io.Reader) {
	defer close(k.done)
	for d := json.NewDecoder(out); ; {
		var e lab.Event
		if d.Decode(&e) != nil {
			return
		}
		k.mu.Lock()
		k.events = append(k.events, e)
		k.mu.Unlock()
	}
}

// stop ends the conversation; a second time it does nothing.
func (k *talk) stop() {
	if k.cmd.ProcessState != nil {
		return
	}
	k.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-k.done:
	case <-time.After(5 * time.Second):
		k.cmd.Process.Kill()
		<-k.done
	}
	k.cmd.Wait()
}

// last is when something came from the other side last, and how much did.
func (k *talk) last(what ...string) (at time.Time, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.events {
		for _, w := range what {
			if e.What == w {
				at, n = time.Unix(0, e.At), n+1
			}
		}
	}
	return at, n
}

// wait waits until n things of that kind happened.
func (k *talk) wait(n int, what ...string) {
	k.t.Helper()
	for range 500 {
		if _, have := k.last(what...); have >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.t.Fatalf("waited in vain for %d of %v; there was %v", n, what, k.events)
}

// addr joins an address of a host and a port.
func (c *clinic) addr(host string, is6 bool, port int) string {
	c.t.Helper()
	for _, a := range c.Hosts[host].Addrs {
		if a.Is6() == is6 && !(is6 && a.IsPrivate()) {
			return net.JoinHostPort(a.String(), fmt.Sprint(port))
		}
	}
	c.t.Fatalf("%s has no such address", host)
	return ""
}

// wan is the gateway's outside address and a port.
func (c *clinic) wan(port int) string {
	return net.JoinHostPort(c.WAN[0].String(), fmt.Sprint(port))
}

func (c *clinic) state() string { return filepath.Join(c.dir, "state") }

// sessions are the connections on record for a window.
func (c *clinic) sessions(id int64) []window.Session {
	c.t.Helper()
	var w gateway.Window
	c.ask(&w, "window", "show", fmt.Sprint(id))
	return w.Sessions
}

func containsAny(s string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/firewall"
	"monban/gateway"
	"monban/gateway/control"
	"monban/gateway/lab"
	"monban/gateway/window"
)

// with is the clinic for a part of a test.
func (c *clinic) with(t testing.TB) *clinic {
	p := *c
	p.t = t
	return &p
}

// say asks the daemon without starting a program for it; out may be nil.
func (c *clinic) say(path string, in, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return control.Client{Path: c.Socket}.Post(ctx, path, in, out)
}

// see is say for what changes nothing, and must succeed.
func (c *clinic) see(path string, out any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := (control.Client{Path: c.Socket}).Get(ctx, path, out); err != nil {
		c.t.Fatalf("GET %s: %v", path, err)
	}
}

// inbound is a request for ports of the receipt computer.
func inbound(length time.Duration, ports ...string) gateway.Ask {
	a := gateway.Ask{Kind: window.Inbound, Vendor: lab.Vendor, Device: "rececom", Length: length, Reason: "test", Requester: "保守 太郎"}
	for _, s := range ports {
		p, err := window.ParsePort(s)
		if err != nil {
			panic(err)
		}
		a.Ports = append(a.Ports, p)
	}
	return a
}

// request records a request, as staff on the console do.
func (c *clinic) request(a gateway.Ask) gateway.Window {
	c.t.Helper()
	var w gateway.Window
	if err := c.say("/windows/ask", a, &w); err != nil {
		c.t.Fatalf("asking for a window: %v", err)
	}
	return w
}

// breakOpen opens a window as root on the console does.
func (c *clinic) breakOpen(a gateway.Ask) gateway.Window {
	c.t.Helper()
	var w gateway.Window
	if err := c.say("/windows", a, &w); err != nil {
		c.t.Fatalf("breaking a window open: %v", err)
	}
	return w
}

// show reads one window back with its sessions.
func (c *clinic) show(id int64) gateway.Window {
	c.t.Helper()
	var w gateway.Window
	c.see("/windows/"+itoa(id), &w)
	return w
}

// reaches waits until the window is in that state.
func (c *clinic) reaches(id int64, want window.State, within time.Duration) gateway.Window {
	c.t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		w := c.show(id)
		if w.State == want {
			return w
		}
		if time.Since(began) > within {
			c.t.Fatalf("window %d is %s after %v, not %s", id, w.State, within, want)
		}
	}
}

// closeOff closes a window and enters its vendor's report, without which he
// may not ask again.
func (c *clinic) closeOff(id int64) {
	c.t.Helper()
	if err := c.say("/windows/"+itoa(id)+"/close", nil, nil); err != nil {
		c.t.Fatalf("closing window %d: %v", id, err)
	}
	c.reported(id)
}

func (c *clinic) reported(id int64) {
	c.t.Helper()
	if err := c.say("/windows/"+itoa(id)+"/report", map[string]string{"text": "test"}, nil); err != nil {
		c.t.Fatalf("reporting on window %d: %v", id, err)
	}
}

// bootNow is CLOCK_BOOTTIME, which windows end by.
func bootNow() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// endOf is when a window ends by the kernel's timer, as this machine's wall
// clock tells it now; a lab's clock does not move it.
func endOf(w gateway.Window) time.Time { return time.Now().Add(w.EndBoot - bootNow()) }

// nft runs a tool that is not ours in the gateway.
func (c *clinic) nft(args ...string) string {
	c.t.Helper()
	path, err := exec.LookPath("nft")
	if err != nil {
		c.t.Fatal("this test needs nft; install the package nftables")
	}
	return c.run(append([]string{"lab", "exec", "--dir", c.dir, "gateway", "--", path}, args...)...)
}

// live is what the kernel holds open, by mark, with the time each has left.
func (c *clinic) live() map[uint32]time.Duration {
	c.t.Helper()
	var r struct {
		Nftables []struct {
			Set struct {
				Elem []struct {
					Elem struct {
						Val     json.Number
						Expires int64
					}
				}
			}
		}
	}
	text := c.nft("-j", "list", "set", "inet", "monban", "win_live")
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		c.t.Fatalf("reading what is open: %v\n%s", err, text)
	}
	open := map[uint32]time.Duration{}
	for _, x := range r.Nftables {
		for _, e := range x.Set.Elem {
			n, err := e.Elem.Val.Int64()
			if err != nil {
				c.t.Fatalf("reading what is open: %v\n%s", err, text)
			}
			if m := uint32(n) &^ firewall.Governed; firewall.Mark(m) != firewall.Canary {
				open[m] = time.Duration(e.Elem.Expires) * time.Second
			}
		}
	}
	return open
}

// A tool is one of the lab's tools at work in a host.
type tool struct {
	t    testing.TB
	cmd  *exec.Cmd
	in   *os.File
	out  *bufio.Reader
	errs logBuffer
}

// start runs one of the lab's tools until it is stopped.
func (c *clinic) start(host string, args ...string) *tool {
	c.t.Helper()
	in, w, err := os.Pipe()
	if err != nil {
		c.t.Fatal(err)
	}
	defer in.Close()
	k := &tool{t: c.t, in: w}
	k.cmd = exec.Command(self(c.t), append([]string{"lab", "exec", "--dir", c.dir, host, "--", self(c.t), "lab", "tool"}, args...)...)
	k.cmd.Stdin, k.cmd.Stderr = in, &k.errs
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	k.out = bufio.NewReaderSize(out, 1<<20)
	if err := k.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(k.stop)
	return k
}

// read decodes the next line of what the tool says.
func (k *tool) read(v any) {
	k.t.Helper()
	line, err := k.out.ReadString('\n')
	if err == nil {
		err = json.Unmarshal([]byte(line), v)
	}
	if err != nil {
		k.t.Fatalf("%v: %v\n%s", k.cmd.Args[6:], err, &k.errs)
	}
}

// stop interrupts the tool and waits for it; a second time it does nothing.
func (k *tool) stop() {
	if k.cmd.ProcessState != nil {
		return
	}
	k.cmd.Process.Signal(syscall.SIGINT)
	timer := time.AfterFunc(10*time.Second, func() { k.cmd.Process.Kill() })
	io.Copy(io.Discard, k.out)
	k.cmd.Wait()
	timer.Stop()
	k.in.Close()
}

// last interrupts the tool and decodes the last thing it says.
func (k *tool) last(v any) {
	k.t.Helper()
	k.cmd.Process.Signal(syscall.SIGINT)
	text, err := io.ReadAll(k.out)
	if lines := strings.Split(strings.TrimSpace(string(text)), "\n"); err == nil {
		err = json.Unmarshal([]byte(lines[len(lines)-1]), v)
	}
	if err != nil {
		k.t.Fatalf("%v: %v\n%s%s", k.cmd.Args[6:], err, text, &k.errs)
	}
	k.stop()
}

// A witness is a capture on both sides of the gateway.
type witness struct{ *tool }

// watch begins to capture what goes from or to the ports, anything if none.
func (c *clinic) watch(ports ...int) witness {
	c.t.Helper()
	args := []string{"capture", "--dev", "wan0", "--dev", "lan0"}
	for _, p := range ports {
		args = append(args, "--port", fmt.Sprint(p))
	}
	k := witness{c.start("gateway", args...)}
	var none lab.Catch
	k.read(&none) // it is there
	return k
}

// seen is what was captured so far.
func (k witness) seen() lab.Catch {
	k.t.Helper()
	if _, err := k.in.WriteString("?\n"); err != nil {
		k.t.Fatal(err)
	}
	var s lab.Catch
	k.read(&s)
	if s.Dropped > 0 {
		k.t.Fatalf("the capture missed %d packets and proves nothing", s.Dropped)
	}
	return s
}

// passed are the captured packets that the gateway let out, at either side, of
// flows that match.
func passed(s lab.Catch, match func(lab.Caught) bool) (fs []lab.Caught) {
	return slices.DeleteFunc(slices.Clone(s.Flows), func(f lab.Caught) bool { return !f.Out || !match(f) })
}

// onPort matches flows from or to a port.
func onPort(p int) func(lab.Caught) bool {
	return func(f lab.Caught) bool { return int(f.To.Port()) == p || int(f.From.Port()) == p }
}

// firstOf and lastOf are when the first and the last of such packets were
// let out; zero if none was.
func firstOf(fs []lab.Caught) (at time.Time) {
	for _, f := range fs {
		if t := time.Unix(0, f.First); at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}

func lastOf(fs []lab.Caught) (at time.Time) {
	for _, f := range fs {
		if t := time.Unix(0, f.Last); t.After(at) {
			at = t
		}
	}
	return at
}

// audited are the log's lines of a code, newest first.
func (c *clinic) audited(code string) (out []gateway.AuditLine) {
	c.t.Helper()
	var lines []gateway.AuditLine
	c.see("/audit?limit=1000", &lines)
	for _, l := range lines {
		if l.Code == code {
			out = append(out, l)
		}
	}
	return out
}

func decoded[T any](t testing.TB, s string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v in %q", err, s)
	}
	return v
}

package lab_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"monban/gateway/lab"
)

// A background is one of the traffic tools running in a host until it is
// interrupted.
type background struct {
	cmd *exec.Cmd
	out *bufio.Scanner
	ask *os.File
}

func (r *running) start(t *testing.T, host string, args ...string) *background {
	t.Helper()
	in, ask, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	b := &background{ask: ask, cmd: exec.Command(os.Args[0], append([]string{"lab", "exec", r.dir, host, "sh", "-c", `exec "$MONBAN" lab tool "$@"`, "tool"}, args...)...)}
	b.cmd.Stdin, b.cmd.Stderr = in, os.Stderr
	stdout, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.cmd.Process.Kill(); b.cmd.Wait(); ask.Close() })
	b.out = bufio.NewScanner(stdout)
	b.out.Buffer(nil, 1<<24)
	return b
}

// line reads the next line into v.
func (b *background) line(t *testing.T, v any) {
	t.Helper()
	if !b.out.Scan() {
		t.Fatal("it said nothing more")
	}
	if err := json.Unmarshal(b.out.Bytes(), v); err != nil {
		t.Fatalf("%v: %s", err, b.out.Text())
	}
}

func (b *background) end() { b.cmd.Process.Signal(syscall.SIGINT) }

// What goes by is counted once on the way in and once on the way out, to the
// packet and the byte, with times in order; what nobody asked for is not.
func testCaptureIsExact(t *testing.T, r *running) {
	b := r.start(t, "gateway", "capture", "lan0,wan0")
	var none, seen lab.Catch
	b.line(t, &none)
	out, status := r.tool(t, "printer", "flows", "udp", "2001:db8:0:4::130")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	n := decode[lab.FlowCount](t, lines[len(lines)-1])
	if status != 0 || n.Up != 20 || n.Broken != 0 || n.Sent < 40 || n.Echoes > n.Sent || n.Echoes+20 < n.Sent {
		t.Fatalf("20 conversations: status %d, %+v", status, n)
	}
	b.ask.WriteString("how many?\n")
	b.line(t, &seen)
	// An echo that comes after its conversation's end is refused: an error, not traffic.
	seen.Flows = slices.DeleteFunc(seen.Flows, func(f lab.Caught) bool { return f.Proto == "icmp" })
	if len(none.Flows) != 0 || seen.Dropped != 0 || len(seen.Flows) != 4*20 {
		t.Fatalf("%d flows before, then %d, dropped %d", len(none.Flows), len(seen.Flows), seen.Dropped)
	}
	for _, dev := range []string{"lan0", "wan0"} {
		for _, sent := range []bool{true, false} {
			var packets, bytes uint64
			for _, f := range seen.Flows {
				if f.Dev == dev && f.Out == sent {
					packets, bytes = packets+f.Packets, bytes+f.Bytes
				}
				if f.Proto != "udp" || f.First > f.Last || f.Last > seen.At || (f.To.Port() == 7) != ((f.Dev == "wan0") == f.Out) {
					t.Errorf("%+v", f)
				}
			}
			const size = 40 + 8 + len("say 1\n")
			if packets != n.Sent || bytes != n.Sent*uint64(size) {
				t.Errorf("%s, sent %v: %d packets of %d bytes; there were %d", dev, sent, packets, bytes, n.Sent)
			}
		}
	}
	b.end()
	b.line(t, &seen) // and once more at its end
}

// Every datagram of a paced flood arrives and is counted; a stream comes to
// its end.
func testFloodArrives(t *testing.T, r *running) {
	b := r.start(t, "internet", "sink", "[2001:db8:0:4::130]:7777")
	var s lab.Sunk
	b.line(t, &s)
	out, status := r.tool(t, "printer", "flood", "udp", "[2001:db8:0:4::130]:7777")
	f := decode[lab.Flooded](t, out)
	b.end()
	b.line(t, &s)
	if status != 0 || f.Sent < 1000 || float64(f.Sent) > 10_000*f.Took.Seconds() || s.Got+s.Overflow != f.Sent || s.Next != f.Sent || s.Bytes != s.Got*1000 {
		t.Errorf("status %d, sent %+v, took %+v", status, f, s)
	}
	out, status = r.tool(t, "printer", "flood", "tcp", "[2001:db8:0:4::130]:7")
	if f := decode[lab.Flooded](t, out); status != 0 || f.Bytes < 8e6 {
		t.Errorf("status %d, %+v", status, f)
	}
}

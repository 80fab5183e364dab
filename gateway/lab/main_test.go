package lab_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway/lab"
	"monban/gateway/text"
)

// TestMain makes the test binary stand in for monban: the lab starts it as
// its own parts and as a daemon that is just big enough to be started,
// reached and killed.
func TestMain(m *testing.M) {
	args := os.Args[1:]
	if len(args) > 1 && args[0] == "--lang" {
		args = args[2:]
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-test.") {
		// Under the race detector each of some hundred processes would wait a
		// second before it ends.
		os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := standIn(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		os.Exit(1)
	}
}

func standIn(ctx context.Context, args []string) error {
	switch strings.Join(args[:min(2, len(args))], " ") {
	case "lab up", "lab inside":
		o := lab.Options{Dir: args[3], Listen: args[5], Program: os.Args[0], Lang: text.EN, Out: os.Stdout, Err: os.Stderr}
		if args[1] == "inside" {
			return lab.Inside(ctx, o)
		}
		return lab.Up(ctx, o)
	case "lab host":
		return lab.Host(ctx, args[2], os.Stderr)
	case "lab activate":
		return lab.Activate(args[3:])
	case "lab tool":
		return tool(ctx, args[2:])
	case "lab exec":
		status, err := lab.Exec(ctx, args[2], args[3], args[4:], lab.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
		if err == nil {
			os.Exit(status)
		}
		return err
	case "forbidden lab":
		return forbid(args[1:])
	case "rules --closed", "rules --boot":
		links, err := net.Interfaces()
		fmt.Println("rules", args[1], "links", len(links))
		return err
	case "selftest serve":
		l, err := inherited(3)
		if err != nil {
			return err
		}
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintln(c, "self-test", os.Getenv("LISTEN_FDNAMES"))
		return c.Close()
	}
	if args[0] == "serve" {
		return daemon(ctx, args[4])
	}
	return fmt.Errorf("unknown arguments %q", args)
}

func tool(ctx context.Context, args []string) error {
	switch args[0] {
	case "talk":
		return lab.Talk{Net: args[1], Local: args[2], To: args[3], For: time.Second}.Run(ctx, os.Stdout)
	case "listen":
		return lab.Listen(ctx, args[1], args[2:], os.Stdout)
	case "pipe":
		if len(args) == 3 && strings.HasSuffix(args[2], ":80") {
			return lab.Pipe(ctx, args[1], "", args[2], strings.NewReader("GET / HTTP/9\r\n\r\n"), os.Stdout)
		}
		return lab.Pipe(ctx, args[1], "", args[2], os.Stdin, os.Stdout)
	case "scan":
		r, err := lab.Scan{Target: netip.MustParseAddr(args[1])}.Run(ctx)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(r)
	case "capture":
		return lab.Capture{Devs: strings.Split(args[1], ","), Ports: []uint16{7, 7777}}.Run(ctx, os.Stdin, os.Stdout)
	case "flows":
		return lab.Flows{Net: args[1], To: args[2], First: 7, Ports: 1, Each: 20, Every: 100 * time.Millisecond, For: time.Second}.Run(ctx, os.Stdout)
	case "flood":
		r, err := lab.Flood{Net: args[1], To: netip.MustParseAddrPort(args[2]), Size: 1000, Rate: 80e6, For: time.Second, Together: 4}.Run(ctx)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(r)
	case "sink":
		return lab.Sink{At: netip.MustParseAddrPort(args[1])}.Run(ctx, os.Stdout)
	}
	l, err := lab.Ask(ctx, args[1], args[2], args[3], args[4])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(l)
}

// forbid becomes the lab where namespaces are forbidden: a limit of none, and
// root without the capabilities of root.
func forbid(args []string) error {
	runtime.LockOSThread()
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0o644); err != nil {
		return err
	}
	const noRoot = 1 // SECBIT_NOROOT of capabilities(7)
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, noRoot, 0, 0, 0); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", append([]string{os.Args[0]}, args...), os.Environ())
}

func inherited(fd int) (net.Listener, error) {
	if os.Getenv("LISTEN_PID") != fmt.Sprint(os.Getpid()) {
		return nil, fmt.Errorf("LISTEN_PID=%s is not %d", os.Getenv("LISTEN_PID"), os.Getpid())
	}
	f := os.NewFile(uintptr(fd), "inherited")
	defer f.Close()
	return net.FileListener(f)
}

// daemon answers at the first "page" socket and says it is ready.
func daemon(ctx context.Context, state string) error {
	if _, err := os.Stat(filepath.Join(state, "broken")); err == nil {
		return fmt.Errorf("the state is broken")
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	var page net.Listener
	for i, n := range names {
		if n == "page" && page == nil {
			var err error
			if page, err = inherited(3 + i); err != nil {
				return err
			}
		}
	}
	if page == nil {
		return fmt.Errorf("no page among %q", names)
	}
	if err := os.WriteFile(filepath.Join(state, "setup-code"), []byte("TEST-CODE\n"), 0o600); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { page.Close() })()
	if c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET")); err == nil {
		fmt.Fprint(c, "STATUS=up\nREADY=1\n")
		c.Close()
	}
	for {
		c, err := page.Accept()
		if err != nil {
			return nil
		}
		fmt.Fprintf(c, "page for %s\n", c.RemoteAddr())
		c.Close()
	}
}

// running is a lab in a process of its own, as people have it.
type running struct {
	dir  string
	cmd  *exec.Cmd
	file lab.File
	out  *bufio.Reader
}

// startLab starts a lab and waits for its ready line. uid is who runs it.
func startLab(t *testing.T, uid int) *running {
	t.Helper()
	dir, program := shared(t, uid), os.Args[0]
	if uid != os.Getuid() {
		program = copyProgram(t)
	}
	cmd := exec.Command(program, "lab", "up", "--dir", dir, "--listen", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "HOME="+dir)
	if uid != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{dir: dir, cmd: cmd, out: bufio.NewReader(stdout)}
	t.Cleanup(func() { r.end(t, syscall.SIGTERM) })
	line, err := r.out.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "lab: ready https://127.0.0.1:") {
		t.Fatalf("first line %q (%v)", line, err)
	}
	r.read(t)
	return r
}

func (r *running) read(t *testing.T) {
	t.Helper()
	var err error
	if r.file, err = lab.ReadFile(r.dir); err != nil {
		t.Fatal(err)
	}
}

// end signals the lab and waits for it; a second call does nothing.
func (r *running) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if r.cmd.ProcessState != nil {
		return
	}
	if err := r.cmd.Process.Signal(sig); err != nil {
		t.Error(err)
	}
	err := r.cmd.Wait()
	if sig != syscall.SIGKILL && err != nil {
		t.Errorf("lab ended: %v", err)
	}
}

// in runs a command in a host and returns what it printed and its status.
func (r *running) in(t *testing.T, host string, args ...string) (string, int) {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	status, err := lab.Exec(t.Context(), r.dir, host, args, lab.Stdio{In: null, Out: out, Err: out})
	if err != nil {
		t.Fatalf("exec in %s: %v", host, err)
	}
	b, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b), status
}

// shared is a directory uid owns and can reach.
func shared(t *testing.T, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if uid != os.Getuid() {
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// copyProgram copies this binary where everybody may run it.
func copyProgram(t *testing.T) string {
	t.Helper()
	dir := shared(t, os.Getuid())
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "monban")
	if err := os.WriteFile(file, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// modes are the users a lab is tested as: this one, and nobody if this one is
// root. Where that is impossible a laptop skips and CI fails.
func modes(t *testing.T) map[string]int {
	t.Helper()
	if testing.Short() && os.Getenv("CI") != "true" {
		t.Skip("needs network namespaces: not in -short")
	}
	if os.Getuid() != 0 {
		return map[string]int{"rootless": os.Getuid()}
	}
	return map[string]int{"root": 0, "rootless": 65534}
}

// each runs f once per mode.
func each(t *testing.T, f func(t *testing.T, uid int)) {
	for name, uid := range modes(t) {
		t.Run(name, func(t *testing.T) {
			needNamespaces(t, uid)
			f(t, uid)
		})
	}
}

func needNamespaces(t *testing.T, uid int) {
	t.Helper()
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}}
	}
	if err := cmd.Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no network namespaces here: %v", err)
		}
		t.Skipf("no network namespaces here: %v", err)
	}
}

func decode[T any](t *testing.T, s string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("%v in %q", err, s)
	}
	return v
}

// eventually waits for ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 100 {
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("never happened: %s", what)
}

package vm_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A machine is a virtual PC with a disk of its own: what it does to it, no
// other test sees. Its power can be cut at any moment.
type machine struct {
	t      *testing.T
	board  board
	dir    string
	wan    *side // nil: nothing is plugged in
	lan    *side
	run    *exec.Cmd // nil: off
	ended  chan struct{}
	line   net.Conn  // the second serial line: the shell of test images
	logged int       // bytes of the serial console that were waited for already
	strict bool      // the host's cache is bypassed: what was not synced is lost
	frozen string    // the state to go on from when it is switched on, once
	since  time.Time // when it was switched on
	extra  []string  // more arguments
	beside *exec.Cmd // ends when it is switched off; nil: nothing
	said   strings.Builder
}

// A board is what a kind of machine needs to be started.
type board struct {
	program string
	args    []string
	serial  []string // two serial lines: the console and the shell
	code    string   // UEFI firmware, below the toolbox
	vars    string   // its empty variables
}

var boards = map[string]board{
	"amd64": {
		program: "qemu-system-x86_64", args: []string{"-machine", "q35", "-cpu", "max"}, serial: []string{"-serial", "chardev:console", "-serial", "chardev:shell"},
		code: "usr/share/OVMF/OVMF_CODE_4M.fd", vars: "usr/share/OVMF/OVMF_VARS_4M.fd",
	},
	"arm64": {
		program: "qemu-system-aarch64", args: []string{"-machine", "virt", "-cpu", "cortex-a72"}, serial: []string{"-serial", "chardev:console", "-device", "pci-serial,chardev=shell"},
		code: "usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", vars: "usr/share/AAVMF/AAVMF_VARS.fd",
	},
}

// The addresses of the box's two network cards, in the range for documentation
// (RFC 7042).
const (
	wanMAC = "00:00:5e:00:53:01"
	lanMAC = "00:00:5e:00:53:02"
)

// diskSize is that of a small medium; the data partition grows to its end.
const diskSize = 3 << 30

// newMachine makes a machine that is off, with a copy of the given disk image.
func newMachine(t *testing.T, arch, image string) *machine {
	t.Helper()
	m := &machine{t: t, board: boards[arch], dir: t.TempDir()}
	m.tool("cp", "--sparse=always", image, m.disk())
	if err := os.Truncate(m.disk(), diskSize); err != nil {
		t.Fatal(err)
	}
	vars, err := os.ReadFile(filepath.Join(toolbox, m.board.vars))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.file("vars.fd"), vars, 0o600); err != nil {
		t.Fatal(err)
	}
	m.give(nil)
	t.Cleanup(func() {
		m.cut()
		if t.Failed() {
			t.Logf("the end of the console:\n%s", tail(m.console(), 80))
		}
	})
	return m
}

func (m *machine) file(name string) string { return filepath.Join(m.dir, name) }
func (m *machine) disk() string            { return m.file("disk.img") }

// on switches the machine on.
func (m *machine) on() {
	m.t.Helper()
	cache := "unsafe"
	if m.strict {
		cache = "directsync"
	}
	args := append(m.board.args, "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024", "-nodefaults", "-nographic",
		"-drive", "if=pflash,format=raw,readonly=on,file="+filepath.Join(toolbox, m.board.code),
		"-drive", "if=pflash,format=raw,file="+m.file("vars.fd"),
		"-drive", "if=none,id=disk,format=raw,cache="+cache+",file="+m.disk(),
		"-device", "virtio-blk-pci,drive=disk",
		"-device", "virtio-rng-pci",
		"-device", "i6300esb", "-action", "watchdog=reset",
		"-chardev", "file,id=console,append=on,path="+m.file("console.log"),
		"-chardev", "socket,id=shell,server=on,wait=off,path="+m.file("shell.sock"),
		"-qmp", "unix:"+m.file("qmp.sock")+",server=on,wait=off",
		"-drive", "if=none,id=files,format=raw,readonly=on,file="+m.file("files.img"), "-device", "virtio-blk-pci,drive=files,serial=files")
	args = append(args, m.board.serial...)
	if _, err := os.Stat(m.file("hook.img")); err == nil {
		args = append(args, "-drive", "if=none,id=hook,format=raw,readonly=on,file="+m.file("hook.img"), "-device", "virtio-blk-pci,drive=hook")
	}
	var files []*os.File
	for _, card := range []struct {
		name, mac string
		side      *side
	}{{"wan", wanMAC, m.wan}, {"lan", lanMAC, m.lan}} {
		if card.side == nil {
			continue
		}
		args = append(args, "-netdev", fmt.Sprintf("tap,id=%s,fd=%d", card.name, 3+len(files)),
			"-device", "virtio-net-pci,romfile=,netdev="+card.name+",mac="+card.mac)
		files = append(files, card.side.tap)
	}
	m.since = time.Now()
	if m.frozen != "" {
		args = append(args, "-incoming", "file:"+m.frozen)
		m.frozen = ""
	}
	m.run = tool(context.Background(), m.board.program, append(args, m.extra...)...)
	m.run.ExtraFiles = files
	m.said.Reset()
	m.run.Stdout, m.run.Stderr = &m.said, &m.said
	// It dies with the thread that started it, also when this process is killed;
	// so the thread does nothing else.
	m.run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	ended, started := make(chan struct{}), make(chan error)
	m.ended = ended
	go func(run *exec.Cmd) {
		defer close(ended)
		runtime.LockOSThread()
		err := run.Start()
		started <- err
		if err == nil {
			_ = run.Wait()
		}
	}(m.run)
	if err := <-started; err != nil {
		m.t.Fatal(err)
	}
	select {
	case <-ended:
		m.t.Fatalf("%s: %s", m.board.program, m.said.String())
	case <-time.After(300 * time.Millisecond): // a wrong argument shows at once
	}
}

// cut takes the power away.
func (m *machine) cut() {
	if m.run != nil {
		_ = m.run.Process.Kill()
		<-m.ended
		m.run = nil
	}
	if m.line != nil {
		m.line.Close()
		m.line = nil
	}
	if m.beside != nil {
		_ = m.beside.Process.Kill()
		_ = m.beside.Wait()
		m.beside = nil
	}
}

// off says whether the machine has switched itself off.
func (m *machine) off() bool {
	if m.run == nil {
		return true
	}
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

func (m *machine) console() string {
	b, _ := os.ReadFile(m.file("console.log"))
	return strings.ReplaceAll(string(b), "\r", "")
}

// wait waits until the console shows the pattern, after what was waited for
// before, and returns the match with its groups.
func (m *machine) wait(pattern string, within time.Duration) []string {
	m.t.Helper()
	got := m.waitAny(pattern, within)
	if got == nil {
		m.t.Fatalf("%s without %q on the console", within, pattern)
	}
	return got
}

// waitAny is wait that returns nil when the pattern does not come.
func (m *machine) waitAny(pattern string, within time.Duration) []string {
	re := regexp.MustCompile("(?m)" + pattern)
	for end := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		all := m.console()
		if at := re.FindStringSubmatchIndex(all[m.logged:]); at != nil {
			got := re.FindStringSubmatch(all[m.logged:])
			m.logged += at[1]
			return got
		}
		if m.off() {
			m.t.Logf("%s ended: %s", m.board.program, m.said.String())
			return nil
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// put writes a file onto the partition that a vendor's PC shows. The machine
// must be off.
func (m *machine) put(name string, content []byte) {
	m.t.Helper()
	from := m.file("put")
	if err := os.WriteFile(from, content, 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.tool("mcopy", "-o", "-i", m.esp(), from, "::"+name)
}

// esp names the first partition, which begins at 1 MiB, as mtools wants it.
func (m *machine) esp() string { return m.disk() + "@@1M" }

// tool runs a program of the toolbox and returns what it says.
func (m *machine) tool(name string, args ...string) string {
	m.t.Helper()
	return runTool(m.t, name, args...)
}

func runTool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := tool(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// tool is a command of the toolbox, a Debian of its own, run where it lies:
// with its own loader and libraries, but without entering it, so that it sees
// the files and the open taps of this machine.
func tool(ctx context.Context, name string, args ...string) *exec.Cmd {
	triple := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	loader := map[string]string{"amd64": "lib64/ld-linux-x86-64.so.2", "arm64": "lib/ld-linux-aarch64.so.1"}[runtime.GOARCH]
	libs := filepath.Join(toolbox, "usr/lib", triple)
	program := filepath.Join(toolbox, "usr/bin", name)
	if _, err := os.Stat(program); err != nil {
		program = filepath.Join(toolbox, "usr/sbin", name)
	}
	if to, err := filepath.EvalSymlinks(program); err == nil && strings.HasPrefix(to, toolbox) {
		program = to
	}
	all := append([]string{"--library-path", libs, "--argv0", name, program}, args...)
	cmd := exec.CommandContext(ctx, filepath.Join(toolbox, loader), all...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "MTOOLS_SKIP_CHECK=1", "QEMU_MODULE_DIR=" + filepath.Join(libs, "qemu"), "TZ=UTC"}
	if strings.HasPrefix(name, "qemu-system") {
		for _, dir := range []string{"usr/share/qemu", "usr/share/seabios"} {
			cmd.Args = append(cmd.Args, "-L", filepath.Join(toolbox, dir))
		}
	}
	return cmd
}

func tail(s string, lines int) string {
	all := strings.Split(s, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

package lab_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/lab"
	"monban/gateway/text"
)

// TestLab walks through one lab per mode.
func TestLab(t *testing.T) {
	each(t, func(t *testing.T, uid int) {
		r := startLab(t, uid)
		for _, c := range []struct {
			name string
			test func(*testing.T, *running)
		}{
			{"description", testUpTellsWhatPeopleAndScriptsNeed},
			{"exec", testExec},
			{"exec client", testExecClient},
			{"add", testAdd},
			{"self-test unit", testSelfTestStartsWhenAsked},
			{"receipt computer", testReceiptComputerEchoesAndIsRestless},
			{"resolvers", testResolvers},
			{"scan", testScanLosesNoProbe},
			{"tools", testToolListenAndPipe},
			{"capture", testCaptureIsExact},
			{"flood", testFloodArrives},
			{"kill and start", testKillAndStart},
		} {
			t.Run(c.name, func(t *testing.T) { c.test(t, r) })
		}
	})
}

func testUpTellsWhatPeopleAndScriptsNeed(t *testing.T, r *running) {
	f := r.file
	if f.SetupCode != "TEST-CODE" || f.Vendor != "rececom-hoshu" || f.Socket != r.dir+"/monban.sock" || f.CAFile != r.dir+"/state/ca.pem" {
		t.Errorf("lab.json: %+v", f)
	}
	if got := fmt.Sprint(f.WAN, f.LAN); got != "[203.0.113.10 2001:db8:0:1::10] [192.168.10.1 fdc1:1c:10::1 2001:db8:10::1]" {
		t.Errorf("gateway addresses %s", got)
	}
	want := []string{"ehr", "gateway", "internet", "printer", "rececom", "reception", "stranger", "vendor", "xray"}
	var hosts []string
	for name, h := range f.Hosts {
		hosts = append(hosts, name)
		ns, err := os.Readlink(h.NetNS)
		if own, _ := os.Readlink("/proc/self/ns/net"); err != nil || ns == own {
			t.Errorf("%s: namespace %s, ours %s (%v)", name, ns, own, err)
		}
		if !strings.HasPrefix(h.NetNS, fmt.Sprintf("/proc/%d/", h.PID)) || len(h.Addrs) == 0 {
			t.Errorf("%s: %+v", name, h)
		}
	}
	slices.Sort(hosts)
	if !slices.Equal(hosts, want) {
		t.Errorf("hosts %q, want %q", hosts, want)
	}
	for _, want := range []string{"TEST-CODE", "lab exec --dir " + r.dir} {
		var words string
		for range 4 {
			line, _ := r.out.ReadString('\n')
			if words += line; strings.Contains(words, want) {
				break
			}
		}
		if !strings.Contains(words, want) {
			t.Errorf("a person is not told %q, but %q", want, words)
		}
	}
	if got := page(t, f.URL); !strings.HasPrefix(got, "page for 192.168.10.21:") {
		t.Errorf("the page was reached from elsewhere: %q", got)
	}
	b, err := os.ReadFile(r.dir + "/gateway.log")
	if err != nil || !strings.HasPrefix(string(b), "rules --closed links 1\nrules --boot links 3\n") {
		t.Errorf("boot was not in two stages around the links:\n%s(%v)", b, err)
	}
}

// page reads what the lab's listener gives.
func page(t *testing.T, url string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", strings.Trim(strings.TrimPrefix(url, "https:"), "/"), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func testExec(t *testing.T, r *running) {
	for _, c := range []struct {
		args   []string
		status int
		out    string
	}{
		{[]string{"/bin/true"}, 0, ""},
		{[]string{"sh", "-c", "exit 7"}, 7, ""},
		{[]string{"sh", "-c", "kill -TERM $$"}, 143, ""},
		{[]string{"no-such-program"}, 127, "no-such-program"},
		{[]string{"/etc/passwd"}, 126, "permission denied"},
		{[]string{"sh", "-c", "echo to out; echo to err >&2"}, 0, "to out\nto err\n"},
		{[]string{"sh", "-c", "test -x \"$MONBAN\" && cat /etc/resolv.conf"}, 0, "nameserver 192.168.10.1"},
		{[]string{"hostname"}, 0, "ehr\n"},
		{[]string{"pwd"}, 0, cwd(t)},
	} {
		out, status := r.in(t, "ehr", c.args...)
		if status != c.status || !strings.Contains(out, c.out) {
			t.Errorf("%q: status %d, printed %q; want %d, %q", c.args, status, out, c.status, c.out)
		}
	}
	null, _ := os.Open(os.DevNull)
	defer null.Close()
	_, err := lab.Exec(t.Context(), r.dir, "nobody", []string{"true"}, lab.Stdio{In: null, Out: null, Err: null})
	if code(err) != "lab.no_host" {
		t.Errorf("unknown host: %v", err)
	}
}

func cwd(t *testing.T) string {
	t.Helper()
	d, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A command ends with its client, and hears the client's signals. Both need a
// client of its own.
func testExecClient(t *testing.T, r *running) {
	cmd := exec.Command(os.Args[0], "lab", "exec", r.dir, "ehr", "sh", "-c", "trap 'echo heard; exit 3' INT; echo ready; while :; do sleep 0.05; done")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q %v", line, err)
	}
	cmd.Process.Signal(syscall.SIGINT)
	rest, _ := io.ReadAll(out)
	cmd.Wait()
	if cmd.ProcessState.ExitCode() != 3 || string(rest) != "heard\n" {
		t.Errorf("after a signal: %v, %q", cmd.ProcessState, rest)
	}

	cmd = exec.Command(os.Args[0], "lab", "exec", r.dir, "ehr", "sleep", "1234567")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running := func() bool { out, _ := r.in(t, "ehr", "ps", "ax"); return strings.Contains(out, "sleep 1234567") }
	eventually(t, "the command runs", running)
	cmd.Process.Kill()
	cmd.Wait()
	eventually(t, "the command ends with its client", func() bool { return !running() })
}

func testAdd(t *testing.T, r *running) {
	for i, name := range []string{"tablet", "ultrasound"} {
		if err := lab.Add(r.dir, name); err != nil {
			t.Fatal(err)
		}
		r.read(t)
		h := r.file.Hosts[name]
		if want := fmt.Sprintf("02:00:5e:10:00:%02x", 100+i); h.MAC != want || fmt.Sprint(h.Addrs) != fmt.Sprintf("[192.168.10.%d fdc1:1c:10::%d 2001:db8:10::%[1]d]", 100+i, 100+i) {
			t.Errorf("%s: %+v, want MAC %s", name, h, want)
		}
		for _, a := range h.Addrs { // it said hello, so the gateway knows it
			eventually(t, "gateway sees "+a.String(), func() bool {
				out, _ := r.in(t, "gateway", "sh", "-c", "cat /proc/net/arp; ip neigh")
				return strings.Contains(out, a.String()) && strings.Contains(out, h.MAC)
			})
		}
	}
	for name, want := range map[string]string{"tablet": "lab.host_exists", "isp": "lab.host_exists", "Big Name": "lab.bad_name", "sixteen-letters-": "lab.bad_name", "": "lab.bad_name"} {
		if err := lab.Add(r.dir, name); code(err) != want {
			t.Errorf("adding %q: %v, want %s", name, err, want)
		}
	}
}

func testKillAndStart(t *testing.T, r *running) {
	if err := lab.Start(r.dir); code(err) != "lab.gateway_runs" {
		t.Errorf("starting twice: %v", err)
	}
	if err := lab.Kill(r.dir); err != nil {
		t.Fatal(err)
	}
	if err := lab.Kill(r.dir); code(err) != "lab.gateway_down" {
		t.Errorf("killing twice: %v", err)
	}
	if out, _ := r.in(t, "gateway", "ps", "ax"); strings.Contains(out, " serve ") {
		t.Errorf("the gateway still runs:\n%s", out)
	}
	// The sockets are not the daemon's: who calls meanwhile waits.
	answered := make(chan string, 1)
	go func() { answered <- page(t, r.file.URL) }()
	time.Sleep(200 * time.Millisecond)
	if err := lab.Start(r.dir); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; !strings.HasPrefix(got, "page for ") {
		t.Errorf("the waiting call got %q", got)
	}
	if err := lab.Kill(r.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.dir+"/state/broken", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := lab.Start(r.dir)
	if code(err) != "lab.gateway_failed" || !strings.Contains(err.Error(), "the state is broken") {
		t.Errorf("a broken start: %v", err)
	}
}

func testSelfTestStartsWhenAsked(t *testing.T, r *running) {
	if out, _ := r.in(t, "gateway", "ps", "ax"); strings.Contains(out, "selftest serve") {
		t.Errorf("runs unasked:\n%s", out)
	}
	for range 2 {
		c, err := net.Dial("unix", r.dir+"/selftest.sock")
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(5 * time.Second))
		if b, err := io.ReadAll(c); string(b) != "self-test selftest\n" {
			t.Errorf("%q %v", b, err)
		}
		c.Close()
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			each(t, func(t *testing.T, uid int) {
				mounts, err := os.ReadFile("/proc/self/mounts")
				if err != nil {
					t.Fatal(err)
				}
				r := startLab(t, uid)
				if err := lab.Add(r.dir, "tablet"); err != nil {
					t.Fatal(err)
				}
				spaces := map[string]bool{}
				for _, h := range r.file.Hosts {
					ns, err := os.Readlink(h.NetNS)
					if err != nil {
						t.Fatal(err)
					}
					spaces[ns] = true
				}
				r.end(t, sig)
				eventually(t, "no process of the lab is left", func() bool { return len(inNamespaces(t, spaces)) == 0 })
				if now, _ := os.ReadFile("/proc/self/mounts"); string(now) != string(mounts) {
					t.Errorf("mounts changed:\n%s", now)
				}
				if sig != syscall.SIGKILL {
					for _, f := range []string{"lab.json", "lab.sock", "monban.sock", "selftest.sock"} {
						if _, err := os.Lstat(filepath.Join(r.dir, f)); err == nil {
							t.Errorf("%s is left", f)
						}
					}
				}
				if err := lab.Add(r.dir, "late"); code(err) != "lab.not_running" {
					t.Errorf("asking a lab that ended: %v", err)
				}
			})
		})
	}
}

// inNamespaces are the processes in one of the given network namespaces.
func inNamespaces(t *testing.T, spaces map[string]bool) []string {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(found, func(f string) bool { ns, err := os.Readlink(f); return err != nil || !spaces[ns] })
}

// A killed lab's directory serves the next one; a running one's does not.
func TestOneLabPerDirectory(t *testing.T) {
	each(t, func(t *testing.T, uid int) {
		if uid != os.Getuid() { // the lock does not depend on the user
			return
		}
		r := startLab(t, uid)
		up := func() *exec.Cmd {
			return exec.Command(os.Args[0], "lab", "up", "--dir", r.dir, "--listen", "127.0.0.1:0")
		}
		out, err := up().CombinedOutput()
		if err == nil || !strings.Contains(string(out), "already running") {
			t.Errorf("a second lab: %v, %s", err, out)
		}
		r.end(t, syscall.SIGKILL)
		again := up()
		stdout, err := again.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if !strings.HasPrefix(line, "lab: ready ") {
			t.Errorf("after a killed lab: %q %v", line, err)
		}
		again.Process.Signal(syscall.SIGTERM)
		if err := again.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestForbiddenNamespacesAreNamed(t *testing.T) {
	each(t, func(t *testing.T, uid int) {
		if uid != os.Getuid() { // who makes the limited namespace is root in it
			return
		}
		cmd := exec.Command(os.Args[0], "forbidden", "lab", "up", "--dir", shared(t, uid), "--listen", "127.0.0.1:0")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "sudo monban lab up") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// A gateway that does not start is said with its reason, and takes the lab
// down with it.
func TestGatewayThatDoesNotStart(t *testing.T) {
	each(t, func(t *testing.T, uid int) {
		if uid != os.Getuid() {
			return
		}
		dir := shared(t, uid)
		if err := os.MkdirAll(dir+"/state", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/state/broken", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(os.Args[0], "lab", "up", "--dir", dir, "--listen", "127.0.0.1:0").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "The gateway did not start (exit status 1)") || !strings.Contains(string(out), "the state is broken") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func TestLongDirectory(t *testing.T) {
	err := lab.Up(t.Context(), lab.Options{Dir: "/tmp/" + strings.Repeat("x", 100), Listen: "127.0.0.1:0", Program: os.Args[0], Out: io.Discard, Err: io.Discard})
	if code(err) != "lab.dir_long" {
		t.Error(err)
	}
}

func code(err error) string {
	if f, ok := err.(*text.Fault); ok {
		return f.Code
	}
	return ""
}

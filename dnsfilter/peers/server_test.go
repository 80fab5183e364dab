package peers_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/dnsfilter/list"
)

// A peer is a server at work.
type peer struct {
	name  string
	cmd   *exec.Cmd
	addr  netip.AddrPort
	began time.Time
	ready time.Duration // from its start to its first right refusal
	said  bytes.Buffer
	gone  chan struct{} // closed when it has ended
}

// A bench is what all servers share.
type bench struct {
	*testing.B
	dir      string
	program  string // monban
	upstream *peer
	server   int // the core the servers run on …
	client   int // … and the one from which they are asked
}

func newBench(b *testing.B) *bench {
	for _, p := range []string{"unbound", "dnsmasq"} {
		if _, err := exec.LookPath(p); err != nil {
			b.Skipf("%s is not installed: nothing to measure beside (Debian: unbound, dnsmasq-base)", p)
		}
	}
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil || may.Count() < 2 {
		b.Skip("two cores are needed: one for the server, one for those who ask")
	}
	x := &bench{B: b, dir: b.TempDir(), server: -1, client: -1}
	for i := range 1024 {
		if !may.IsSet(i) {
			continue
		}
		if x.server < 0 {
			x.server = i
		} else if x.client < 0 {
			x.client = i
		}
	}
	x.program = filepath.Join(x.dir, "monban")
	build := exec.Command("go", "build", "-trimpath", "-o", x.program, "monban/cmd/monban")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building monban: %v\n%s", err, out)
	}
	x.stay(x.client)
	x.upstream = x.own("upstream")
	return x
}

// stay keeps this program on one core; its load must not run on the servers'.
func (x *bench) stay(core ...int) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		x.Fatal(err)
	}
	for _, t := range tasks {
		var id int
		fmt.Sscan(t.Name(), &id)
		pin(id, core...)
	}
}

func pin(id int, core ...int) error {
	var set unix.CPUSet
	for _, c := range core {
		set.Set(c)
	}
	return unix.SchedSetaffinity(id, &set)
}

// freePort is one that is free for UDP and TCP, and that no connection takes
// by chance meanwhile: below those the system chooses from.
func freePort(t testing.TB) netip.AddrPort {
	for range 100 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(20_000+rand.IntN(10_000)))
		udp, err := net.ListenPacket("udp4", a.String())
		if err != nil {
			continue
		}
		udp.Close()
		tcp, err := net.Listen("tcp4", a.String())
		if err != nil {
			continue
		}
		tcp.Close()
		return a
	}
	t.Fatal("no free port")
	return netip.AddrPort{}
}

// run starts a server on those cores.
func (x *bench) run(p *peer, cores []int) *peer {
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pin(0, cores...)
	p.began = time.Now()
	err := p.cmd.Start()
	pin(0, x.client)
	if err != nil {
		x.Fatal(err)
	}
	p.gone = make(chan struct{})
	go func() {
		p.cmd.Wait()
		close(p.gone)
	}()
	x.Cleanup(p.end)
	return p
}

func (p *peer) end() {
	p.cmd.Process.Signal(unix.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(5 * time.Second):
		p.cmd.Process.Kill()
		<-p.gone
	}
}

// own starts one of the harness's own servers.
func (x *bench) own(name string) *peer {
	p := &peer{name: name, addr: freePort(x)}
	p.cmd = exec.Command(os.Args[0], p.addr.String())
	p.cmd.Env = append(os.Environ(), role+"="+name)
	core := x.server
	if name == "upstream" {
		core = x.client
	}
	x.run(p, []int{core})
	x.await(p, query(hotName(0)), func(b []byte) bool { return len(b) > 0 })
	return p
}

// monban starts the filter with that list file and its log on.
func (x *bench) monban(file string, cores ...int) *peer {
	p := &peer{name: "monban", addr: freePort(x)}
	dir, err := os.MkdirTemp(x.dir, "log")
	if err != nil {
		x.Fatal(err)
	}
	p.cmd = exec.Command(x.program, "dns", "serve", "--listen", p.addr.String(), "--upstream", x.upstream.addr.String(), "--list", file, "--log", dir)
	return x.loaded(x.run(p, cores))
}

// unbound starts it with n names, each a zone that is answered with 0.0.0.0.
func (x *bench) unbound(n int, cores ...int) *peer {
	p := &peer{name: "unbound", addr: freePort(x)}
	names := x.file(fmt.Sprintf("unbound.%d", n), func(w io.Writer) error { return eachName(w, n, "local-zone: \"", ".\" always_null\n") })
	conf := x.file("unbound.conf", func(w io.Writer) error {
		_, err := fmt.Fprintf(w, `server:
	interface: 127.0.0.1@%d
	port: %d
	do-daemonize: no
	chroot: ""
	username: ""
	pidfile: ""
	use-syslog: no
	directory: %q
	num-threads: %d
	so-reuseport: yes
	do-not-query-localhost: no
	include: %q
forward-zone:
	name: "."
	forward-addr: %s@%d
remote-control:
	control-enable: no
`, p.addr.Port(), p.addr.Port(), x.dir, len(cores), names, x.upstream.addr.Addr(), x.upstream.addr.Port())
		return err
	})
	p.cmd = exec.Command("unbound", "-d", "-c", conf)
	return x.loaded(x.run(p, cores))
}

// dnsmasq starts it with n names to answer with 0.0.0.0.
func (x *bench) dnsmasq(n int, cores ...int) *peer {
	p := &peer{name: "dnsmasq", addr: freePort(x)}
	names := x.file(fmt.Sprintf("dnsmasq.%d", n), func(w io.Writer) error { return eachName(w, n, "address=/", "/0.0.0.0\n") })
	p.cmd = exec.Command("dnsmasq", "-k", "--conf-file="+names, "--port="+fmt.Sprint(p.addr.Port()), "--listen-address=127.0.0.1", "--bind-interfaces",
		"--no-resolv", "--no-hosts", "--pid-file=", fmt.Sprintf("--server=%s#%d", x.upstream.addr.Addr(), x.upstream.addr.Port()), "--cache-size=10000")
	if os.Getuid() == 0 {
		p.cmd.Args = append(p.cmd.Args, "--user=root")
	}
	return x.loaded(x.run(p, cores))
}

// loaded waits for p's first right refusal.
func (x *bench) loaded(p *peer) *peer {
	x.await(p, query(listName(0)), func(b []byte) bool { return right(b, blocked) })
	return p
}

// await asks p until good likes its answer.
func (x *bench) await(p *peer, q []byte, good func([]byte) bool) {
	x.Helper()
	ctx, cancel := context.WithTimeout(x.Context(), 3*time.Minute)
	defer cancel()
	buf := make([]byte, packet)
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(p.addr))
	if err != nil {
		x.Fatal(err)
	}
	defer c.Close()
	for ctx.Err() == nil && p.alive() {
		c.Write(q)
		c.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
		n, err := c.Read(buf)
		if err == nil && good(buf[:n]) {
			p.ready = time.Since(p.began)
			return
		}
		if err != nil && !os.IsTimeout(err) { // nobody listens yet
			time.Sleep(200 * time.Microsecond)
		}
	}
	p.end()
	x.Fatalf("%s gives no right answer\n%s", p.name, p.said.String())
}

func (p *peer) alive() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

func (x *bench) file(name string, write func(io.Writer) error) string {
	name = filepath.Join(x.dir, name)
	if _, err := os.Stat(name); err == nil && !strings.HasSuffix(name, ".conf") {
		return name
	}
	f, err := os.Create(name)
	if err == nil {
		err = write(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		x.Fatal(err)
	}
	return name
}

// lists are the list of n names as hosts lines and compiled, and the memory
// its names take.
func (x *bench) lists(n int) (hosts, compiled string, bytes int) {
	hosts = x.file(fmt.Sprintf("hosts.%d", n), func(w io.Writer) error { return eachName(w, n, "0.0.0.0 ", "\n") })
	b := list.NewBuilder(list.NewKey())
	f, err := os.Open(hosts)
	if err != nil {
		x.Fatal(err)
	}
	defer f.Close()
	if _, err := b.Add(list.Source{Name: "ads", Text: f}); err != nil {
		x.Fatal(err)
	}
	l := b.Build()
	return hosts, x.file(fmt.Sprintf("compiled.%d", n), l.Write), l.Bytes()
}

// cpu is how long p has run, all its threads.
func (p *peer) cpu() time.Duration {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	sum := time.Duration(0)
	for _, f := range files {
		var ran int64
		if b, err := os.ReadFile(f); err == nil {
			fmt.Sscan(string(b), &ran)
		}
		sum += time.Duration(ran)
	}
	return sum
}

// memory reads a line of p's status, in MB.
func (p *peer) memory(what string) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(b)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, what+": %f kB", &kb); n == 1 {
			return kb * 1024 / 1e6
		}
	}
	return 0
}

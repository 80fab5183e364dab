package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
)

const (
	differences    = "../../docs/dns-differences.md"
	unboundVersion = "1.17"
)

// Over the whole corpus each answer is what unbound gives with the same
// upstream, byte by byte, but for the rows of docs/dns-differences.md. Those
// are all there, as they stand: a difference that goes away is found like a new
// one.
func TestAnswersAsUnbound(t *testing.T) {
	program := unboundProgram(t)
	out := outside(t)
	up := out.serve(t)
	theirs := startUnbound(t, program, up)
	client, err := upstream.New(upstream.Options{Servers: []upstream.Server{{Addr: up}}, MixCase: true, Cookies: true})
	if err != nil {
		t.Fatal(err)
	}
	s, ours := start(t, client, "ads.corpus.example")
	rows := documented(t)
	said, same := len(rows), 0
	began := time.Now()
	for _, c := range corpus(t) {
		got := ""
		for _, tcp := range []bool{c.tcp, true} {
			u, o := exchange(t, c, theirs, tcp), exchange(t, c, ours, tcp)
			cut := u.Truncated || o.Truncated
			remembered(t, c, o, ours, tcp)
			if diffs := compareAnswers(u, o, time.Since(began)); len(diffs) > 0 && got == "" {
				got = row(c.line, tcp && !c.tcp, diffs)
			}
			if tcp || !cut {
				break
			}
		}
		switch want := rows[c.line]; {
		case got == want:
			if got == "" {
				same++
			}
		case got == "":
			t.Errorf("%s: no difference any more; take this row out of the document:\n%s", c.line, want)
		case want == "":
			t.Errorf("%s: a new difference:\n%s", c.line, got)
		default:
			t.Errorf("%s: another difference:\n%s\nthan in the document:\n%s", c.line, got, want)
		}
		delete(rows, c.line)
	}
	for line := range rows {
		t.Errorf("%s is in the document and not in the corpus", line)
	}
	if n := s.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
	t.Logf("%d answers as unbound's, %d documented differences", same, said)
}

// remembered wants m again, from memory and aged.
func remembered(t *testing.T, c corpusCase, m *dns.Msg, addr string, tcp bool) {
	t.Helper()
	began := time.Now()
	again := exchange(t, c, addr, tcp)
	if d := compareAnswers(m.Copy(), again, time.Since(began)); len(d) > 0 {
		t.Errorf("%s: answered first so and then otherwise: %+v", c.line, d)
	}
}

// exchange sends c's packet, over a connection of its own, and reads what fits
// it.
func exchange(t *testing.T, c corpusCase, addr string, tcp bool) *dns.Msg {
	t.Helper()
	network := "udp"
	if tcp {
		network = "tcp"
	}
	for try := 0; ; try++ {
		raw, err := send(network, addr, c.packet)
		if err != nil && try < 2 { // a datagram may be lost on a busy machine
			continue
		}
		if err != nil {
			t.Fatalf("%s: asking %s over %s: %v", c.line, addr, network, err)
		}
		var m dns.Msg
		if err := m.Unpack(raw); err != nil || !bytes.Equal(raw[:2], c.packet[:2]) {
			t.Fatalf("%s: %s over %s: %v\n%x", c.line, addr, network, err, raw)
		}
		return &m
	}
}

func send(network, addr string, packet []byte) ([]byte, error) {
	conn, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if network == "tcp" {
		framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
		if _, err := conn.Write(framed); err != nil {
			return nil, err
		}
		return readFrame(conn, make([]byte, 65536))
	}
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	buf := make([]byte, 65536)
	n, err := conn.Read(buf)
	return buf[:n], err
}

// row is how the document shows what differs.
func row(line string, overTCP bool, diffs []fieldDiff) string {
	var names, u, o []string
	for _, d := range diffs {
		names = append(names, d.name)
		u, o = append(u, d.unbound), append(o, d.ours)
	}
	over := ""
	if overTCP {
		over = " (over TCP)"
	}
	join := func(parts []string) string { return strings.Join(parts, "<br>") }
	return fmt.Sprintf("| `%s`%s | %s | %s | %s |", strings.ReplaceAll(line, "|", "\\|"), over, join(names), join(u), join(o))
}

// documented reads the rows of the document by question.
func documented(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(differences)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "| `"); ok {
			question, _, _ := strings.Cut(rest, "`")
			if rows[question] != "" {
				t.Errorf("two rows about %s", question)
			}
			rows[question] = line
		}
	}
	return rows
}

// serve puts the authority on loopback, UDP and TCP, and returns where.
func (a *authority) serve(t testing.TB) netip.AddrPort {
	t.Helper()
	conns, listeners, err := Listen(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: conns[0], Handler: a, UDPSize: 4096}, {Listener: listeners[0], Handler: a}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	return netip.MustParseAddrPort(conns[0].LocalAddr().String())
}

// unboundProgram finds unbound. Where tests must not be skipped it must be
// there.
func unboundProgram(t testing.TB) string {
	t.Helper()
	why := "this test needs unbound; install the package unbound"
	for _, name := range []string{"unbound", "/usr/sbin/unbound"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "-V").Output()
		if err == nil && bytes.HasPrefix(out, []byte("Version "+unboundVersion+".")) {
			return path
		}
		why = fmt.Sprintf("this test needs unbound %s, which the document was made with; here is %.20q, %v", unboundVersion, out, err)
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

// startUnbound runs unbound as it comes, before up and nothing else, and
// returns where it answers.
func startUnbound(t *testing.T, program string, up netip.AddrPort) string {
	t.Helper()
	udp, tcp, err := Listen(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), 1)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(udp[0].LocalAddr().String())
	udp[0].Close()
	tcp[0].Close()
	dir := t.TempDir()
	conf := fmt.Sprintf(`server:
	directory: "%[1]s"
	chroot: ""
	username: ""
	pidfile: ""
	use-syslog: no
	logfile: "%[1]s/log"
	interface: %[2]s@%[3]d
	port: %[3]d
	do-daemonize: no
	num-threads: 1
	# Signatures are checked upstream.
	module-config: "iterator"
	do-not-query-localhost: no
	rrset-roundrobin: no
	local-zone: "ads.corpus.example" always_null
forward-zone:
	name: "."
	forward-addr: %[4]s@%[5]d
remote-control:
	control-enable: no
`, dir, at.Addr(), at.Port(), up.Addr(), up.Port())
	file := filepath.Join(dir, "unbound.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(program, "-d", "-c", file)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("unbound said:\n%s%s", &said, log)
		}
	})
	probe, _ := new(dns.Msg).SetQuestion("localhost.", dns.TypeA).Pack()
	for range 200 {
		if _, err := send("tcp", at.String(), probe); err == nil {
			return at.String()
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("unbound does not answer: %s", &said)
	return ""
}

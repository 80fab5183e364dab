package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// soon is how long a refusal may take to reach a program. Whoever waits for a
// resolver that says nothing waits for seconds, every time.
const soon = time.Second

// A found is what a client makes of a name.
type found struct {
	Addrs []string
	None  bool // it says that there is no such name
	Text  int  // octets of its text, if the client can ask for that
}

// A resolving client asks for a name in a host of the clinic.
type resolving func(c *asker, name string) found

// An asker is where a client asks.
type asker struct {
	*clinic
	host string
}

// What people's programs ask with gets the clinic's names: allowed ones, also
// over an alias, are found, refused ones lead nowhere and at once, also behind
// an alias, missing ones are missing, and long texts come over TCP.
func TestResolvers(t *testing.T) {
	c := open(t)
	c.resolvConf("reception")
	digs := func(options ...string) func(*testing.T) resolving {
		return func(t *testing.T) resolving { return dig(t, options...) }
	}
	resolved := func(host string, options ...string) func(*testing.T) resolving {
		return func(t *testing.T) resolving {
			ask := dig(t, append(options, "@127.0.0.53")...)
			c.with(t).resolvedRuns(host, resolvedProgram(t))
			return func(c *asker, name string) found { return ask(&asker{c.clinic, host}, name) }
		}
	}
	for name, client := range map[string]func(*testing.T) resolving{
		"glibc": getent, "musl": musl, "Go": func(*testing.T) resolving { return goResolver },
		"dig": digs(), "dig +tcp": digs("+tcp"), "dig +dnssec": digs("+dnssec"), "dig +nocookie": digs("+nocookie"),
		"dig +noedns": digs("+noedns"), "dig +bufsize=4096": digs("+bufsize=4096"), "dig +cd +ad": digs("+cd", "+ad"),
		"systemd-resolved": resolved("rececom"), "systemd-resolved, TCP": resolved("xray", "+tcp"),
	} {
		t.Run(name, func(t *testing.T) {
			ask := client(t)
			c := &asker{c.with(t), "reception"}
			for _, host := range []string{c.AllowedName, "alias.lab.example"} {
				if got := ask(c, host); !slices.Contains(got.Addrs, "198.51.100.130") || !slices.Contains(got.Addrs, "2001:db8:0:4::130") {
					t.Errorf("%s is %+v", host, got)
				}
			}
			for _, host := range []string{c.BlockedName, "cloaked.lab.example"} {
				c.refusedSoon(host, ask)
			}
			if got := ask(c, "none.lab.example"); !got.None || len(got.Addrs) > 0 {
				t.Errorf("a name that is not there is %+v", got)
			}
			if got := ask(c, "big.lab.example"); got.Text != 0 && got.Text < 24*200 {
				t.Errorf("of a long text there came %d octets", got.Text)
			} else if got.Text == 0 && name != "glibc" && name != "musl" {
				t.Error("no long text")
			}
		})
	}
}

// refusedSoon wants name to lead nowhere, and to say so at once. A busy machine
// gets more than one try.
func (c *asker) refusedSoon(name string, ask resolving) {
	c.t.Helper()
	best := time.Hour
	for range 5 {
		began := time.Now()
		got := ask(c, name)
		for _, a := range got.Addrs {
			if a != "0.0.0.0" && a != "::" {
				c.t.Errorf("%s is %+v", name, got)
			}
		}
		if best = min(best, time.Since(began)); best < soon {
			return
		}
	}
	c.t.Errorf("%s is refused after %v", name, best)
}

// inside runs a program that is not ours where c asks.
func (c *asker) inside(args ...string) (stdout, stderr string, status int) {
	c.t.Helper()
	return c.try(append([]string{"lab", "exec", "--dir", c.dir, c.host, "--"}, args...)...)
}

// needed finds a program, by any of its names. Where tests must not be skipped
// it must be there.
func needed(t testing.TB, pkg string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("this test needs %s; install the package %s", names[0], pkg)
	}
	t.Skipf("this test needs %s; install the package %s", names[0], pkg)
	return ""
}

// getent asks as glibc's programs do.
func getent(t *testing.T) resolving {
	path := needed(t, "libc-bin", "getent")
	return func(c *asker, name string) found {
		out, errs, status := c.inside(path, "ahosts", name)
		var f found
		switch status {
		case 0:
			for line := range strings.Lines(out) {
				f.Addrs = append(f.Addrs, strings.Fields(line)[0])
			}
		case 2:
			f.None = true
		default:
			c.t.Errorf("getent %s: status %d: %s%s", name, status, out, errs)
		}
		return f
	}
}

// A program that asks with the C library it is linked with.
const asking = `#include <stdio.h>
#include <netdb.h>
#include <sys/socket.h>
int main(int n, char **args) {
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all, *a;
	char text[64];
	int failed = n == 2 ? getaddrinfo(args[1], 0, &hints, &all) : EAI_FAIL;
	if (failed) return failed == EAI_NONAME ? 2 : 3;
	for (a = all; a; a = a->ai_next) {
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST)) return 4;
		puts(text);
	}
	return 0;
}
`

// musl asks as the programs of small systems do.
func musl(t *testing.T) resolving {
	compiler := needed(t, "musl-tools", "musl-gcc")
	dir := t.TempDir()
	source, program := filepath.Join(dir, "asking.c"), filepath.Join(dir, "asking")
	if err := os.WriteFile(source, []byte(asking), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler, "-static", "-O1", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("compiling: %v\n%s", err, out)
	}
	return func(c *asker, name string) found {
		out, errs, status := c.inside(program, name)
		if status != 0 && status != 2 {
			c.t.Errorf("musl, %s: status %d: %s%s", name, status, out, errs)
		}
		return found{Addrs: strings.Fields(out), None: status == 2}
	}
}

// asks is the name TestGoResolver looks for.
const asks = "MONBAN_TEST_ASKS"

// goResolver asks as Go's programs do that are not linked with a C library.
func goResolver(c *asker, name string) found {
	c.t.Helper()
	var f found
	c.child("TestGoResolver", asks+"="+name, &f)
	return f
}

// child runs one test of this program where c asks, which prints JSON.
func (c *asker) child(test, env string, v any) {
	c.t.Helper()
	out, errs, status := c.inside("/usr/bin/env", env, self(c.t), "-test.run=^"+test+"$", "-test.timeout=2m")
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "{") {
			if err := json.Unmarshal([]byte(line), v); err != nil {
				c.t.Fatalf("%s: %v in %s", test, err, line)
			}
			return
		}
	}
	c.t.Fatalf("%s: status %d: %s%s", test, status, out, errs)
}

// TestGoResolver is the other end of goResolver: it looks a name up when it is
// told one, and prints what came.
func TestGoResolver(t *testing.T) {
	name := os.Getenv(asks)
	if name == "" {
		return
	}
	r := net.Resolver{PreferGo: true}
	var f found
	var err error
	f.Addrs, err = r.LookupHost(t.Context(), name)
	var fault *net.DNSError
	if err != nil && !errors.As(err, &fault) {
		t.Fatal(err)
	}
	f.None = fault != nil && fault.IsNotFound
	texts, _ := r.LookupTXT(t.Context(), name)
	f.Text = len(strings.Join(texts, ""))
	b, _ := json.Marshal(f)
	fmt.Println(string(b))
}

var (
	digStatus = regexp.MustCompile(`(?m)status: ([A-Z]+)`)
	digAnswer = regexp.MustCompile(`(?m)^[^;\s]\S*\s+\d+\s+IN\s+(A|AAAA|TXT)\s+(.*)$`)
)

// dig asks as administrators do.
func dig(t *testing.T, options ...string) resolving {
	path := needed(t, "bind9-dnsutils", "dig")
	args := append([]string{path, "+tries=1", "+time=5"}, options...)
	return func(c *asker, name string) found {
		var f found
		out, errs, status := c.inside(append(slices.Clone(args), name, "A", name, "AAAA", name, "TXT")...)
		all := digStatus.FindAllStringSubmatch(out, -1)
		if status != 0 || len(all) != 3 {
			c.t.Errorf("dig %v %s: status %d:\n%s%s", options, name, status, out, errs)
		}
		for _, s := range all {
			if f.None = s[1] == "NXDOMAIN"; !f.None && s[1] != "NOERROR" {
				c.t.Errorf("dig %v %s: %s", options, name, s[1])
			}
		}
		for _, m := range digAnswer.FindAllStringSubmatch(out, -1) {
			if m[1] == "TXT" {
				f.Text += len(m[2])
			} else {
				f.Addrs = append(f.Addrs, m[2])
			}
		}
		return f
	}
}

// resolvConf makes the clinic's resolver that of programs in host, where the
// machine's own file points at nothing, over which the lab can lay none.
func (c *clinic) resolvConf(host string) {
	c.t.Helper()
	const script = `test -e /etc/resolv.conf && exit
at=$(readlink -m /etc/resolv.conf)
case $at in /run/*) mount -t tmpfs -o mode=755 none /run && mkdir -p "${at%/*}" && cp "$1" "$at";; esac`
	c.run("lab", "exec", "--dir", c.dir, host, "--", "/bin/sh", "-ec", script, "sh", filepath.Join(c.dir, "resolv-inside.conf"))
	if out := c.run("lab", "exec", "--dir", c.dir, host, "--", "/bin/cat", "/etc/resolv.conf"); !strings.Contains(out, c.LAN[0].String()) {
		c.t.Fatalf("the resolver of %s is not the clinic's:\n%s", host, out)
	}
}

// resolvedProgram finds the daemon. It gives up its rights to a user of its own,
// so it runs as root only.
func resolvedProgram(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("systemd-resolved needs root")
		}
		t.Skip("systemd-resolved needs root")
	}
	return needed(t, "systemd-resolved", "/lib/systemd/systemd-resolved", "/usr/lib/systemd/systemd-resolved")
}

// resolvedRuns starts systemd-resolved in host as it comes, without the message
// bus, and with the clinic's resolver.
func (c *clinic) resolvedRuns(host, program string) {
	c.t.Helper()
	const script = `mount -t tmpfs -o mode=755 none /run
mkdir -p /run/systemd/resolve
chown systemd-resolve:systemd-resolve /run/systemd/resolve
mount -t tmpfs -o mode=755 none /etc/systemd
printf '[Resolve]\nDNS=%s\nDomains=~.\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\n' "$1" > /etc/systemd/resolved.conf
exec "$0"`
	k := exec.Command(self(c.t), "--lang", "en", "lab", "exec", "--dir", c.dir, host, "--", "/bin/sh", "-ec", script, program, c.LAN[0].String())
	said := &logBuffer{}
	k.Stdout, k.Stderr = said, said
	if err := k.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		k.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(10*time.Second, func() { k.Process.Kill() })
		k.Wait()
		timer.Stop()
		if c.t.Failed() {
			c.t.Logf("systemd-resolved said:\n%s", said)
		}
	})
	for range 100 {
		if _, _, status := c.in(host, "dns", "127.0.0.53", "localhost", "A"); status == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Fatalf("systemd-resolved does not answer:\n%s", said)
}

// A page that loads from allowed, refused and missing names, and shows what
// came of each after how many milliseconds. It counts as loaded when all of
// them are.
const loading = `<!DOCTYPE html><title>names</title><body><script>
const from = performance.now();
for (const name of %s) {
	const s = document.createElement("script"), p = document.createElement("p");
	const say = what => () => p.textContent = name + "=" + what + "=" + Math.round(performance.now() - from);
	s.onload = say("loaded"); s.onerror = say("failed"); s.src = "http://" + name + "/";
	document.body.append(p, s);
}
</script>`

var loaded = regexp.MustCompile(`<p>([a-z.]+)=(loaded|failed)=(\d+)</p>`)

// A browser finds what is allowed; what is refused fails at once, not after a
// while in which the page stays white.
func TestBrowserResolves(t *testing.T) {
	path := needed(t, "chromium", "chromium")
	c := open(t)
	c.resolvConf("reception")
	names := map[string]string{c.AllowedName: "loaded", "alias.lab.example": "loaded",
		c.BlockedName: "failed", "cloaked.lab.example": "failed", "none.lab.example": "failed"}
	var list []string
	for name := range names {
		list = append(list, name)
	}
	encoded, _ := json.Marshal(list)
	page := filepath.Join(t.TempDir(), "names.html")
	if err := os.WriteFile(page, fmt.Appendf(nil, loading, encoded), 0o644); err != nil {
		t.Fatal(err)
	}
	best := map[string]int{}
	for try := range 3 {
		out, errs, status := (&asker{c, "reception"}).inside(path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
			"--user-data-dir="+filepath.Join(t.TempDir(), "profile"), "--disable-background-networking", "--dump-dom", "file://"+page)
		all := loaded.FindAllStringSubmatch(out, -1)
		if status != 0 || len(all) != len(names) {
			t.Fatalf("the browser shows, status %d:\n%s\n%s", status, out, errs)
		}
		late := false
		for _, m := range all {
			ms, _ := strconv.Atoi(m[3])
			if m[2] != names[m[1]] {
				t.Errorf("%s %s", m[1], m[2])
			}
			if b, ok := best[m[1]]; !ok || ms < b {
				best[m[1]] = ms
			}
			late = late || names[m[1]] == "failed" && best[m[1]] >= int(soon.Milliseconds())
		}
		if !late {
			t.Logf("milliseconds: %v", best)
			return
		}
		t.Logf("try %d, milliseconds: %v", try, best)
	}
	t.Errorf("what is refused fails late, milliseconds: %v", best)
}

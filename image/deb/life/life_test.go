// These tests hand the package to dpkg on a running Debian. They need root and
// the toolbox of the firmware's builder: `make test-deb` sees to it.
package life_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway/bootslot"
	"monban/gateway/config"
	"monban/image/compile"
	"monban/image/deb"
)

func TestMain(m *testing.M) {
	if os.Getenv("MONBAN_DEB") == "" {
		fmt.Println("the package is not installed anywhere: MONBAN_DEB=1 (make test-deb) does")
		return
	}
	os.Exit(m.Run())
}

// lan is the box's address in the clinic.
const lan = "192.168.44.1"

func parse(t *testing.T, version string) bootslot.Version {
	t.Helper()
	v, err := bootslot.ParseVersion(version)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// packages are two versions of the package, the first with a site.toml beside
// it, and what it depends on in a form that a box without a clock can have.
func packages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, version := range []string{"1.0.0", "1.0.1"} {
		program := filepath.Join(t.TempDir(), "monban")
		if err := compile.Program(t.Context(), "../../..", "./cmd/monban", parse(t, version), runtime.GOARCH, program); err != nil {
			t.Fatal(err)
		}
		_, err := deb.Build(t.Context(), deb.Options{Version: parse(t, version), Arch: runtime.GOARCH, Program: program, Source: "../../..",
			Maintainer: "Monban <root@localhost>", Made: time.Unix(1700000000, 0), Out: dir})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Not the address that the units have.
	example := strings.ReplaceAll(string(config.Example), "192.168.10.1", lan)
	site := strings.Replace(example, "[[dns.list]]\nname = \"lab\"\nfile = \"lists/lab.hosts\"\n", "", 1)
	if err := os.WriteFile(filepath.Join(dir, "site.toml"), []byte(site), 0o644); err != nil {
		t.Fatal(err)
	}
	// systemd-timesyncd does not run in a container; the toolbox has none.
	clock := filepath.Join(t.TempDir(), "clock")
	if err := os.MkdirAll(filepath.Join(clock, "DEBIAN"), 0o755); err != nil {
		t.Fatal(err)
	}
	control := "Package: systemd-timesyncd\nVersion: 257\nArchitecture: all\nMaintainer: test <root@localhost>\nDescription: nothing\n"
	if err := os.WriteFile(filepath.Join(clock, "DEBIAN/control"), []byte(control), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", clock, dir+"/clock.deb").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// An asker asks the box for its own name, one question after the other, and
// counts.
type asker struct {
	asked, lost atomic.Int64
	stop        chan struct{}
	done        chan error
}

// ask begins to ask from inside the box's network.
func (b *box) ask() *asker {
	a := &asker{stop: make(chan struct{}), done: make(chan error, 1)}
	go func() { a.done <- a.run("/proc/" + b.pid + "/ns/net") }()
	return a
}

func (a *asker) run(ns string) error {
	runtime.LockOSThread() // for good: it stays in that network
	f, err := os.Open(ns)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	question := []byte("\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06monban\x04home\x04arpa\x00\x00\x01\x00\x01")
	answer := make([]byte, 512)
	for n := uint16(1); ; n++ {
		select {
		case <-a.stop:
			return nil
		case <-time.After(20 * time.Millisecond):
		}
		c, err := net.Dial("udp", lan+":53")
		if err != nil {
			return err
		}
		question[0], question[1] = byte(n>>8), byte(n)
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		a.asked.Add(1)
		if _, err = c.Write(question); err == nil {
			_, err = c.Read(answer)
		}
		if err != nil || answer[3]&0xf != 0 {
			a.lost.Add(1)
		}
		c.Close()
	}
}

// The package in the hands of dpkg on a running Debian, from installation to
// purge.
func TestLife(t *testing.T) {
	dir := packages(t)
	b := newBox(t, dir)
	b.run("dpkg", "--install", "/mnt/clock.deb")
	install := func(version string) string {
		return b.run("dpkg", "--install", "/mnt/"+deb.Name(parse(t, version), runtime.GOARCH))
	}
	state := func(unit string) string {
		out, _ := b.try("systemctl", "show", "--property=ActiveState,UnitFileState", "--value", unit)
		return strings.Join(strings.Fields(out), " ")
	}
	want := func(when, unit, want string) {
		t.Helper()
		if got := state(unit); got != want {
			t.Errorf("%s %s is %q, want %q", when, unit, got, want)
		}
	}
	table := func(when string, want bool) {
		t.Helper()
		if _, err := b.nft("list", "table", "inet", "monban"); (err == nil) != want {
			t.Errorf("%s the rules are there: %v, want %v", when, err == nil, want)
		}
	}

	// Installed, and nothing has happened.
	if said := install("1.0.0"); !strings.Contains(said, "systemctl enable --now monban.service") || !strings.Contains(said, "monban check site.toml") {
		t.Errorf("the next steps are not told:\n%s", said)
	}
	b.run("zgrep", "-q", "^======== github.com/pelletier/go-toml/v2 v", "/usr/share/doc/monban/THIRD-PARTY.gz")
	b.run("systemctl", "restart", "systemd-networkd.service")
	want("after installation", "monban.service", "inactive disabled")
	want("after installation", "monban-closed.service", "inactive disabled")
	table("after installation", false)
	if got := b.run("stat", "-c", "%U %G %a", "/var/lib/monban"); got != "monban monban 700\n" {
		t.Errorf("the state directory is %s", got)
	}

	// Its owner begins.
	b.run("monban", "check", "/mnt/site.toml")
	b.run("install", "-o", "monban", "-g", "monban", "-m", "0600", "/mnt/site.toml", "/var/lib/monban/site.toml")
	b.run("systemctl", "enable", "--now", "monban.service")
	for _, unit := range []string{"monban.service", "monban-closed.service", "monban-boot.service", "monban-dns-udp.socket", "monban-page.socket"} {
		want("once enabled", unit, "active enabled")
	}
	want("once enabled", "monban-selftest.socket", "active enabled")
	table("once enabled", true)
	if files, _ := b.try("sh", "-c", "ls /run/systemd/network /run/systemd/timesyncd.conf.d"); strings.Contains(files, "monban") {
		t.Errorf("the network's settings were taken over:\n%s", files)
	}
	if listens := b.run("systemctl", "show", "--property=Listen", "monban-page.socket"); !strings.Contains(listens, lan+":443") {
		t.Errorf("the page listens on %s", listens)
	}
	b.run("systemctl", "restart", "systemd-networkd.service")

	// An upgrade under questions, with a window open.
	b.until("the device is known and a window open", func() error {
		b.run("ip", "neigh", "replace", "192.168.44.31", "lladdr", "00:1b:8b:00:00:31", "dev", "lan0", "nud", "reachable")
		out, err := b.try("monban", "window", "open", "--break-glass", "--vendor", "rececom-hoshu", "--device", "rececom", "--port", "3389", "--for", "1h", "--reason", "test")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
	live := func() string {
		out, _ := b.nft("list", "set", "inet", "monban", "win_live")
		return out
	}
	if !strings.Contains(live(), "expires") {
		t.Fatalf("no window is open:\n%s", live())
	}
	show := func(property, unit string) string {
		return strings.TrimSpace(b.run("systemctl", "show", "--property="+property, "--value", unit))
	}
	const since = "ActiveEnterTimestampMonotonic"
	socket, closed, old := show(since, "monban-dns-udp.socket"), show(since, "monban-closed.service"), show("MainPID", "monban.service")
	a := b.ask()
	time.Sleep(time.Second)
	said := install("1.0.1")
	time.Sleep(5 * time.Second)
	close(a.stop)
	if err := <-a.done; err != nil || a.lost.Load() > 0 || a.asked.Load() < 20 {
		t.Errorf("%d of %d questions were lost over the upgrade: %v", a.lost.Load(), a.asked.Load(), err)
	}
	t.Logf("%d questions over the upgrade, %d lost", a.asked.Load(), a.lost.Load())
	if strings.Contains(said, "Monban is installed") {
		t.Errorf("an upgrade speaks as if it were new:\n%s", said)
	}
	if got := b.run("monban", "version"); got != "1.0.1\n" || show("MainPID", "monban.service") == old {
		t.Errorf("version %s runs, pid %s before and %s after", got, old, show("MainPID", "monban.service"))
	}
	if show(since, "monban-dns-udp.socket") != socket || show(since, "monban-closed.service") != closed {
		t.Error("the sockets or the closed rules were begun anew by the upgrade")
	}
	if out := b.run("monban", "window", "list", "--lang", "en"); !strings.Contains(live(), "expires") || !strings.Contains(out, "rececom") {
		t.Errorf("the window did not outlive the upgrade:\n%s%s", live(), out)
	}

	// What somebody has taken out stays out.
	b.run("systemctl", "disable", "monban-http.socket")
	install("1.0.1")
	want("after an upgrade", "monban-http.socket", "active disabled")
	want("after an upgrade", "monban.service", "active enabled")

	// Removed: the window is closed, the rules stay, nothing is missing at boot.
	if said := b.run("dpkg", "--remove", "monban"); !strings.Contains(said, "nft delete table inet monban") {
		t.Errorf("what stays is not told:\n%s", said)
	}
	table("after removal", true)
	if strings.Contains(live(), "expires") {
		t.Errorf("a window is open without the program:\n%s", live())
	}
	if left, _ := b.try("find", "/etc/systemd/system", "-name", "monban*"); left != "" {
		t.Errorf("left behind:\n%s", left)
	}
	b.run("systemctl", "restart", "systemd-networkd.service")
	if out := b.run("systemctl", "list-units", "--all", "--no-legend", "monban*"); strings.Contains(out, "running") || strings.Contains(out, "listening") {
		t.Errorf("runs after removal:\n%s", out)
	}
	b.run("test", "-s", "/var/lib/monban/monban.db")

	// Once more, with the state of before.
	install("1.0.1")
	want("installed again", "monban.service", "inactive disabled")
	b.run("systemctl", "enable", "--now", "monban.service")
	if out := b.run("monban", "audit", "verify"); strings.TrimSpace(out) == "" {
		t.Error("the log is gone")
	}

	// Purged: the records are put aside.
	said = b.run("dpkg", "--purge", "monban")
	kept := strings.TrimSpace(b.run("sh", "-c", "echo /var/backups/monban-*"))
	if !strings.Contains(said, kept) {
		t.Errorf("records are at %s, which is not told:\n%s", kept, said)
	}
	if got := b.run("stat", "-c", "%U %a", kept); got != "root 700\n" {
		t.Errorf("the records can be read by others: %s", got)
	}
	b.run("test", "-s", kept+"/monban.db")
	for _, path := range []string{"/var/lib/monban", "/usr/bin/monban", "/usr/share/doc/monban", "/var/lib/systemd/deb-systemd-helper-enabled/monban.service.dsh-also"} {
		if _, err := b.try("test", "-e", path); err == nil {
			t.Errorf("%s is left after the purge", path)
		}
	}
	if left, _ := b.try("find", "/etc", "-name", "*monban*"); left != "" {
		t.Errorf("left in /etc:\n%s", left)
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway"
	"monban/gateway/window"
)

// status reads the box at a glance.
func (c *clinic) status() gateway.Status {
	c.t.Helper()
	var s gateway.Status
	c.ask(&s, "status")
	return s
}

// noted waits until the status has a note of that code.
func (c *clinic) noted(code string) gateway.Note {
	c.t.Helper()
	for range 100 {
		for _, n := range c.status().Notes {
			if n.Code == code {
				return n
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.t.Fatalf("no note %s; there are %+v", code, c.status().Notes)
	return gateway.Note{}
}

// guarded wants what must hold whatever is broken: nobody gets in, the LAN
// has its names.
func (c *clinic) guarded() {
	c.t.Helper()
	for family, to := range c.ways() {
		if _, ok := c.reach("vendor", "tcp", to); ok {
			c.t.Errorf("%s: the vendor gets in", family)
		}
	}
	if l := c.lookup(false, c.LAN[0].String(), c.AllowedName, "A"); l.Rcode != "NOERROR" {
		c.t.Errorf("names do not work: %+v", l)
	}
}

// A site.toml that breaks leaves the last good generation in force, also over
// a restart, and people are told the key and the line.
func TestBrokenSite(t *testing.T) {
	c := open(t)
	site := filepath.Join(c.dir, "site.toml")
	good, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(good), "sources", "sorces", 1)
	if err := os.WriteFile(site, []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	if n := c.noted("gateway.site_kept"); n.Args["line"] == "" || n.Args["key"] == "" {
		t.Errorf("the note does not say where: %+v", n)
	}
	if out, errs, status := c.try("check", site); status == 0 || !strings.Contains(out+errs, "sorces") {
		t.Errorf("check says %d:\n%s%s", status, out, errs)
	}
	c.guarded()
	c.run("lab", "kill", "--dir", c.dir)
	c.run("lab", "start", "--dir", c.dir)
	if s := c.status(); s.Mode != gateway.Kept || !s.RulesOK {
		t.Errorf("after a restart the box is %s, rules %v", s.Mode, s.RulesOK)
	}
	c.guarded()
	w := c.breakGlass("rececom", "3389", 20*time.Second)
	if _, ok := c.reach("vendor", "tcp", c.wan(3389)); !ok {
		t.Error("a window does not open with the last good generation")
	}
	c.run("window", "close", "--socket", c.Socket, itoa(w.ID))
	if err := os.WriteFile(site, good, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if c.status().Mode == gateway.Guarding {
			c.verified()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the mended site.toml is not in force: %+v", c.status())
}

// A vendor taken away loses his open window first.
func TestVendorTakenAway(t *testing.T) {
	c := open(t)
	w := c.breakGlass("rececom", "3389", time.Minute)
	k := c.talk("vendor", "tcp", c.wan(3389))
	k.wait(10, "echo")
	site := filepath.Join(c.dir, "site.toml")
	good, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	next := strings.ReplaceAll(string(good), "198.51.100.8/29", "198.51.100.96/29")
	next = strings.ReplaceAll(next, "2001:db8:0:2::/64", "2001:db8:0:9::/64")
	next = strings.ReplaceAll(next, `"198.51.100.10"`, `"198.51.100.97"`)
	if err := os.WriteFile(site, []byte(next), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if got := c.window(w.ID); got.State == window.Closed {
			if got.How != window.Revoked {
				t.Errorf("closed %s", got.How)
			}
			time.Sleep(300 * time.Millisecond)
			if last, _ := k.last("echo", "heard"); time.Since(last) < 200*time.Millisecond {
				t.Error("packets still pass")
			}
			c.verified()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the window is %s; status %+v", c.window(w.ID).State, c.status().Notes)
}

// mount puts a small file system where the state will be.
func smallState(t *testing.T, size string) func(dir string) {
	return func(dir string) {
		if os.Geteuid() != 0 {
			if os.Getenv("CI") != "" {
				t.Fatal("this test mounts a small disk and needs root")
			}
			t.Skip("this test mounts a small disk and needs root")
		}
		state := filepath.Join(dir, "state")
		if err := os.Mkdir(state, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", state, "tmpfs", 0, "size="+size); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(state, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
}

// A full disk opens nothing, says so, and closes what is open; nothing is
// lost once there is room again.
func TestFullDisk(t *testing.T) {
	c := open(t, smallState(t, "12m"))
	w := c.breakGlass("rececom", "3389", time.Minute)
	k := c.talk("vendor", "tcp", c.wan(3389))
	k.wait(5, "echo")
	filler := filepath.Join(c.state(), "filler")
	fill(t, filler)
	_, errs, status := c.try("window", "open", "--socket", c.Socket, "--break-glass", "--vendor", c.Vendor,
		"--device", "ehr", "--port", "5432", "--for", "1m", "--reason", "full")
	for n := 0; status == 0 && n < 50; n++ { // what is allotted already may still take a few
		fill(t, filler)
		_, errs, status = c.try("window", "open", "--socket", c.Socket, "--break-glass", "--vendor", c.Vendor,
			"--device", "xray", "--port", itoa(int64(1000+n)), "--for", "1s", "--reason", "full")
	}
	if status == 0 || !strings.Contains(errs, "full") {
		t.Errorf("opening on a full disk: status %d, %s", status, errs)
	}
	c.run("window", "close", "--socket", c.Socket, itoa(w.ID))
	time.Sleep(300 * time.Millisecond)
	if last, _ := k.last("echo", "heard"); time.Since(last) < 200*time.Millisecond {
		t.Error("the close on a full disk did not cut")
	}
	c.guarded()
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for range 150 {
		if got := c.window(w.ID); got.State == window.Closed && !got.Unrecorded {
			c.verified()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("with room again the window is %+v", c.window(w.ID))
}

// fill writes until there is no room.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for range 1000 {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}

// A database that is none is never touched; the firewall stands, and people
// are told.
func TestDatabaseThatIsNone(t *testing.T) {
	const junk = "this is not a database, but somebody's letter\n"
	c := open(t)
	c.breakGlass("rececom", "3389", time.Minute)
	c.run("lab", "kill", "--dir", c.dir)
	db := filepath.Join(c.state(), "monban.db")
	keep := filepath.Join(c.state(), "kept")
	move(t, db, keep)
	for _, more := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(db + more); err == nil {
			move(t, db+more, keep+more)
		}
	}
	if err := os.WriteFile(db, []byte(strings.Repeat(junk, 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("lab", "start", "--dir", c.dir)
	c.noted("store.not_a_database")
	// What was open is seen, and can be closed, without any record.
	if open := c.status().Open; len(open) != 1 || open[0].Left <= 0 || !open[0].Unrecorded {
		t.Errorf("the open windows are %+v", open)
	}
	if out := c.run("window", "close-all", "--socket", c.Socket); !strings.Contains(out, "1") {
		t.Errorf("close-all says %s", out)
	}
	c.guarded()
	if b, err := os.ReadFile(db); err != nil || !strings.HasPrefix(string(b), junk) {
		t.Errorf("the file was touched: %v", err)
	}
	_, errs, status := c.try("window", "open", "--socket", c.Socket, "--break-glass", "--vendor", c.Vendor,
		"--device", "rececom", "--port", "3389", "--for", "1m", "--reason", "none")
	if status == 0 {
		t.Errorf("a window opened without a record: %s", errs)
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// A state directory that cannot be written leaves the firewall as it was.
func TestReadOnlyState(t *testing.T) {
	c := open(t, smallState(t, "32m"))
	c.run("lab", "kill", "--dir", c.dir)
	state := c.state()
	if err := unix.Mount("", state, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Mount("", state, "", unix.MS_REMOUNT, "")
	c.run("lab", "start", "--dir", c.dir)
	c.noted("store.read_only")
	c.guarded()
}

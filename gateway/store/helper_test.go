package store

import (
	"database/sql"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

var (
	noon     = time.Date(2027, 3, 2, 3, 0, 0, 0, time.UTC)
	director = people.Actor{ID: 1, Name: "院長", Role: people.Director, Via: "page", SteppedUp: noon}
	staff    = people.Actor{ID: 2, Name: "受付", Role: people.Staff, Via: "page"}
	at       = Stamp{Wall: noon, Synced: true}
)

// opened opens a database in dir and closes it when the test ends.
func opened(t testing.TB, dir string) *DB {
	t.Helper()
	db, err := Open(filepath.Join(dir, "monban.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// say records an act of nothing but a line.
func say(t testing.TB, db *DB, code string) {
	t.Helper()
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error { return tx.Audit(code, map[string]any{"n": 1}) }); err != nil {
		t.Fatal(err)
	}
}

// codeOf returns the Fault code of err.
func codeOf(err error) string {
	var f *text.Fault
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// findings returns the codes of what db found.
func findings(db *DB) (all []string) {
	for _, f := range db.Findings() {
		all = append(all, f.Code)
	}
	return all
}

// raw opens the file past all rules, as an intruder would.
func raw(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "monban.db")+"?_pragma=ignore_check_constraints(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// seen is a device as the inventory gives it.
func seen(last byte) device.Device {
	return device.Device{MAC: device.MAC{2, 0, 0, 0, 0, last}, Iface: "lan0", FirstSeen: noon, LastSeen: noon,
		Addrs: []device.Address{{Addr: netip.AddrFrom4([4]byte{192, 168, 0, last}), Seen: noon}}}
}

// asked puts a device and a requested window into db.
func asked(t testing.TB, db *DB) window.Window {
	t.Helper()
	ids, err := db.PutDevices(t.Context(), []device.Device{seen(9)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := window.Ask(window.Window{Vendor: "acme", Device: ids[seen(9).MAC], Reason: "月例", Requester: "山田",
		Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28"), netip.MustParsePrefix("2001:db8::/48")},
		Ports:   []window.Port{{Proto: window.TCP, Port: 3389}, {Proto: window.UDP, Port: 3389, WAN: 13389}}}, staff, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error {
		if w, err = tx.InsertWindow(w); err != nil {
			return err
		}
		return tx.Audit("window.requested", map[string]any{"window": w.ID})
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

const nsEnv = "MONBAN_TEST_NAMESPACE"

// inNamespace reports whether this process may mount; where not, it runs the
// test again in a process that may, and returns false. Without user
// namespaces the test is skipped, but fails where CI=true.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(nsEnv) == t.Name() {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(slices.Clone(os.Environ()), nsEnv+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		t.Logf("%s", out)
	case errors.As(err, &exit):
		t.Errorf("in a namespace of its own: %v\n%s", err, out)
	case os.Getenv("CI") == "true":
		t.Fatalf("no namespace to mount in: %v", err)
	default:
		t.Skipf("no namespace to mount in: %v", err)
	}
	return false
}

// disk mounts a new file system of so many bytes and returns its directory.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill takes all the room that is left.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "filler"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := 64 << 10; block > 0; {
		if _, err := f.Write(make([]byte, block)); err != nil {
			block /= 2
		}
	}
}

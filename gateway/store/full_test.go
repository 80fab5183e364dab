package store

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"monban/gateway/device"
	"monban/gateway/window"
)

// On a full disk ordinary acts are refused with a Fault and nothing is lost;
// an urgent one is recorded out of the reserve; when there is room again
// everything works as before.
func TestDiskFull(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	dir := disk(t, "6m")
	db := opened(t, dir)
	w := asked(t, db)
	w = open(t, db, w)
	fill(t, dir)

	big := map[string]any{"text": strings.Repeat("x", 4000)}
	acts := 0
	var err error
	for ; acts < 2000 && err == nil; acts++ { // until the change log can grow no more
		head := db.Head()
		err = db.Act(t.Context(), staff, at, func(tx *Tx) error { return tx.Audit("a.big", big) })
		if (err == nil) != (db.Head().Count == head.Count+1) {
			t.Fatalf("act %d: %v, but %d lines", acts, err, db.Head().Count)
		}
	}
	if codeOf(err) != "store.disk_full" {
		t.Fatalf("after %d acts: %v", acts, err)
	}
	t.Logf("refused after %d acts: %v", acts, err)
	if _, err := db.PutDevices(t.Context(), []device.Device{seen(1), seen(2)}, nil); err != nil && codeOf(err) != "store.disk_full" {
		t.Error(err)
	}
	logins := db.Logins(nowAt(noon))
	if err := logins.Commit("token", []byte(strings.Repeat("x", 5000)), noon.AddDate(0, 0, 1)); err != nil {
		t.Error("nobody can stay signed in:", err)
	}
	if b, ok, err := logins.Find("token"); !ok || err != nil || len(b) != 5000 {
		t.Error(ok, err)
	}
	verifies(t, db)

	closed, err := w.Close(window.ByHand, staff, noon, window.Tally{Cut: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.ActUrgent(t.Context(), staff, at, func(tx *Tx) error {
		if err := tx.PutWindow(closed, window.Open); err != nil {
			return err
		}
		return tx.Audit("window.closed", big)
	}); err != nil {
		t.Fatal("closing was not recorded:", err)
	}
	if !slices.Contains(findings(db), "store.disk_full") {
		t.Error(findings(db))
	}
	// What the reserve gave is for closing alone.
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error { return tx.Audit("a.b", nil) }); codeOf(err) != "store.disk_full" {
		t.Error("an ordinary act used the reserve:", err)
	}
	verifies(t, db)
	head := db.Head()

	// The box is switched off and on, still full.
	db.Close()
	db = opened(t, dir)
	if db.Head() != head {
		t.Error("lines were lost")
	}
	if got, err := db.Window(t.Context(), w.ID); err != nil || got.State != window.Closed || got.Cut != 1 {
		t.Error(got, err)
	}

	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
	say(t, db, "a.again")
	if f := findings(db); len(f) != 0 {
		t.Error("with room again:", f)
	}
	verifies(t, db)
}

// The disk is full before the first start, or fills during it: a sentence, and
// nothing half made stands in the way later.
func TestFullFromTheStart(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for _, free := range []int{0, 4 << 10, 40 << 10, 120 << 10, 400 << 10} {
		dir := disk(t, "3m")
		fill(t, dir)
		if err := os.Truncate(filepath.Join(dir, "filler"), int64(3<<20-free)/4096*4096); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "monban.db")
		db, err := Open(path, Options{})
		switch {
		case err == nil:
			if !slices.Contains(findings(db), "store.disk_full") {
				t.Errorf("%d bytes free: opened, found %v", free, findings(db))
			}
			db.Close()
		case codeOf(err) != "store.disk_full":
			t.Errorf("%d bytes free: %v", free, err)
		}
		if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
			t.Fatal(err)
		}
		db, err = Open(path, Options{})
		if err != nil {
			t.Errorf("%d bytes free at first: then %v", free, err)
			continue
		}
		say(t, db, "a.b")
		verifies(t, db)
		db.Close()
	}
}

func TestReadOnlyDirectory(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	dir := disk(t, "8m")
	empty := filepath.Join(dir, "monban.db")
	remount := func(flags uintptr) {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	if _, err := Open(empty, Options{}); codeOf(err) != "store.read_only" {
		t.Error("no database yet:", err)
	}
	remount(0)
	db := opened(t, dir)
	say(t, db, "a.b")
	head := db.Head()
	db.Close()
	remount(syscall.MS_RDONLY)
	before := contents(t, dir)
	if _, err := Open(empty, Options{}); codeOf(err) != "store.read_only" {
		t.Error(err)
	}
	if !slices.Equal(before, contents(t, dir)) {
		t.Error("files changed")
	}
	remount(0)
	if db = opened(t, dir); db.Head() != head || len(db.Findings()) != 0 {
		t.Error(db.Head(), findings(db))
	}
}

// A directory that turns read-only for us while we run, as an ext4 does after
// an I/O error: acts are refused, reading goes on. (A mount cannot turn while
// files are open for writing; the connection can.)
func TestTurnsReadOnly(t *testing.T) {
	db := opened(t, t.TempDir())
	say(t, db, "a.b")
	if _, err := db.w.Exec("PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error { return tx.Audit("a.c", nil) }); codeOf(err) != "store.read_only" {
		t.Error(err)
	}
	if lines, err := db.AuditLines(t.Context(), 0, 9); err != nil || len(lines) != 1 {
		t.Error(lines, err)
	}
}

func verifies(t *testing.T, db *DB) {
	t.Helper()
	if h, err := db.Verify(t.Context()); err != nil || h != db.Head() {
		t.Error(h, err)
	}
}

// open takes a requested window to open.
func open(t *testing.T, db *DB, w window.Window) window.Window {
	t.Helper()
	step := func(from window.State, next func() (window.Window, error)) {
		n, err := next()
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Act(t.Context(), director, at, func(tx *Tx) error {
			if err := tx.PutWindow(n, from); err != nil {
				return err
			}
			return tx.Audit("window."+string(n.State), map[string]any{"window": n.ID})
		}); err != nil {
			t.Fatal(err)
		}
		w = n
	}
	step(window.Requested, func() (window.Window, error) { return w.Approve(director, noon, window.Answer{}) })
	step(window.Approved, func() (window.Window, error) {
		return w.Begin(window.Start{Mark: 1, BootID: "boot", Boot: 1, At: noon})
	})
	step(window.Opening, w.Opened)
	return w
}

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"monban/gateway/audit"
)

func TestOpenTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a ? # % 門番") // what a file: address would stumble over
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db := opened(t, dir)
	say(t, db, "a.one")
	head := db.Head()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := opened(t, dir); got.Head() != head || len(got.Findings()) != 0 {
		t.Error(got.Head(), findings(got))
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range names {
		names[i] = filepath.Base(n)
	}
	if want := []string{"monban.db", "monban.db-shm", "monban.db-wal", "monban.db.head", "monban.db.reserve"}; !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	if st, err := os.Stat(filepath.Join(dir, "monban.db.reserve")); err != nil || st.Size() != 1<<20 {
		t.Error(st, err)
	}
}

// The settings hold on every connection, and a wrong one is noticed.
func TestPragmas(t *testing.T) {
	db := opened(t, t.TempDir())
	for range 4 { // readers that the pool opens anew
		conn, err := db.r.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, p := range reading.pragmas() {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+p.name).Scan(&got); err != nil || got != p.want {
				t.Errorf("%s is %s, %v", p.name, got, err)
			}
		}
		if _, err := conn.ExecContext(t.Context(), "DELETE FROM login"); !isReadOnly(err) {
			t.Errorf("a reader wrote: %v", err)
		}
	}
	if _, err := db.w.ExecContext(t.Context(), "PRAGMA synchronous = 1"); err != nil {
		t.Fatal(err)
	}
	if pragmasHold(t.Context(), db.w, writing) == nil {
		t.Error("a lost setting was not noticed")
	}
}

// What is not our database stays as it is, byte by byte.
func TestNotOurs(t *testing.T) {
	page := bytes.Repeat([]byte("garbage "), 1000)
	for _, c := range []struct {
		name string
		make func(dir, path string) error
		want string
	}{
		{"garbage", func(_, p string) error { return os.WriteFile(p, page, 0o600) }, "store.not_a_database"},
		{"three bytes", func(_, p string) error { return os.WriteFile(p, []byte("abc"), 0o600) }, "store.not_a_database"},
		{"a directory", func(_, p string) error { return os.Mkdir(p, 0o700) }, "store.not_a_database"},
		{"only the first line right", func(_, p string) error {
			return os.WriteFile(p, append([]byte("SQLite format 3\x00"), page...), 0o600)
		}, "store.not_a_database"},
		{"another program's", func(dir, _ string) error {
			_, err := raw(t, dir).Exec("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)")
			return err
		}, "store.not_a_database"},
		{"changes without a database", func(_, p string) error { return os.WriteFile(p+"-wal", page, 0o600) }, "store.broken"},
		{"changes and an empty database", func(_, p string) error {
			return errors.Join(os.WriteFile(p, nil, 0o600), os.WriteFile(p+"-wal", page, 0o600))
		}, "store.broken"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "monban.db")
		if err := c.make(dir, path); err != nil {
			t.Fatal(err)
		}
		before := contents(t, dir)
		if _, err := Open(path, Options{}); codeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		if after := contents(t, dir); !slices.Equal(before, after) {
			t.Errorf("%s: files were changed", c.name)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "monban.db"), Options{}); codeOf(err) != "store.no_directory" {
		t.Error(err)
	}
}

// contents returns every file's name and bytes.
func contents(t *testing.T, dir string) (all []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if st, err := os.Stat(n); err == nil && st.IsDir() {
			all = append(all, n)
			continue
		}
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n+"\n"+string(b))
	}
	return all
}

// filled makes a database of some 200 lines and returns its path, closed.
func filled(t *testing.T) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	db := opened(t, dir)
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error {
		for range 400 {
			if err := tx.Audit("a.line", map[string]any{"text": "あああああああああああああああああ"}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, "monban.db")
}

func TestBrokenPages(t *testing.T) {
	_, path := filled(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bend := range map[string]func(b []byte) []byte{
		"a page of noise":  func(b []byte) []byte { copy(b[5*4096:], bytes.Repeat([]byte{0xa5}, 4096)); return b },
		"half of the file": func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"the schema":       func(b []byte) []byte { copy(b[100:], bytes.Repeat([]byte{0xff}, 200)); return b },
	} {
		bad := bend(slices.Clone(good))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if db, err := Open(path, Options{}); codeOf(err) != "store.broken" {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				db.Close()
			}
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, bad) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// A change log that lost its end, as after a power cut on a bad disk, gives
// the acts before it; the head file shows that some are gone.
func TestTruncatedWAL(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	made, err := os.Stat(db.path + "-wal") // what the tables took
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		say(t, db, "a.line")
	}
	// A copy as it lies on the disk, while the process has not closed it.
	crashed := t.TempDir()
	for _, end := range []string{"", "-wal", ".head"} {
		b, err := os.ReadFile(db.path + end)
		if err != nil {
			t.Fatal(err)
		}
		if end == "-wal" {
			b = b[:len(b)-(len(b)-int(made.Size()))/3]
		}
		if err := os.WriteFile(filepath.Join(crashed, "monban.db"+end), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := opened(t, crashed)
	if n := got.Head().Count; n == 0 || n >= 20 {
		t.Errorf("%d lines", n)
	}
	if !slices.Contains(findings(got), audit.Cut) {
		t.Error(findings(got))
	}
	say(t, got, "a.line")
	var broken *audit.Broken
	if _, err := got.Verify(t.Context()); !errors.As(err, &broken) || broken.Why != audit.Cut && broken.Why != audit.Rewritten {
		t.Error("the kept note is not asked:", err)
	}
	got.Close()
	if again := opened(t, crashed); len(again.Findings()) == 0 {
		t.Error("the finding is forgotten after a restart")
	}
}

func TestMigrations(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path := filepath.Join(dir, "monban.db")
	db := opened(t, dir)
	say(t, db, "a.line")
	real := migrations()
	next, err := readMigrations(fstest.MapFS{"0001_more.sql": {Data: []byte("CREATE TABLE more (x INTEGER) STRICT;")}})
	if err != nil {
		t.Fatal(err)
	}
	two := append(slices.Clone(real), next[0])
	bad := append(slices.Clone(real), migration{name: "bad.sql", sql: "CREATE TABLE half (x INTEGER) STRICT; CREATE TABLE audit (x);", sum: "x"})

	if err := migrate(ctx, db.w, path, bad); err == nil {
		t.Error("a step that fails was taken")
	}
	if _, err := db.w.Exec("SELECT * FROM half"); err == nil {
		t.Error("half a step was kept")
	}
	if err := migrate(ctx, db.w, path, two); err != nil {
		t.Fatal(err)
	}
	old, err := Open(fmt.Sprintf("%s.before-%04d", path, len(two)), Options{ReadOnly: true})
	if err == nil {
		t.Cleanup(func() { old.Close() })
		if old.Head() != db.Head() {
			t.Error("the copy before the step lacks lines")
		}
	} else {
		t.Error("no copy before the step:", err)
	}
	if err := migrate(ctx, db.w, path, two); err != nil {
		t.Error("a second time:", err)
	}
	db.Close()
	if _, err := Open(path, Options{}); codeOf(err) != "store.newer" {
		t.Error("a newer database:", err)
	}

	changed := t.TempDir()
	db = opened(t, changed)
	if _, err := db.w.Exec("UPDATE migration SET sum = 'x'"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(filepath.Join(changed, "monban.db"), Options{}); codeOf(err) != "store.changed_schema" {
		t.Error("another schema:", err)
	}
	if _, err := readMigrations(fstest.MapFS{"0002_x.sql": {}}); err == nil {
		t.Error("a gap in the steps was taken")
	}
}

func TestReadOnlyOpen(t *testing.T) {
	dir, path := filled(t)
	before := contents(t, dir)
	db, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := db.Verify(t.Context()); err != nil || h.Count != 400 || h != db.Head() {
		t.Error(h, err)
	}
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error { return tx.Audit("a.b", nil) }); codeOf(err) != "store.read_only" {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// SQLite may leave an empty change log; nothing else may differ.
	for _, f := range before {
		if !slices.Contains(contents(t, dir), f) {
			t.Errorf("looking changed %.60s", f)
		}
	}
	if _, err := Open(path+"x", Options{ReadOnly: true}); codeOf(err) != "store.none" {
		t.Error(err)
	}
}

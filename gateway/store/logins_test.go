package store

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
)

var (
	_ scs.Store         = (*Logins)(nil)
	_ scs.IterableStore = (*Logins)(nil)
)

func TestLogins(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	clock := noon
	l := db.Logins(func() time.Time { return clock })
	const token = "a-token-nobody-may-find-on-the-disk"
	commit := func(data string, expires time.Time) {
		t.Helper()
		if err := l.Commit(token, []byte(data), expires); err != nil {
			t.Fatal(err)
		}
	}
	is := func(l *Logins, want string) {
		t.Helper()
		b, ok, err := l.Find(token)
		if err != nil || ok != (want != "") || string(b) != want {
			t.Errorf("%q, %v, %v; want %q", b, ok, err, want)
		}
	}
	after := func() *Logins { return db.Logins(func() time.Time { return clock }) } // as after a restart
	is(l, "")
	commit("one", noon.Add(30*time.Minute))
	is(l, "one")
	is(after(), "one")

	clock = noon.Add(10 * time.Second)
	commit("two", clock.Add(30*time.Minute)) // too soon to write
	is(l, "two")
	is(after(), "one")
	clock = noon.Add(2 * time.Minute)
	commit("three", clock.Add(30*time.Minute))
	is(after(), "three")

	all, err := l.All()
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	for key, data := range all {
		if key == token || string(data) != "three" {
			t.Error(key, string(data))
		}
		if err := l.End(key); err != nil {
			t.Error(err)
		}
	}
	is(l, "")
	is(after(), "")
	if err := l.End("no such key"); err == nil {
		t.Error("ended nothing")
	}

	commit("four", clock.Add(time.Minute))
	if err := l.Delete(token); err != nil {
		t.Error(err)
	}
	is(after(), "")
	commit("five", clock.Add(time.Minute))
	clock = clock.Add(time.Minute)
	is(l, "")
	is(after(), "")
	if err := db.Checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
	for _, end := range []string{"", "-wal"} {
		if b, err := os.ReadFile(db.path + end); err != nil || bytes.Contains(b, []byte(token)) {
			t.Errorf("the token is in monban.db%s, %v", end, err)
		}
	}
}

func TestLoginsAreBounded(t *testing.T) {
	db := opened(t, t.TempDir())
	l := db.Logins(nowAt(noon))
	for i := range 200 {
		if err := l.Commit(string(rune('a'+i)), []byte("x"), noon.Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.by) > 64 {
		t.Errorf("%d expired ones are kept", len(l.by))
	}
}

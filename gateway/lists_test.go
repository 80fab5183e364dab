package gateway

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/dnsfilter"
)

// listed says which list refuses name, "" if none does.
func (b *box) listed(name string) string {
	e, _ := b.lists.compiled.Lookup(name)
	return e.List
}

func (b *box) noteCodes() string {
	var codes []string
	for _, n := range b.lists.notes {
		codes = append(codes, n.Code)
	}
	return strings.Join(codes, " ")
}

// The compiled lists are used at start as long as they fit their files, and
// what was said of their lines is said again.
func TestCompiledListsAreUsed(t *testing.T) {
	b := newBox(t)
	b.write("lists/lab.hosts", "0.0.0.0 ads.lab.example\nwhat is this\n||name.example^$dnsrewrite=192.0.2.1\n")
	b.start()
	file := filepath.Join(b.dir, "lists.compiled")
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != 0o600 {
		t.Error(fi.Mode(), err)
	}
	made := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(file, made, made); err != nil {
		t.Fatal(err)
	}
	b.kill().start()
	if !b.lists.at.Equal(made) || b.listed("ads.lab.example") != "lab" {
		t.Errorf("made at %v, want %v", b.lists.at, made)
	}
	if got := b.noteCodes(); got != "gateway.list_bad_lines gateway.list_unusable_lines" {
		t.Error(got)
	}
	if again, err := os.ReadFile(file); err != nil || !bytes.Equal(first, again) {
		t.Error("it was made again", err)
	}
	before := b.lists.compiled
	b.Reload(t.Context())
	if b.lists.compiled != before {
		t.Error("compiled again without need")
	}
	b.kill().write("lists/lab.hosts", "||new.lab.example^\n")
	b.start()
	if b.listed("x.new.lab.example") != "lab" || b.listed("ads.lab.example") != "" || b.noteCodes() != "" {
		t.Error("the file changed meanwhile, and the old names are in force", b.noteCodes())
	}
}

// A compiled file that is damaged is made again, and it is said.
func TestBrokenCompiledLists(t *testing.T) {
	b := newBox(t).start()
	file := filepath.Join(b.dir, "lists.compiled")
	for _, damage := range []func([]byte) []byte{
		func(x []byte) []byte { x[len(x)/2] ^= 4; return x },
		func(x []byte) []byte { return x[:len(x)-9] },
		func([]byte) []byte { return nil },
	} {
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b.kill()
		if err := os.WriteFile(file, damage(bytes.Clone(good)), 0o600); err != nil {
			t.Fatal(err)
		}
		b.start()
		if b.listed("ads.lab.example") != "lab" || b.noteCodes() != "gateway.list_rebuilt" {
			t.Error(b.noteCodes())
		}
		b.kill().start()
		if b.listed("ads.lab.example") != "lab" || b.noteCodes() != "" {
			t.Error("made again, and still", b.noteCodes())
		}
	}
}

// A list that is none, or gone, leaves the last good ones in force over a
// restart; without any, it is said that none is.
func TestLastGoodLists(t *testing.T) {
	b := newBox(t).start()
	for content, want := range map[string]string{
		"<html>moved</html>":    "list.html gateway.list_unread",
		"":                      "list.empty gateway.list_unread",
		"0.0.0.0 a\x00.example": "list.binary gateway.list_unread",
		"all is rubbish here":   "list.no_names gateway.list_unread",
	} {
		b.write("lists/lab.hosts", content)
		if !b.listsChanged() {
			t.Fatal("the change is not seen")
		}
		b.loadLists()
		if b.listed("ads.lab.example") != "lab" || b.noteCodes() != want {
			t.Errorf("%q: %s, want %s", content, b.noteCodes(), want)
		}
		if b.listsChanged() {
			t.Error("it would be read again and again")
		}
		b.kill().start()
		if b.listed("ads.lab.example") != "lab" || b.noteCodes() != want {
			t.Errorf("%q after a restart: %s, want %s", content, b.noteCodes(), want)
		}
	}
	file := filepath.Join(b.dir, "lists.compiled")
	b.kill()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(b.dir, "lists", "lab.hosts")); err != nil {
		t.Fatal(err)
	}
	b.start()
	if n, ok := b.note("gateway.list_none"); !ok || n.Level != "danger" || n.Args["list"] != "lab" {
		t.Errorf("%+v", n)
	}
	// What is built in guards even so.
	if d := b.dns.decide(dnsfilter.Ask{Name: "dns.google"}); d.Action != dnsfilter.Refuse || d.List != "bypass-dns" {
		t.Errorf("%+v", d)
	}
	if v := b.view("bypass-dns"); v.State != ListInUse || !v.BuiltIn || v.Names == 0 || b.lists.compiled.Len() != 0 {
		t.Errorf("%+v, and %d names of others", v, b.lists.compiled.Len())
	}
	b.write("lists/lab.hosts", "ads.lab.example\n")
	b.loadLists()
	if b.listed("ads.lab.example") != "lab" || b.noteCodes() != "" {
		t.Error("the list is back, and not used", b.noteCodes())
	}
}

// A full disk costs the next start some time, nothing else.
func TestListsNotStored(t *testing.T) {
	b := newBox(t)
	// A directory in its place cannot be replaced by a file, whoever tries.
	if err := os.MkdirAll(filepath.Join(b.dir, "lists.compiled", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.start()
	if got := b.noteCodes(); b.listed("ads.lab.example") != "lab" || got != "gateway.list_rebuilt gateway.list_unkept" {
		t.Error(got)
	}
	left, err := filepath.Glob(filepath.Join(b.dir, ".lists.compiled*"))
	if err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "lists.compiled", "x")); errors.Is(err, fs.ErrNotExist) {
		t.Error("the directory is gone")
	}
}

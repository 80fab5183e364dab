package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway/text"
)

// The compiled file says what the lists say; one that cannot be made leaves
// the old one as it was.
func TestCompile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	hosts, rules := file("a.hosts", "0.0.0.0 ads.example\nrubbish here\n"), file("b.txt", "||wide.example^\n")
	page, out := file("c.txt", "<!DOCTYPE html>\n"), filepath.Join(dir, "lists.compiled")
	compile := func(args ...string) (string, string, int) {
		var stdout, stderr bytes.Buffer
		status := monban(context.Background(), append([]string{"--lang", "en", "dns", "compile", "--out"}, args...), nil, &stdout, &stderr)
		return stdout.String(), stderr.String(), status
	}
	said, errs, status := compile(out, hosts, rules)
	if status != 0 || !strings.Contains(said, "2 names of 2 lists") || !strings.Contains(errs, "1 of 2 lines make no sense") {
		t.Fatalf("%d: %q %q", status, said, errs)
	}
	check := func() {
		t.Helper()
		l, err := readLists([]string{out}, &env{lang: text.EN})
		if err != nil {
			t.Fatal(err)
		}
		if x, ok := l.Lookup("x.wide.example"); !ok || x.List != "b.txt" || l.Len() != 2 {
			t.Errorf("%+v", x)
		}
	}
	check()
	for _, bad := range [][]string{{out, page}, {out, filepath.Join(dir, "none")}, {out}} {
		if _, errs, status := compile(bad...); status == 0 || errs == "" {
			t.Errorf("%v: %d %q", bad, status, errs)
		}
	}
	if _, errs, status := compile(filepath.Join(dir, "no", "dir"), hosts); status == 0 || !strings.Contains(errs, "cannot be written") {
		t.Errorf("%d %q", status, errs)
	}
	check()
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Error("left behind:", left)
	}
}

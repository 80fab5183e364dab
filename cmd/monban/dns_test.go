package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/dnsfilter/list"
	"monban/gateway/text"
)

// --list takes text in any format, or one compiled file, and says what of it
// is not used.
func TestListFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	hosts := file("a.hosts", "0.0.0.0 ads.example\nrubbish here\n")
	rules := file("b.txt", "||wide.example^\n||one.example^$third-party\n")
	page := file("c.txt", "<!DOCTYPE html>\n")
	var said bytes.Buffer
	e := &env{stderr: &said, lang: text.EN}
	l, err := readLists([]string{hosts, rules}, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"“a.hosts”: 1 of 2 lines make no sense", "“b.txt”: 1 of 2 lines say more"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q does not say %q", said.String(), want)
		}
	}
	var compiled bytes.Buffer
	if err := l.Write(&compiled); err != nil {
		t.Fatal(err)
	}
	ready := file("ready", compiled.String())
	again, err := readLists([]string{ready}, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*list.List{l, again} {
		if x, ok := l.Lookup("x.wide.example"); !ok || x.List != "b.txt" || x.Line != 1 {
			t.Errorf("%+v", x)
		}
		if _, ok := l.Lookup("ads.example"); !ok || l.Len() != 2 {
			t.Errorf("%d names", l.Len())
		}
	}
	cut := file("cut", compiled.String()[:compiled.Len()-1])
	for code, files := range map[string][]string{
		"list.compiled_alone": {hosts, ready}, "list.compiled_broken": {cut},
		"list.html": {page}, "dns.list_unreadable": {filepath.Join(dir, "none")},
	} {
		var f *text.Fault
		if _, err := readLists(files, e); !errors.As(err, &f) || f.Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
}

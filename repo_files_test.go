package monban_test

import (
	"bytes"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// words have no place in a finished file: unfinished work, tracker numbers
// that mean nothing here, paths of somebody's machine.
var words = regexp.MustCompile(`\b([T]ODO|[F]IXME|[X]XX)\b|\b[i]ssues? #?\d|/[w]ork/|/[h]ome/[a-z]+/|/[r]oot/`)

func TestWords(t *testing.T) {
	walk(t, func(file string) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		if !utf8.Valid(b) {
			return // a picture, a table, a program
		}
		if m := words.Find(b); m != nil {
			t.Errorf("%s:%d says %q", file, 1+bytes.Count(b[:bytes.Index(b, m)], []byte("\n")), m)
		}
		if n := bytes.Count(b, []byte("\n")); n > 450 && strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_templ.go") {
			t.Errorf("%s has %d lines; split it", file, n)
		}
	})
}

// Each direct dependency has its row in docs/dependencies.md, and each row
// its module.
func TestDependenciesAreExplained(t *testing.T) {
	mod, _ := os.ReadFile("go.mod")
	doc, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t([a-z0-9./-]+) v\S+$`).FindAllSubmatch(mod, -1) {
		if !bytes.Contains(doc, []byte("| `"+string(m[1])+"` |")) {
			t.Errorf("docs/dependencies.md does not say why %s", m[1])
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(doc, -1) {
		if !bytes.Contains(mod, []byte("\t"+string(row[1])+" v")) {
			t.Errorf("docs/dependencies.md explains %s, which go.mod does not have", row[1])
		}
	}
}

// What the documents point to is there.
func TestLinks(t *testing.T) {
	walk(t, func(file string) {
		b, _ := os.ReadFile(file)
		if !strings.HasSuffix(file, ".md") {
			return
		}
		for _, m := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllSubmatch(b, -1) {
			if _, err := os.Stat(path.Join(path.Dir(file), string(m[1]))); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	})
}

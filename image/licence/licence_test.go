package licence

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"monban/gateway/bootslot"
	"monban/image/compile"
)

const source = "../.."

// Whoever puts somebody's data beside the code puts its terms there too, and
// they go where the program goes.
func TestDataIsWhole(t *testing.T) {
	terms := regexp.MustCompile(`(?i)(^|\.)(licen[sc]e|notice|copying|ofl)(\.txt|\.md)?$`)
	var found []string
	err := filepath.WalkDir(source, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", "bin", "node_modules", "testdata": // not in the program
				return fs.SkipDir
			}
		} else if name, _ = filepath.Rel(source, name); terms.MatchString(d.Name()) && name != "LICENSE" {
			found = append(found, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Sorted(slices.Values(data))
	if slices.Sort(found); !slices.Equal(found, want) {
		t.Errorf("the source has the terms\n%s\nof which these travel with the program:\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
}

// Every module of a program is there, each file once.
func TestAll(t *testing.T) {
	v, err := bootslot.ParseVersion("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program") // a test says nothing of its modules
	if err := compile.Program(t.Context(), source, "./cmd/mkimage", v, "amd64", program); err != nil {
		t.Fatal(err)
	}
	all, err := All(t.Context(), source, program, program)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, x := range all {
		if seen[x.Name] || len(x.Data) == 0 || x.Of == "" {
			t.Errorf("%+v: twice or empty", x)
		}
		seen[x.Name] = true
	}
	for _, name := range append([]string{"go/stdlib/LICENSE", "go/golang.org/x/crypto/LICENSE"}, data...) {
		if !seen[name] && !seen["monban/"+name] {
			t.Errorf("%s is missing", name)
		}
	}
	if _, err := All(t.Context(), source, "licence.go"); err == nil {
		t.Error("a text was taken for a program")
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"LICENCE.md", "License-BSD", "COPYING", "license.go", "README", "licenses/MIT"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("terms"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	texts, err := folder("m v1", "go/m", dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range texts {
		names = append(names, x.Name)
	}
	if got := strings.Join(names, " "); got != "go/m/COPYING go/m/LICENCE.md go/m/License-BSD" {
		t.Error(got)
	}
	if _, err := folder("m v1", "go/m", t.TempDir()); err == nil || !strings.Contains(err.Error(), "m v1 has no file with its licence") {
		t.Errorf("nobody knows the terms, and it is taken: %v", err)
	}
	if got := cached(&debug.Module{Path: "github.com/BurntSushi/x", Version: "v1.0.0-RC"}); got != "github.com/!burnt!sushi/x@v1.0.0-!r!c" {
		t.Error(got)
	}
}

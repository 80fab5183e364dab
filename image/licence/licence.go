// Package licence collects the terms of all that our programs are made of: of
// Go, of the modules that they name themselves, and of the data in them.
//
// Where the texts go, whoever hands out the programs decides; Debian's packages
// bring their own.
package licence

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"
)

// A Text is one file with terms.
type Text struct {
	Of   string // what it is about: a module with its version, Go, or the folder of the data
	Name string // go/MODULE/FILE, or monban/FOLDER/FILE for data; no two are the same
	Data []byte
}

// fileName is what files are called that must travel with a program. Some
// modules have a license.go, which is code.
var fileName = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents)`)

// data are the terms of what the programs hold beside modules, by their places
// in the source.
var data = []string{
	"dnsfilter/tools/tools.NOTICE", "dnsfilter/tools/tools.LICENSE", "gateway/device/oui-data.LICENSE",
	"gateway/paper/font/OFL.txt", "gateway/people/common.LICENSE",
}

// All returns the terms of all that is in programs (their files), which were
// built from the source in a folder on this machine. Something without any terms
// is an error: nothing is passed on that nobody knows the terms of.
func All(ctx context.Context, source string, programs ...string) ([]Text, error) {
	goVersion, modules, err := contents(programs)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOMODCACHE")
	c.Dir = source
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("asking for the folders of Go: %w", err)
	}
	root, cache, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	all, err := folder("Go "+goVersion, "go/stdlib", root)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		m := modules[name]
		texts, err := folder(m.Path+" "+m.Version, "go/"+m.Path, filepath.Join(cache, cached(m)))
		if err != nil {
			return nil, err
		}
		all = append(all, texts...)
	}
	for _, name := range data {
		b, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return nil, fmt.Errorf("reading the licence of data: %w", err)
		}
		all = append(all, Text{path.Dir(name), "monban/" + name, b})
	}
	return all, nil
}

// contents returns the version of Go and the modules that programs say they are
// made of.
func contents(programs []string) (goVersion string, modules map[string]*debug.Module, err error) {
	modules = map[string]*debug.Module{}
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return "", nil, fmt.Errorf("reading what the program is made of: %w", err)
		}
		goVersion = info.GoVersion
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			modules[m.Path] = m
		}
	}
	return goVersion, modules, nil
}

// folder returns all terms at the top of a folder.
func folder(of, name, dir string) (texts []Text, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking for the licence of %s: %w", of, err)
	}
	for _, f := range files {
		if !f.Type().IsRegular() || !fileName.MatchString(f.Name()) || path.Ext(f.Name()) == ".go" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the licence of %s: %w", of, err)
		}
		texts = append(texts, Text{of, name + "/" + f.Name(), b})
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s has no file with its licence in %s", of, dir)
	}
	return texts, nil
}

// cached is where a module lies in the cache: capitals are written with an
// exclamation mark (golang.org/ref/mod#module-cache).
func cached(m *debug.Module) string {
	var b strings.Builder
	for _, r := range m.Path + "@" + m.Version {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return filepath.FromSlash(b.String())
}

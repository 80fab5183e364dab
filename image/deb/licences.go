package deb

import (
	"bytes"
	"debug/buildinfo"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"unicode"
)

//go:embed copyright
var copyright []byte

//go:embed monban.1
var manual []byte

//go:embed overrides
var overrides []byte

// licenceFile are the names of files that must travel with a program.
var licenceFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents)([.-].*)?$`)

// data are the licences of what the program holds besides modules.
var data = []string{"dnsfilter/tools/tools.NOTICE", "dnsfilter/tools/tools.LICENSE", "gateway/device/oui-data.LICENSE", "gateway/paper/font/OFL.txt"}

// licences are those of all that is linked into the program, as its build
// information names them, and of its data.
func licences(source, program string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("reading what the program is made of: %w", err)
	}
	out, err := exec.Command("go", "env", "GOROOT", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("asking for the folders of Go: %w", err)
	}
	goroot, cache, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	var b bytes.Buffer
	fmt.Fprintf(&b, "What /usr/bin/monban is made of, and its licences.\n")
	if err := appendLicences(&b, "Go "+info.GoVersion, goroot); err != nil {
		return nil, err
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if err := appendLicences(&b, m.Path+" "+m.Version, filepath.Join(cache, folder(m))); err != nil {
			return nil, err
		}
	}
	for _, name := range data {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return nil, fmt.Errorf("reading the licence of data: %w", err)
		}
		fmt.Fprintf(&b, "\n======== %s\n\n%s", name, text)
	}
	return b.Bytes(), nil
}

// appendLicences adds all that a folder has at its top. One without any is an
// error: nothing is passed on that nobody knows the terms of.
func appendLicences(b *bytes.Buffer, name, dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for the licence of %s: %w", name, err)
	}
	found := false
	for _, f := range files {
		if f.IsDir() || !licenceFile.MatchString(f.Name()) || filepath.Ext(f.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return fmt.Errorf("reading the licence of %s: %w", name, err)
		}
		fmt.Fprintf(b, "\n======== %s: %s\n\n%s", name, f.Name(), text)
		found = true
	}
	if !found {
		return fmt.Errorf("%s has no file with its licence", name)
	}
	return nil
}

// folder is where a module lies in the cache: capitals are written with an
// exclamation mark (golang.org/ref/mod#module-cache).
func folder(m *debug.Module) string {
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

// Package lock names the Debian packages that the firmware consists of: by
// version and content, one file per architecture.
//
// It fetches nothing; image/build does, and takes nothing that is not here.
package lock

import (
	"cmp"
	"embed"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Package is one .deb.
type Package struct {
	Set     string // what it is for; see image/build/packages.txt
	Name    string
	Version string
	Arch    string // of the .deb: amd64, arm64 or all
	Size    int64  // bytes
	SHA256  string // hexadecimal
	Path    string // at the mirror, below the archive's root
}

// A Lock is all packages for one architecture.
type Lock struct {
	Arch     string
	Made     time.Time // UTC; the date of every file of the image that has none of its own
	Packages []Package // in order of Set, then Name
}

//go:embed *.lock
var files embed.FS

// For returns the lock that is part of this source.
func For(arch string) (Lock, error) {
	b, err := files.ReadFile(arch + ".lock")
	if err != nil {
		return Lock{}, fmt.Errorf("there is no lock for %s: make lock", arch)
	}
	return Parse(b)
}

// Security says whether the package is in the archive for security updates,
// which has a mirror of its own.
func (p Package) Security() bool { return strings.HasPrefix(p.Path, "pool/updates/") }

// File is the name of the .deb in the cache. It says the content, so that what
// is there needs no name of a server to be found again.
func (p Package) File() string { return fmt.Sprintf("%s_%s_%.16s.deb", p.Name, p.Arch, p.SHA256) }

// In returns the packages of a set.
func (l Lock) In(set string) (some []Package) {
	for _, p := range l.Packages {
		if p.Set == set {
			some = append(some, p)
		}
	}
	return some
}

const head = `# The Debian packages of the firmware for %s: what for, name, version,
# architecture, size in bytes, sha256, place at the mirror. Written by make lock.
made %s
`

// Format writes a lock as Parse reads it.
func (l Lock) Format() []byte {
	b := fmt.Appendf(nil, head, l.Arch, l.Made.UTC().Format(time.RFC3339))
	all := slices.SortedFunc(slices.Values(l.Packages), func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch))
	})
	for _, p := range all {
		b = fmt.Appendf(b, "%s %s %s %s %d %s %s\n", p.Set, p.Name, p.Version, p.Arch, p.Size, p.SHA256, p.Path)
	}
	return b
}

// What a word of a lock may be (Debian Policy, chapter 5.6). The words become
// names of files and arguments of programs.
var (
	setForm     = regexp.MustCompile(`^[a-z]+$`)
	nameForm    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	versionForm = regexp.MustCompile(`^[0-9][A-Za-z0-9.+:~-]*$`)
	pathForm    = regexp.MustCompile(`^pool/[A-Za-z0-9/_.+~%-]+\.deb$`)
)

// Parse reads a lock.
func Parse(b []byte) (Lock, error) {
	var l Lock
	for n, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			if _, arch, ok := strings.Cut(line, "firmware for "); ok {
				l.Arch, _, _ = strings.Cut(arch, ":")
			}
			continue
		}
		if at, ok := strings.CutPrefix(line, "made "); ok {
			var err error
			if l.Made, err = time.Parse(time.RFC3339, at); err != nil {
				return Lock{}, fmt.Errorf("lock, line %d: %w", n+1, err)
			}
			continue
		}
		p, err := parseLine(line)
		if err != nil {
			return Lock{}, fmt.Errorf("lock, line %d: %w", n+1, err)
		}
		l.Packages = append(l.Packages, p)
	}
	if l.Made.IsZero() || l.Arch == "" || len(l.Packages) == 0 {
		return Lock{}, fmt.Errorf("lock: architecture, date or packages are missing")
	}
	return l, nil
}

func parseLine(line string) (Package, error) {
	w := strings.Split(line, " ")
	if len(w) != 7 {
		return Package{}, fmt.Errorf("%d words instead of 7", len(w))
	}
	p := Package{Set: w[0], Name: w[1], Version: w[2], Arch: w[3], SHA256: w[5], Path: w[6]}
	var err error
	if p.Size, err = strconv.ParseInt(w[4], 10, 64); err != nil || p.Size <= 0 {
		return Package{}, fmt.Errorf("%q is no size", w[4])
	}
	sum, err := hex.DecodeString(p.SHA256)
	switch {
	case err != nil || len(sum) != 32:
		return Package{}, fmt.Errorf("%q is no sha256", p.SHA256)
	case !setForm.MatchString(p.Set), !nameForm.MatchString(p.Name), !versionForm.MatchString(p.Version), !known(p.Arch):
		return Package{}, fmt.Errorf("%q is not a package", line)
	case !pathForm.MatchString(p.Path) || strings.Contains(p.Path, ".."):
		return Package{}, fmt.Errorf("%q is no place at a mirror", p.Path)
	}
	return p, nil
}

func known(arch string) bool { return arch == "amd64" || arch == "arm64" || arch == "all" }

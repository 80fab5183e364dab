package build

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"monban/image"
	"monban/image/lock"
)

// A bom is a list of what a firmware consists of (CycloneDX 1.6).
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Serial     string      `json:"serialNumber"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Tools     tools     `json:"tools"`
	Component component `json:"component"`
}

// tools are what the image was built with, and what its bytes depend on beside
// the lock and the source.
type tools struct {
	Components []component `json:"components"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// writeBOM writes the list: Debian's packages out of the lock, whether of the
// root or of what is in front of it, and the modules of Go that the programs say
// they are made of.
func (i Image) writeBOM(to string, packages []lock.Package, built map[string]string, with []component) error {
	b := bom{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{
		Timestamp: i.Made.Format("2006-01-02T15:04:05Z"), Tools: tools{with},
		Component: component{Type: "firmware", Ref: i.name(), Name: i.id(), Version: i.Version.String()},
	}}
	for _, p := range packages {
		purl := fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s&distro=trixie", escape(p.Name), escape(p.Version), p.Arch)
		b.Components = append(b.Components, component{
			Type: "library", Ref: purl, Name: p.Name, Version: p.Version, PURL: purl,
			Hashes: []hash{{"SHA-256", p.SHA256}}, Properties: []property{{"monban:set", p.Set}},
		})
	}
	modules, err := goModules(built)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		purl := "pkg:golang/" + name + "@" + modules[name]
		b.Components = append(b.Components, component{Type: "library", Ref: purl, Name: name, Version: modules[name], PURL: purl})
	}
	all, err := json.Marshal(b.Components)
	if err != nil {
		return err
	}
	s := sha256.Sum256(append(all, i.name()...))
	s[6], s[8] = s[6]&0x0f|0x80, s[8]&0x3f|0x80 // a UUID of our own making (RFC 9562, section 5.8)
	b.Serial = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", s[:4], s[4:6], s[6:8], s[8:10], s[10:16])
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(to, append(text, '\n'), 0o644)
}

// shapers are the packages of the toolbox whose version shows in the bytes of an
// image: programs, and the libraries that do the work for them. The compiler's
// are behind the names without a number, which depend on the one in use.
func (i Image) shapers() []string {
	all := []string{
		"cryptsetup-bin", "dosfstools", "fdisk", "kmod", "libfdisk1", "libkmod2", "libzstd1", "mtools", "python3-pefile", "squashfs-tools",
		"systemd", "systemd-ukify", "xz-utils", "zstd",
	}
	if i.Board == image.RPi { // tryboot.ko is compiled
		all = append(all, "binutils-aarch64-linux-gnu", "gcc-aarch64-linux-gnu", "make", "pahole")
	}
	return all
}

// numbered is a package of the compiler itself.
var numbered = regexp.MustCompile(`-[0-9]+(-aarch64-linux-gnu)$`)

// versions says what the toolbox has of the packages named, by name.
func (t *toolbox) versions(names []string) ([]component, error) {
	b, err := os.ReadFile(filepath.Join(t.dir, "var/lib/dpkg/status"))
	if err != nil {
		return nil, fmt.Errorf("the toolbox's packages: %w", err)
	}
	missing := slices.Clone(names)
	var all []component
	for stanza := range strings.SplitSeq(string(b), "\n\n") {
		f := fields(stanza)
		name := f["Package"]
		if !slices.Contains(names, name) && !slices.Contains(names, numbered.ReplaceAllString(name, "$1")) {
			continue
		}
		missing = slices.DeleteFunc(missing, func(s string) bool { return s == name })
		all = append(all, component{Type: "application", Ref: "tool:" + name, Name: name, Version: f["Version"]})
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the toolbox in %s has no %s; remove the folder, and it is made again", t.dir, strings.Join(missing, ", "))
	}
	slices.SortFunc(all, func(a, b component) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// goModules returns the modules in programs, by name, and Go itself.
func goModules(built map[string]string) (map[string]string, error) {
	all := map[string]string{}
	for _, name := range built {
		info, err := buildinfo.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all["stdlib"] = strings.TrimPrefix(info.GoVersion, "go")
		for _, d := range info.Deps {
			if d.Replace != nil {
				d = d.Replace
			}
			all[d.Path] = d.Version
		}
	}
	return all, nil
}

// escape writes a word as package URLs have it.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%7E", "~") }

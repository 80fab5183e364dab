package build

import (
	_ "embed"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed modules.txt
var modulesText string

// A modules is a kernel's modules as depmod describes them: for each its path
// below the folder of the version, and what it needs, by path, in the order in
// which modprobe would load it last to first.
type modules map[string][]string

// parseDep reads a file modules.dep.
func parseDep(text string) (modules, error) {
	m := modules{}
	for line := range strings.Lines(text) {
		name, needs, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || !strings.Contains(name, ".ko") {
			return nil, fmt.Errorf("modules.dep: %q is no module", line)
		}
		m[name] = strings.Fields(needs)
	}
	return m, nil
}

var compressed = regexp.MustCompile(`\.ko(\.xz|\.zst|\.gz)?$`)

// pick returns the modules that modules.txt names for an architecture, and all
// they need: those for the root in order of path, those for the initrd in order
// of loading. builtin is the kernel's list of what needs no loading.
func (m modules) pick(text, arch, builtin string) (root, initrd []string, err error) {
	inKernel := map[string]bool{}
	for name := range strings.FieldsSeq(builtin) {
		inKernel[plain(name)] = true
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	var missing []error
	to, chosen := &root, map[string]bool{}
	for n, line := range data(text) {
		if line == "[initrd]" {
			to, chosen = &initrd, map[string]bool{}
			continue
		}
		f := strings.Fields(line)
		if len(f) == 2 && f[1] != arch {
			continue
		}
		for _, pattern := range braces(f[0]) {
			found := false
			for _, name := range names {
				ok, err := matches(pattern, plain(name))
				if err != nil {
					return nil, nil, fmt.Errorf("modules.txt, line %d: %w", n, err)
				}
				if found = found || ok; ok {
					*to = m.with(*to, chosen, name)
				}
			}
			for name := range inKernel {
				ok, _ := matches(pattern, name)
				found = found || ok
			}
			if !found {
				missing = append(missing, fmt.Errorf("modules.txt, line %d: the kernel for %s has nothing like %s", n, arch, pattern))
			}
		}
	}
	slices.Sort(root)
	return root, initrd, errors.Join(missing...)
}

// with appends a module after all that it needs.
func (m modules) with(list []string, chosen map[string]bool, name string) []string {
	if chosen[name] {
		return list
	}
	chosen[name] = true
	for _, need := range slices.Backward(m[name]) {
		list = m.with(list, chosen, need)
	}
	return append(list, name)
}

// plain is a module's path below kernel/ without the endings of its file.
func plain(name string) string {
	return strings.TrimPrefix(compressed.ReplaceAllString(name, ""), "kernel/")
}

func matches(pattern, name string) (bool, error) {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(name, pattern), nil
	}
	return path.Match(pattern, name)
}

// braces writes out one list in braces, as a shell does.
func braces(pattern string) []string {
	before, rest, ok := strings.Cut(pattern, "{")
	list, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{pattern}
	}
	var all []string
	for word := range strings.SplitSeq(list, ",") {
		all = append(all, before+word+after)
	}
	return all
}

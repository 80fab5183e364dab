package build

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed packages.txt
var packagesText string

// A want is a line of packages.txt.
type want struct{ set, name, why string }

// wants returns the lines of packages.txt that are for an architecture.
func wants(text, arch string) ([]want, error) {
	var all []want
	for n, line := range data(text) {
		f := strings.Fields(line)
		if len(f) < 3 {
			return nil, fmt.Errorf("packages.txt, line %d: set, name and reason are needed", n)
		}
		name, only, _ := strings.Cut(f[1], ":")
		switch f[0] {
		case "root", "test", "drop", "boot", "tryboot":
		default:
			return nil, fmt.Errorf("packages.txt, line %d: there is no set %q", n, f[0])
		}
		if only == "" || only == arch {
			all = append(all, want{f[0], name, strings.Join(f[2:], " ")})
		}
	}
	return all, nil
}

// data yields the lines of a text that say something, with their numbers.
func data(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			n++
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" && !yield(n, line) {
				return
			}
		}
	}
}

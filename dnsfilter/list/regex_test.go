package list

import (
	"regexp"
	"strings"
	"testing"
)

// Whatever the expression, it holds for the names that Go's own matcher says,
// and the strings a name must have are in each of them.
func FuzzRegex(f *testing.F) {
	for _, re := range []string{`^ads[0-9]+\.`, `(a|b)*c{2,3}$`, `\bad\b`, `[^a-c]x+?`, `.*`, `^$`, `a**`, `(foo|bar)\.example`, `(?m)^x$`, `\pL{2}`, `\x{212a}`, `[[:alnum:]]{3}`, `\Aads\z|\Bx`} {
		f.Add(re, "ads7.example.jp")
		f.Add(re, "x-ab.foo.example")
	}
	f.Fuzz(func(t *testing.T, expr, name string) {
		if strings.Contains(expr, "(?") { // flags that make large letters count are none of ours
			return
		}
		name, err := Canonical(name)
		if err != nil {
			return
		}
		p, lits, size, err := readRegex(expr)
		if err != nil {
			return
		}
		if size > maxInsts || len(lits) > maxLiterals {
			t.Fatalf("%q: size %d, %d literals", expr, size, len(lits))
		}
		want := regexp.MustCompile("(?i:" + expr + ")").MatchString(name)
		if got := p.match(name); got != want {
			t.Fatalf("%q on %q: %v", expr, name, got)
		}
		if want && len(lits) > 0 {
			found := false
			for _, s := range lits {
				found = found || strings.Contains(name, s)
			}
			if !found {
				t.Fatalf("%q matches %q, which has none of %q", expr, name, lits)
			}
		}
	})
}

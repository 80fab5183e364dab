package monban_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w*`)
	testFunc = regexp.MustCompile(`(?m)^func ((Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
)

// What docs/verification.md says shows a promise is there, and no promise
// stands without.
func TestVerificationIsReal(t *testing.T) {
	there := map[string]bool{}
	walk(t, func(file string) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(b), -1) {
			there[m[1]] = true
		}
	})
	doc, err := os.ReadFile("docs/verification.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range testName.FindAllString(string(doc), -1) {
		if !there[name] {
			t.Errorf("docs/verification.md names %s, which is not there", name)
		}
	}
	for _, line := range strings.Split(string(doc), "\n") {
		if c := strings.Split(line, "|"); len(c) == 6 && strings.TrimSpace(c[2]) == "" {
			t.Errorf("nothing shows %q; write a test, or \"not yet\"", strings.TrimSpace(c[1]))
		}
	}
}

package text

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var places = regexp.MustCompile(`\{[a-z_0-9]+\}`)

func TestEverySentenceIsInBothLanguages(t *testing.T) {
	seen := map[string]bool{}
	for _, part := range catalogue {
		for code, s := range part {
			if seen[code] {
				t.Errorf("%s stands twice", code)
			}
			seen[code] = true
			if strings.TrimSpace(s.JA) == "" || strings.TrimSpace(s.EN) == "" {
				t.Errorf("%s lacks a language", code)
			}
			if ja, en := placesOf(s.JA), placesOf(s.EN); !slices.Equal(ja, en) {
				t.Errorf("%s has places %v in Japanese and %v in English", code, ja, en)
			}
		}
	}
}

func placesOf(s string) []string {
	all := places.FindAllString(s, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

func TestSay(t *testing.T) {
	if got := JA.Say("config.port", Args{"line": 7, "value": 0}); got != "7行目: ポート 0 はありません。1から65535の数字を書いてください。" {
		t.Error(got)
	}
	// A reason is a sentence of its own; what is filled in is never a place.
	why, reason := EN.Say("selftest.ran.failed", Args{"why": "dns.off"}), EN.Say("dns.off", nil)
	if !strings.Contains(why, reason) {
		t.Errorf("%q does not say %q", why, reason)
	}
	if got := EN.Say("people.joined", Args{"name": "{source}", "source": "here", "role": "staff"}); strings.Contains(got, "here got") {
		t.Error(got)
	}
	// It is filled by what stands beside it; an old record without that has no
	// places left in it.
	lapsed := Args{"window": 7, "vendor": "v", "device": "d", "why": "window.collides"}
	for _, lang := range []Lang{JA, EN} {
		if got := lang.Say("window.lapsed", lapsed); strings.ContainsAny(got, "{}") || !strings.Contains(got, "…") || strings.Count(got, "7") != 1 {
			t.Error(got)
		}
	}
	lapsed["why_port"], lapsed["why_window"] = "3389/tcp", "{vendor}"
	if got := EN.Say("window.lapsed", lapsed); !strings.Contains(got, "3389/tcp is in use by window {vendor}.") {
		t.Error(got)
	}
	// A role is said in words, once.
	for role, want := range map[string]string{"director": "院長", "院長": "院長", "staff": "受付", "boss": "boss"} {
		if got := JA.Say("people.joined", Args{"name": "n", "source": "s", "role": role}); !strings.Contains(got, "「"+want+"」") {
			t.Error(got)
		}
	}
	// Who gives no reason leaves no empty brackets behind.
	for _, lang := range []Lang{JA, EN} {
		for _, code := range []string{"dns.denied_name", "dns.allowed.one", "dns.wished_page.all"} {
			if got := lang.Say(code, Args{"name": "n", "device": "d", "length": "1h", "reason": ""}); strings.ContainsAny(got, "(){}") || strings.HasSuffix(got, " ") {
				t.Errorf("%q", got)
			}
			if got := lang.Say(code, Args{"name": "n", "device": "d", "length": "1h", "reason": "why"}); !strings.HasSuffix(got, "(why)") {
				t.Errorf("%q", got)
			}
		}
	}
	if got := NewFault("no.such_code", "b", 2, "a", 1).On("lan").Error(); got != "lan: no.such_code a=1 b=2" {
		t.Error(got)
	}
}

// codeForm is how codes look in the sources; one that ends in a dot is the
// beginning of several.
var codeForm = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z0-9_-]+)+\.?$|^[a-z][a-z0-9]*\.$`)

// usesCode names the calls whose string is a code, and where it stands.
var usesCode = map[string]int{"NewFault": 0, "Say": 0, "Audit": 0, "tell": 1, "add": 1}

// Every code the sources hand to one of usesCode, or as a Code or Why, has its
// sentence; and no sentence is left that nobody says.
func TestCodesOfTheSources(t *testing.T) {
	mentioned := map[string]bool{}
	sources(t, func(set *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			var code ast.Expr
			switch n := n.(type) {
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && codeForm.MatchString(s) {
					mentioned[s] = true
				}
			case *ast.CallExpr:
				if at, ok := usesCode[called(n)]; ok && len(n.Args) > at {
					code = n.Args[at]
				}
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && (k.Name == "Code" || k.Name == "Why") {
					code = n.Value
				}
			}
			if lit, ok := code.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, _ := strconv.Unquote(lit.Value)
				if _, ok := JA.sentence(s); !ok && codeForm.MatchString(s) {
					t.Errorf("%s: no sentence for %s", set.Position(lit.Pos()), s)
				}
			}
			return true
		})
	})
	for _, part := range catalogue {
		for code := range part {
			if !mentioned[code] && !begun(mentioned, code) {
				t.Errorf("nobody says %s", code)
			}
		}
	}
}

// begun says whether the sources hold a beginning of code, to which they add
// the rest.
func begun(mentioned map[string]bool, code string) bool {
	for i, c := range code {
		if c == '.' && mentioned[code[:i+1]] {
			return true
		}
	}
	return false
}

// called returns the name of the function or method a call is of.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// sources calls f for every Go file of the product but this package's.
func sources(t *testing.T, f func(*token.FileSet, *ast.File)) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") ||
			filepath.Dir(path) == filepath.Join("..", "..", "gateway", "text") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f(set, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

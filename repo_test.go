// Package monban_test holds the rules of the repository itself.
//
// It reads the sources as text, so that no tool and no cache stands between a
// broken rule and its failure.
package monban_test

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		from, ok := rank[s.pkg]
		if !ok && !s.test {
			t.Errorf("%s: give package %s a rank", s.file, s.pkg)
		}
		for _, i := range s.ast.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			if to, ours := strings.CutPrefix(name, "monban/"); ours {
				if r, ok := rank[to]; !s.test && (!ok || r >= from) {
					t.Errorf("%s (rank %d) imports %s (rank %d)", s.file, from, to, r)
				}
			} else if !s.test && !allowed(name, s.pkg) {
				t.Errorf("%s imports %s; see repo_ranks_test.go", s.file, name)
			}
		}
	}
}

// allowed says whether pkg may import name.
func allowed(name, pkg string) bool {
	for p := name; p != "."; p = path.Dir(p) {
		if who, ok := only[p]; ok {
			return who == "*" || slices.Contains(strings.Fields(who), pkg)
		}
	}
	return !strings.Contains(strings.Split(name, "/")[0], ".") // the standard library
}

// Goroutines start in gateway/run alone, which waits for each; nothing runs
// before main.
func TestNoHiddenStarts(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				if !s.test && s.pkg != "gateway/run" {
					t.Errorf("%s: start goroutines through gateway/run", s.set.Position(n.Pos()))
				}
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s: no init functions", s.set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// Each package is introduced once: what it is for, then what it is not.
func TestPackageComments(t *testing.T) {
	docs := map[string][]string{}
	for _, s := range sources(t) {
		if (!s.test || s.pkg == ".") && !strings.HasSuffix(s.file, "_templ.go") {
			docs[s.pkg] = append(docs[s.pkg], s.ast.Doc.Text())
		}
	}
	for pkg, doc := range docs {
		doc = slices.DeleteFunc(doc, func(s string) bool { return s == "" })
		if len(doc) != 1 || !strings.Contains(strings.TrimSpace(doc[0]), "\n\n") {
			t.Errorf("package %s has %d comments; it needs one of two paragraphs, purpose and border", pkg, len(doc))
		}
	}
}

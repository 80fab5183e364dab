package monban_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A source is one Go file, with its package's path in the module.
type source struct {
	file, pkg string
	test      bool
	ast       *ast.File
	set       *token.FileSet
}

func sources(t *testing.T) (all []source) {
	walk(t, func(file string) {
		if filepath.Ext(file) != ".go" {
			return
		}
		s := source{file: file, pkg: path.Dir(file), test: strings.HasSuffix(file, "_test.go"), set: token.NewFileSet()}
		var err error
		if s.ast, err = parser.ParseFile(s.set, file, nil, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			t.Error(err)
			return
		}
		all = append(all, s)
	})
	return all
}

// walk calls f for every file of the repository that people write.
func walk(t *testing.T, f func(file string)) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || file == "bin") {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			f(filepath.ToSlash(file))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

package config

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode"

	"monban/gateway/text"
)

// faults gathers what is wrong with one document.
type faults struct {
	lines lines
	all   map[string]*text.Fault // by key path
}

// add notes a fault of the key at path. Only the first one of a key is kept,
// and none below a key that is wrong as a whole: one mistake, one sentence.
func (f *faults) add(path, code string, kv ...any) {
	if f.has(path) {
		return
	}
	kv = append(kv, "line", f.lines.of(path))
	f.all[path] = text.NewFault(code, kv...).On(path)
}

// has says whether the key at path, or one that holds it, is already known
// to be wrong.
func (f *faults) has(path string) bool {
	for ; path != ""; path = parent(path) {
		if f.all[path] != nil {
			return true
		}
	}
	return false
}

// err joins the faults in the order of their lines; nil if there are none.
func (f *faults) err() error {
	var list []*text.Fault
	for _, one := range f.all {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b *text.Fault) int {
		return cmp.Or(cmp.Compare(a.Args["line"].(int), b.Args["line"].(int)), cmp.Compare(a.Field, b.Field))
	})
	joined := make([]error, len(list))
	for i, one := range list {
		joined[i] = one
	}
	return errors.Join(joined...)
}

// show makes text of the file fit for a sentence: no control characters that
// a terminal would obey, no novel.
func show(s string) string {
	const most = 60
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s))
	if len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(runes)
}

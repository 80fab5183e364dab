package config

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lines says on which line each key path of a document stands. Paths are
// written as people count: vendor[1].sources[2] is the second range of the
// first vendor.
type lines map[string]int

// of returns the line of path, or of what holds it when it is not there.
func (l lines) of(path string) int {
	for ; path != ""; path = parent(path) {
		if n, ok := l[path]; ok {
			return n
		}
	}
	return 1
}

// bareKey is a key that may stand without quotes.
var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// join appends a key, which may be any text at all, to a path.
func join(path, key string) string {
	if !bareKey.MatchString(key) {
		key = strconv.Quote(show(key))
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// index appends the i-th element, counted from 0, to a path.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i+1) }

// parent takes the last key or index off a path.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// findLines walks a document that is known to be valid TOML.
func findLines(doc []byte) lines {
	w := walker{found: lines{}, tables: map[string]int{}}
	for i, c := range doc {
		if c == '\n' {
			w.breaks = append(w.breaks, i)
		}
	}
	var p unstable.Parser
	p.Reset(doc)
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = w.header(e)
		case unstable.KeyValue:
			w.keyValue(table, e)
		}
	}
	return w.found
}

type walker struct {
	found  lines
	breaks []int          // offsets of the line ends
	tables map[string]int // elements so far of each array of tables
}

// note says where path begins, and with it whatever holds path and has no
// place of its own: an array or a table within an array.
func (w walker) note(path string, at unstable.Range) {
	for ; path != "" && w.found[path] == 0; path = parent(path) {
		w.found[path] = 1 + sort.SearchInts(w.breaks, int(at.Offset))
	}
}

// header notes a [table] or [[table]] and returns its path. Each part that is
// an array of tables means its last element.
func (w walker) header(e *unstable.Node) string {
	path := ""
	for it := e.Key(); it.Next(); {
		path = join(path, string(it.Node().Data))
		w.note(path, it.Node().Raw)
		if it.IsLast() && e.Kind == unstable.ArrayTable {
			w.tables[path]++
		}
		if n := w.tables[path]; n > 0 {
			path = index(path, n-1)
			w.note(path, it.Node().Raw)
		}
	}
	return path
}

func (w walker) keyValue(path string, kv *unstable.Node) {
	for it := kv.Key(); it.Next(); {
		path = join(path, string(it.Node().Data))
		w.note(path, it.Node().Raw)
	}
	w.value(path, kv.Value())
}

func (w walker) value(path string, v *unstable.Node) {
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			w.keyValue(path, it.Node())
		}
	case unstable.Array:
		for it, i := v.Children(), 0; it.Next(); i++ {
			w.value(index(path, i), it.Node())
		}
	default:
		w.note(path, v.Raw)
	}
}

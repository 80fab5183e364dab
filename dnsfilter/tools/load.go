package tools

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

//go:embed tools.json
var data []byte

// A file is the data file.
type file struct {
	Source  string     `json:"source"`
	Commit  string     `json:"commit"`
	Date    string     `json:"date"`
	Licence string     `json:"licence"`
	Review  string     `json:"review"`
	Tools   []fileTool `json:"tools"`
}

type fileTool struct {
	Name    string        `json:"name"`
	Website string        `json:"website"`
	Added   bool          `json:"added"` // not in the source
	Why     string        `json:"why"`   // … why it is here
	Listed  []string      `json:"listed_as"`
	Ports   []uint16      `json:"ports"`
	Shared  bool          `json:"shared"`
	Domains []fileDomain  `json:"domains"`
	Dropped []fileDropped `json:"dropped"`
}

type fileDomain struct {
	Name  string `json:"name"`
	Class Class  `json:"class"`
	Of    string `json:"of"`
	Added bool   `json:"added"`
	Why   string `json:"why"`
}

// A fileDropped is a name of the source that was left out.
type fileDropped struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Load reads the data file that is built in. An error means a broken build.
func Load() (*Set, error) {
	f, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("reading the list of remote-support tools: %w", err)
	}
	s, err := newSet(f)
	if err != nil {
		return nil, fmt.Errorf("reading the list of remote-support tools: %w", err)
	}
	return s, nil
}

func read(b []byte) (f file, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return f, errors.New("something after the end")
	}
	return f, nil
}

// newSet checks what look-ups rest on: each name in one form, in one class,
// and belonging to one tool.
func newSet(f file) (*Set, error) {
	s := &Set{index: map[string]int{}, nodes: map[string]*node{}}
	for i, t := range f.Tools {
		if _, twice := s.index[t.Name]; twice || t.Name == "" {
			return nil, fmt.Errorf("tool %q: no name of its own", t.Name)
		}
		s.index[t.Name] = i
		s.tools = append(s.tools, t.tool())
	}
	for i, t := range s.tools {
		for _, d := range t.Domains {
			if err := s.add(i, d); err != nil {
				return nil, fmt.Errorf("tool %q: domain %q: %w", t.Name, d, err)
			}
		}
	}
	return s, nil
}

func (t *fileTool) tool() Tool {
	out := Tool{Name: t.Name, Website: t.Website, Ports: t.Ports, Shared: t.Shared}
	seen := map[string]bool{t.Name: true}
	for _, name := range t.Listed {
		if !seen[name] {
			out.Also, seen[name] = append(out.Also, name), true
		}
	}
	for _, d := range t.Domains {
		name, below := strings.CutPrefix(d.Name, "*.")
		out.Domains = append(out.Domains, Domain{Name: name, Below: below, Class: d.Class, Of: d.Of, Added: d.Added, Why: d.Why})
	}
	return out
}

// add enters d, a domain of the tool at i.
func (s *Set) add(i int, d Domain) error {
	if !canonical(d.Name) {
		return errors.New("not a canonical name of two labels or more")
	}
	if d.Class != Block && d.Class != Observe && d.Class != Shared {
		return fmt.Errorf("class %q is none", d.Class)
	}
	owner := i
	if d.Of != "" {
		var ok bool
		if owner, ok = s.index[d.Of]; !ok {
			return fmt.Errorf("belongs to %q, which is none", d.Of)
		}
	}
	end := d.Name[tail(d.Name):]
	if s.nodes[end] == nil {
		s.nodes[end] = new(node)
	}
	n := s.nodes[d.Name]
	if n == nil {
		n = new(node)
		s.nodes[d.Name] = n
	}
	if n.class == "" {
		n.class, n.below, n.owner = d.Class, d.Below, owner
	}
	if n.class != d.Class || n.below != d.Below || n.owner != owner {
		return errors.New("stands elsewhere in another class, form or tool")
	}
	n.users = append(n.users, i)
	s.deepest = max(s.deepest, strings.Count(d.Name, ".")+1)
	return nil
}

// canonical says whether name is in the form look-ups expect: that of package
// list, which a test compares it with, and at least two labels.
func canonical(name string) bool {
	if len(name) > 253 {
		return false
	}
	labels, digits := 0, false
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
		labels++
		digits = strings.Trim(label, "0123456789") == ""
	}
	return labels >= 2 && !digits
}

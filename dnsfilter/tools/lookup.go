package tools

import (
	"slices"
	"strings"
)

// Lookup says which tool name belongs to and in which class it is. Of several
// domains that hold name the longest decides. name is canonical: lower case,
// no dot at the end. It allocates nothing, and a name that shares its last two
// labels with none of a tool costs one probe of a map.
func (s *Set) Lookup(name string) (tool string, class Class, ok bool) {
	if s == nil {
		return "", "", false
	}
	at := tail(name)
	n := s.nodes[name[at:]]
	if n == nil {
		return "", "", false
	}
	if n = s.longest(name, at, n); n == nil {
		return "", "", false
	}
	return s.tools[n.owner].Name, n.class, true
}

// Belongs says whether name is one that tool asks for and that is not shared.
// Unlike Lookup, which names one tool, it is true of each that lists name or,
// unshared, one above it.
func (s *Set) Belongs(tool, name string) bool {
	if s == nil {
		return false
	}
	id, ok := s.index[tool]
	if !ok {
		return false
	}
	mine, class := false, Shared
	for at, labels := tail(name), 2; labels <= s.deepest; labels++ {
		if n := s.nodes[name[at:]]; n.holds(at) {
			mine, class = mine || n.class != Shared && slices.Contains(n.users, id), n.class
		}
		if at == 0 {
			break
		}
		at = above(name, at)
	}
	return mine && class != Shared
}

// longest returns the longest domain that holds name, or nil; n is the node of
// its last two labels, which begin at at.
func (s *Set) longest(name string, at int, n *node) (found *node) {
	for labels := 2; ; labels++ {
		if n.holds(at) {
			found = n
		}
		if at == 0 || labels == s.deepest {
			return found
		}
		at = above(name, at)
		n = s.nodes[name[at:]]
	}
}

// holds says whether n, found at offset at of a name, is a domain that holds
// that name.
func (n *node) holds(at int) bool {
	return n != nil && n.class != "" && (at == 0 || n.below)
}

// tail is where the last two labels of name begin; 0 if it has no more.
func tail(name string) int {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return 0
	}
	return strings.LastIndexByte(name[:dot], '.') + 1
}

// above is where the suffix of name begins that has one label more than the
// one at at, which is not 0.
func above(name string, at int) int { return strings.LastIndexByte(name[:at-1], '.') + 1 }

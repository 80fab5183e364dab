package list

import "strings"

// A glob is an AdBlock rule with stars in it, or open at an end: parts that
// follow each other with anything between them.
type glob struct {
	parts []string // none is empty
	from  anchor
	open  bool // anything may follow the last part
}

// An anchor is where in a name a glob begins.
type anchor uint8

const (
	anywhere anchor = iota
	atStart
	atLabel // at the beginning or behind a dot
)

// readGlob reads the body of a rule that is no plain name; false if a name
// cannot be what it speaks of.
func readGlob(s string) (glob, bool) {
	g := glob{open: true}
	if rest, ok := strings.CutPrefix(s, "||"); ok {
		g.from, s = atLabel, rest
	} else if rest, ok := strings.CutPrefix(s, "|"); ok {
		g.from, s = atStart, rest
	}
	// Nothing of a name is a separator, so it stands for the end.
	for {
		if rest, ok := strings.CutSuffix(s, "^*"); ok {
			g.open, s = false, rest
			continue
		}
		rest := strings.TrimRight(s, "^|")
		if len(rest) == len(s) {
			break
		}
		g.open, s = false, rest
	}
	s = strings.ToLower(s)
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '*' {
			return g, false
		}
	}
	if rest := strings.TrimLeft(s, "*"); len(rest) < len(s) {
		g.from, s = anywhere, rest
	}
	if rest := strings.TrimRight(s, "*"); len(rest) < len(s) {
		g.open, s = true, rest
	}
	for part := range strings.SplitSeq(s, "*") {
		if part != "" {
			g.parts = append(g.parts, part)
		}
	}
	return g, len(g.parts) > 0 && !strings.Contains(s, "..")
}

// match says whether g is a pattern of name. It takes at most about as many
// steps as name has octets times g has.
func (g *glob) match(name string) bool {
	first := g.parts[0]
	switch g.from {
	case anywhere:
		if len(g.parts) == 1 && !g.open {
			return strings.HasSuffix(name, first)
		}
		i := strings.Index(name, first)
		return i >= 0 && g.rest(name[i+len(first):])
	case atStart:
		return strings.HasPrefix(name, first) && g.rest(name[len(first):])
	}
	for {
		if strings.HasPrefix(name, first) && g.rest(name[len(first):]) {
			return true
		}
		_, below, ok := strings.Cut(name, ".")
		if !ok {
			return false
		}
		name = below
	}
}

// rest matches the parts after the first in what follows it. The first place
// where one fits is always good enough: what comes later fits there, too.
func (g *glob) rest(s string) bool {
	parts := g.parts[1:]
	for i, part := range parts {
		if i == len(parts)-1 && !g.open {
			return strings.HasSuffix(s, part)
		}
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s = s[at+len(part):]
	}
	return g.open || s == "" && len(parts) == 0
}

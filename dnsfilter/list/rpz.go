package list

import (
	"bytes"
	"strings"
)

// A zone is what the lines of a zone file so far said for the next ones
// (RFC 1035 section 5.1).
type zone struct {
	origin, apex owner
	hasApex      bool
	owner        owner // of the record before
	hasOwner     bool
	depth        int // of parentheses
	lines        int // within them
	words        [][]byte
}

// An owner is a name as a zone file has it, in lower case and without the dot
// at the end. One that is not absolute hangs below the zone, whose name the
// file does not tell.
type owner struct {
	name     string
	absolute bool
}

const (
	wordsKept     = 8   // more than a record we use has
	maxParenLines = 100 // a record longer than that has lost its closing one
)

// rpz takes a line of a response policy zone (draft-vixie-dnsop-dns-rpz-00):
// triggers by name (section 4.2) with the actions NXDOMAIN, NODATA, DROP and
// addresses that lead nowhere, which all refuse, and PASSTHRU, which is an
// exception (section 3). Other triggers and actions are unusable.
func (r *reading) rpz(line []byte) result {
	z := &r.zone
	within := z.depth > 0
	if !z.split(line) {
		return bad
	}
	if within {
		if z.lines++; z.lines > maxParenLines {
			z.depth = 0
			return bad
		}
		return fine
	}
	z.lines = 0
	words := z.words
	if len(words) == 0 {
		return fine
	}
	if words[0][0] == '$' {
		return z.directive(words)
	}
	if !blank(line[0]) {
		z.owner, z.hasOwner = z.below(words[0]), true
		words = words[1:]
	}
	if !z.hasOwner {
		return bad
	}
	for len(words) > 0 && (ttl(words[0]) || bytes.EqualFold(words[0], []byte("IN"))) {
		words = words[1:]
	}
	if len(words) < 2 {
		return bad
	}
	return r.record(strings.ToUpper(string(words[0])), words[1])
}

// record takes one record of the owner at hand.
func (r *reading) record(typ string, data []byte) result {
	z := &r.zone
	if typ == "SOA" {
		z.apex, z.hasApex = z.owner, true
		return fine
	}
	name, ok := z.trigger()
	if !ok {
		return unusable
	}
	if name == "" {
		return fine // the zone's own: NS and the like
	}
	what := holdsSelf
	if below, ok := strings.CutPrefix(name, "*."); ok {
		name, what = below, holdsBelow
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch last {
	case "*", "rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname":
		return unusable
	}
	switch typ {
	case "A", "AAAA":
		if !leadsNowhere(string(data)) {
			return unusable
		}
	case "CNAME":
		switch target := strings.ToLower(string(data)); target {
		case ".", "*.", "rpz-drop.":
		case "rpz-passthru.", name + ".": // the latter is how it was first written
			what |= exception
		default:
			return unusable
		}
	default:
		return unusable
	}
	return r.put([]byte(name), what)
}

// split cuts line into words; false if it is no line of a zone file.
func (z *zone) split(line []byte) bool {
	z.words = z.words[:0]
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case blank(c):
			i++
		case c == ';':
			return true
		case c == '(':
			z.depth++
			i++
		case c == ')':
			if z.depth--; z.depth < 0 {
				z.depth = 0
				return false
			}
			i++
		default:
			end := word(line, i)
			if end < 0 {
				return false
			}
			if len(z.words) < wordsKept {
				z.words = append(z.words, line[i:end])
			}
			i = end
		}
	}
	return true
}

// word returns the end of the word at i; -1 if its quotes do not end.
func word(line []byte, i int) int {
	for quoted := false; ; i++ {
		switch {
		case i >= len(line):
			if quoted {
				return -1
			}
			return len(line)
		case line[i] == '"':
			quoted = !quoted
		case line[i] == '\\':
			i++
		case quoted:
		case blank(line[i]), line[i] == ';', line[i] == '(', line[i] == ')':
			return i
		}
	}
}

func (z *zone) directive(words [][]byte) result {
	switch name := strings.ToUpper(string(words[0])); {
	case name == "$TTL":
		return fine
	case name == "$ORIGIN" && len(words) > 1:
		z.origin = z.below(words[1])
		if !z.hasApex && z.origin.absolute {
			z.apex, z.hasApex = z.origin, true
		}
		return fine
	case name == "$INCLUDE", name == "$GENERATE":
		return unusable
	}
	return bad
}

// below reads a name relative to the origin.
func (z *zone) below(name []byte) owner {
	s := strings.ToLower(string(name))
	if s == "@" {
		return z.origin
	}
	if whole, ok := strings.CutSuffix(s, "."); ok {
		return owner{whole, true}
	}
	if z.origin.name != "" {
		s += "." + z.origin.name
	}
	return owner{s, z.origin.absolute}
}

// trigger is the name the record at hand is about: its owner without the
// zone; false if it is not in the zone.
func (z *zone) trigger() (string, bool) {
	name, apex := z.owner.name, z.apex
	switch {
	case apex.name == "":
		return name, z.owner.absolute == apex.absolute
	case z.owner.absolute != apex.absolute:
		return name, apex.absolute // it stands before the origin was told
	case name == apex.name:
		return "", true
	}
	return strings.CutSuffix(name, "."+apex.name)
}

// ttl says whether word is a time like 3600 or 2h.
func ttl(word []byte) bool {
	if len(word) == 0 || word[0] < '0' || word[0] > '9' {
		return false
	}
	for _, c := range word {
		if (c < '0' || c > '9') && !bytes.ContainsRune([]byte("smhdwSMHDW"), rune(c)) {
			return false
		}
	}
	return true
}

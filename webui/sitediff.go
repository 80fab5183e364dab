package webui

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/text/unicode/norm"
)

// A diffLine is one line of a unified diff: '@' says where its piece is, '-' is
// only in the old text, '+' only in the new one, ' ' in both.
type diffLine struct {
	sign byte
	text string
}

// changed says whether the line is in one of the texts only.
func (l diffLine) changed() bool { return l.sign == '-' || l.sign == '+' }

// unified compares two texts by lines, as diff -u does. Whether the last line has
// an end is no difference.
func unified(before, after string) (all []diffLine) {
	const head = 3 // lines with the names of the texts
	for i, l := range strings.Split(string(diff.Diff("", ended(before), "", ended(after))), "\n") {
		if i >= head && l != "" {
			all = append(all, diffLine{l[0], l[1:]})
		}
	}
	return all
}

// ended is s with an end of its last line.
func ended(s string) []byte {
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return []byte(s)
}

// apartLines returns how lines of a comparison are shown: whole and plain, but
// those that would look like another one on the other side, and are not, with
// what is not plain by number. Alike says whether there are any.
func apartLines(all []diffLine) (show func(string) string, alike bool) {
	type texts struct { // of one look
		one                  string
		gone, added, several bool
	}
	looks := map[string]*texts{}
	for _, l := range all {
		if !l.changed() {
			continue
		}
		t := looks[look(l.text)]
		if t == nil {
			t = &texts{one: l.text}
			looks[look(l.text)] = t
		}
		t.several = t.several || l.text != t.one
		t.gone = t.gone || l.sign == '-'
		t.added = t.added || l.sign == '+'
	}
	unlike := func(s string) bool {
		t := looks[look(s)]
		return t != nil && t.several && t.gone && t.added
	}
	alike = slices.ContainsFunc(all, func(l diffLine) bool { return l.changed() && unlike(l.text) })
	return func(s string) string {
		if unlike(s) || alike && strings.Contains(s, "<") { // which begins a number
			return numbered(s)
		}
		return plainTo(s, math.MaxInt)
	}, alike
}

// unseen says whether r cannot be seen, as spaces, joiners and marks of
// variants cannot.
func unseen(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// look is what two lines have in common that cannot be told apart on the page.
func look(s string) string {
	return strings.TrimRight(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unseen(r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, norm.NFC.String(s)), " ")
}

// numbered shows s so that no other text is shown the same: what plainTo would
// change, spaces at its end and < by number.
func numbered(s string) string {
	var b strings.Builder
	end := len(strings.TrimRight(s, " "))
	for at := 0; at < len(s); {
		part := s[at:]
		if n := norm.NFC.NextBoundaryInString(part, true); n > 0 {
			part = part[:n]
		}
		composed := norm.NFC.IsNormalString(part)
		for i, r := range part {
			switch _, n := utf8.DecodeRuneInString(part[i:]); {
			case r == utf8.RuneError && n == 1:
				fmt.Fprintf(&b, "<%02X>", part[i])
			case r == ' ' && at+i < end, composed && r != '<' && !unseen(r):
				b.WriteRune(r)
			default:
				fmt.Fprintf(&b, "<%U>", r)
			}
		}
		at += len(part)
	}
	return b.String()
}

// written is a comparison as it is read, and how much of it is added and gone.
// Show makes a line fit to be read.
func written(all []diffLine, show func(string) string) (s string, added, gone int) {
	var b strings.Builder
	for _, l := range all {
		switch l.sign {
		case '@':
			b.WriteString("@" + l.text + "\n")
			continue
		case '+':
			added++
		case '-':
			gone++
		}
		b.WriteString(string(l.sign) + " " + show(l.text) + "\n")
	}
	return b.String(), added, gone
}

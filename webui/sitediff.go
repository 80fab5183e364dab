package webui

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	diffAround = 3       // lines shown around a change
	diffCells  = 4 << 20 // beyond so many pairs of lines, what differs is one change
)

// A diffLine is one line of a comparison: ' ' in both, '-' only in the old
// text, '+' only in the new one.
type diffLine struct {
	sign byte
	text string
}

// diffLines compares two texts by lines: the longest common subsequence of what
// is between their common beginning and end.
func diffLines(before, after string) (all []diffLine) {
	a, b := lines(before), lines(after)
	add := func(sign byte, from []string) {
		for _, s := range from {
			all = append(all, diffLine{sign, s})
		}
	}
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	add(' ', a[:head])
	end := a[len(a)-tail:]
	a, b = a[head:len(a)-tail], b[head:len(b)-tail]
	if len(a)*len(b) > diffCells {
		add('-', a)
		add('+', b)
		a, b = nil, nil
	}
	// common[i][j] is how many lines a[i:] and b[j:] have in common.
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	for len(a) > 0 && len(b) > 0 {
		i, j := len(common)-1-len(a), len(common[0])-1-len(b)
		switch {
		case a[0] == b[0]:
			add(' ', a[:1])
			a, b = a[1:], b[1:]
		case common[i+1][j] >= common[i][j+1]:
			add('-', a[:1])
			a = a[1:]
		default:
			add('+', b[:1])
			b = b[1:]
		}
	}
	add('-', a)
	add('+', b)
	add(' ', end)
	return all
}

// lines splits a text; its last line may go without an end.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
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
		if l.sign == ' ' {
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
	alike = slices.ContainsFunc(all, func(l diffLine) bool { return l.sign != ' ' && unlike(l.text) })
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

// unified writes a comparison as diff -u does, without its file names, and
// counts what is added and what is gone. Show makes a line fit to be read.
func unified(all []diffLine, show func(string) string) (s string, added, gone int) {
	var b strings.Builder
	before, after := 1, 1 // the next line of each
	step := func(l diffLine) {
		if l.sign != '+' {
			before++
		}
		if l.sign != '-' {
			after++
		}
	}
	for i := 0; i < len(all); {
		if all[i].sign == ' ' {
			step(all[i])
			i++
			continue
		}
		from, to := max(0, i-diffAround), i
		for quiet := 0; to < len(all) && quiet <= 2*diffAround; to++ {
			if quiet++; all[to].sign != ' ' {
				quiet = 0
			}
		}
		for to > i && all[to-1].sign == ' ' { // one too many, or the end
			to--
		}
		to = min(len(all), to+diffAround)
		fmt.Fprintf(&b, "@@ -%d +%d @@\n", before-(i-from), after-(i-from))
		for j := from; j < to; j++ {
			b.WriteString(string(all[j].sign) + " " + show(all[j].text) + "\n")
			switch all[j].sign {
			case '+':
				added++
			case '-':
				gone++
			}
			if j >= i {
				step(all[j])
			}
		}
		i = to
	}
	return b.String(), added, gone
}

package people

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"monban/gateway/text"
)

// Longest texts people may give, in characters.
const (
	MaxName = 64
	MaxText = 500
)

// room is how many bytes each character may come with, invisible ones and
// marks included; more is refused without being looked at.
const room = 16

// Clean returns name as it may be kept and shown: NFC, on one line, without
// control, direction or invisible characters, with single spaces. Names come
// from the network too, and one that reads like another is an attack.
// The error is a Fault: nothing is left, or too much.
func Clean(name string) (string, error) {
	s := clean(name, MaxName)
	switch n := utf8.RuneCountInString(s); {
	case n > MaxName || len(name) > MaxName*room:
		return "", text.NewFault("people.name_long", "max", MaxName)
	case n == 0:
		return "", text.NewFault("people.name_empty")
	}
	return s, nil
}

// CleanText does for a sentence what Clean does for a name; only the limit is
// another. Line ends become spaces.
func CleanText(s string) (string, error) {
	long := len(s) > MaxText*room
	s = clean(s, MaxText)
	switch n := utf8.RuneCountInString(s); {
	case n > MaxText || long:
		return "", text.NewFault("people.text_long", "max", MaxText)
	case n == 0:
		return "", text.NewFault("people.text_empty")
	}
	return s, nil
}

// Key returns what makes two names the same: width, case and compatibility
// forms do not tell them apart (Ｘ線 is x線).
func Key(name string) string {
	return norm.NFKC.String(strings.ToLower(norm.NFKC.String(clean(name, MaxName))))
}

// clean works on a bounded head of s: what is longer must not cost.
func clean(s string, limit int) string {
	if most := limit * room; len(s) > most {
		s = s[:most]
	}
	// First what shows nothing, so that what it held apart can compose.
	s = norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.In(r, unicode.Zl, unicode.Zp) || blank(r):
			return ' '
		case unicode.In(r, unicode.C): // control, format (bidi, zero width), private, surrogate
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	var b strings.Builder
	gap, marks := false, 0
	for _, r := range s {
		switch {
		case r == ' ':
			gap, marks = b.Len() > 0, 0
			continue
		case unicode.In(r, unicode.M):
			// Two marks make every real letter, and a variation selector of
			// a kanji; towers of them are for hiding the line above.
			if marks++; marks > 2 || b.Len() == 0 {
				continue
			}
		default:
			marks = 0
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// blank are letters and symbols that show nothing: fillers of Hangul, the
// empty Braille pattern.
func blank(r rune) bool {
	switch r {
	case 0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800:
		return true
	}
	return false
}

package paper

import (
	"strings"
	"unicode"
)

// A ruler says how wide a letter is, in thousandths of the type size.
type ruler func(r rune) int

func (w ruler) of(s string) int {
	n := 0
	for _, r := range s {
		n += w(r)
	}
	return n
}

// Letters that may not begin a line, and that may not end one: the least of
// what Japanese line breaking asks for (JIS X 4051, kinsoku).
const (
	noStart = "、。，．・：；？！ー々ゝゞ」』）］｝〉》】〕ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ…,.:;?!)]}%"
	noEnd   = "「『（［｛〈《【〔([{"
	weak    = "/:,-._;@=" // a long word may be broken after these
)

// wrap breaks s into lines of at most room, in the ruler's unit. It breaks
// between words and between Japanese letters; a word that is longer than the
// line is broken after a sign, or else anywhere. Line ends in s stay. A line
// that goes on starts with hang.
func (w ruler) wrap(s string, room int, hang string) []string {
	var out []string
	for _, para := range strings.Split(s, "\n") {
		rest, lead := []rune(para), ""
		for {
			at := w.fit(rest, room-w.of(lead), lead == "")
			out = append(out, lead+strings.TrimRight(string(rest[:at]), " "))
			rest = rest[at:]
			if len(rest) == 0 {
				break
			}
			lead = hang
			for len(rest) > 0 && rest[0] == ' ' {
				rest = rest[1:]
			}
			if len(rest) == 0 {
				break
			}
		}
	}
	return out
}

// fit returns how many letters of s go on a line of room: at least one. Spaces
// that begin a first line are an indent, and no place to break.
func (w ruler) fit(s []rune, room int, first bool) int {
	sum, strong, soft := 0, 0, 0
	text := !first
	for i, r := range s {
		sum += w(r)
		if sum > room && r != ' ' {
			switch {
			case strong > 0:
				return strong
			case soft > 0:
				return soft
			}
			return max(1, i)
		}
		text = text || r != ' '
		if !text || i+1 == len(s) {
			continue
		}
		next := s[i+1]
		switch {
		case strings.ContainsRune(noEnd, r) || strings.ContainsRune(noStart, next):
		case r == ' ', wide(r), wide(next):
			strong = i + 1
		case strings.ContainsRune(weak, r):
			soft = i + 1
		}
	}
	return len(s)
}

// wide reports whether r is a letter one may break beside, as Chinese
// characters and kana are.
func wide(r rune) bool {
	return r >= 0x2E80 || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// cut shortens s to one line of room.
func (w ruler) cut(s string, room int) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if w.of(s) <= room {
		return s
	}
	sum := w('…')
	for i, r := range s {
		if sum += w(r); sum > room {
			return s[:i] + "…"
		}
	}
	return s
}

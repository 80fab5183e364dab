package people

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"monban/gateway/text"
)

// Lengths of a password in characters (OWASP ASVS 5.0, 6.2.1 and 6.2.9).
const (
	MinPassword = 15
	MaxPassword = 128
)

//go:embed common.txt
var common string

// What makes a long password easy to guess all the same.
const (
	// minPieces: a password of fewer known pieces and single signs is easy,
	// as password12345678! (3).
	minPieces = 4
	// minOwn: so much must be left without the words anybody here knows.
	minOwn = 8
	// minUnit: what is only repeated counts once.
	minUnit = 8
)

// rows are runs that fingers make.
var rows = []string{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz"}

// CheckPassword says, as a Fault on "password", why a password is not good
// enough: too short or long, made of what everybody uses (ASVS 6.2.4), or of
// context: the person's name, the clinic's, its telephone number (6.2.11).
// There are no rules about kinds of signs, and passwords do not expire.
func CheckPassword(password string, context ...string) error {
	p := strings.ToLower(norm.NFKC.String(password))
	fault := func(code string, kv ...any) error { return text.NewFault(code, kv...).On("password") }
	switch n := utf8.RuneCountInString(norm.NFKC.String(password)); {
	case n < MinPassword:
		return fault("people.password_short", "min", MinPassword)
	case n > MaxPassword:
		return fault("people.password_long", "max", MaxPassword)
	}
	if unit := period([]rune(p)); unit < minUnit {
		return fault("people.password_repeats")
	}
	known := map[string]bool{}
	for w := range strings.Lines(common) {
		known[strings.TrimSuffix(w, "\n")] = true
	}
	if pieces([]rune(p), known) < minPieces {
		return fault("people.password_common")
	}
	ours := map[string]bool{"monban": true, "門番": true}
	for _, c := range context {
		for _, w := range strings.Fields(strings.ToLower(norm.NFKC.String(c))) {
			if utf8.RuneCountInString(w) >= 2 {
				ours[w] = true
			}
		}
	}
	rest := p
	for w := range ours {
		rest = strings.ReplaceAll(rest, w, "")
	}
	if rest != p && pieces([]rune(rest), known) < minOwn {
		return fault("people.password_context")
	}
	return nil
}

// period returns the length of the shortest unit p is a repetition of.
func period(p []rune) int {
	for n := 1; n <= len(p)/2; n++ {
		i := n
		for i < len(p) && p[i] == p[i-n] {
			i++
		}
		if i == len(p) {
			return n
		}
	}
	return len(p)
}

// pieces returns the smallest number of known words, runs and single signs p
// can be put together from.
func pieces(p []rune, known map[string]bool) int {
	best := make([]int, len(p)+1)
	for end := 1; end <= len(p); end++ {
		best[end] = best[end-1] + 1
		for start := max(0, end-32); start < end-2; start++ {
			if s := string(p[start:end]); best[start]+1 < best[end] && (known[s] || isRun(s)) {
				best[end] = best[start] + 1
			}
		}
	}
	return best[len(p)]
}

// isRun reports one sign three times or more, or a stretch of a row of keys or
// of the alphabet, forwards or backwards.
func isRun(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	if strings.Trim(s, string(first)) == "" {
		return true
	}
	if len(s) < 4 {
		return false
	}
	for _, r := range rows {
		if strings.Contains(r, s) || strings.Contains(backwards(r), s) {
			return true
		}
	}
	return false
}

func backwards(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

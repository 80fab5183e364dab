package list

import (
	"errors"
	"regexp/syntax"
	"slices"
	"strings"
)

const (
	maxRegexText = 512 // bytes
	maxRegexSize = 400 // of the tree, before it is a program of maxInsts at most
	minLiteral   = 3   // octets, for the index
	maxLiterals  = 16  // one of which a name must have
)

var (
	errRegexWide  = errors.New("it holds for everything")
	errRegexLarge = errors.New("too large")
)

// readRegex compiles a regular expression (RE2: its time grows with name and
// expression, and no faster, whatever they say) for names: small letters, and nothing but ASCII. It
// also gives strings of which a name it matches has one; none if it has no such.
func readRegex(s string) (*program, []string, int, error) {
	if len(s) > maxRegexText {
		return nil, nil, 0, errRegexLarge
	}
	tree, err := syntax.Parse(s, syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, nil, 0, err
	}
	size := regexSize(tree) // before anything is unrolled
	if size > maxRegexSize {
		return nil, nil, 0, errRegexLarge
	}
	plainly(tree)
	p, ok := newProgram(tree)
	if !ok {
		return nil, nil, 0, errRegexLarge
	}
	if p.match("x") && p.match("0-a.example.jp") {
		return nil, nil, 0, errRegexWide
	}
	return p, literals(tree), max(size, len(p.insts)), nil
}

// regexSize is about how many instructions re has, with its repeats unrolled.
func regexSize(re *syntax.Regexp) int {
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpRepeat:
		n = 1 + max(re.Min, re.Max, 1)*regexSize(re.Sub[0])
		if re.Max < 0 {
			n++
		}
	default:
		for _, sub := range re.Sub {
			if n += regexSize(sub); n > maxRegexSize {
				break
			}
		}
	}
	return min(n, maxRegexSize+1)
}

// plainly makes letters small and takes all that is not ASCII out of classes.
func plainly(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		re.Flags &^= syntax.FoldCase
		for i, c := range re.Rune {
			if c >= 'A' && c <= 'Z' {
				re.Rune[i] = c + 'a' - 'A'
			}
		}
	case syntax.OpCharClass:
		var kept []rune
		for i := 0; i+1 < len(re.Rune) && re.Rune[i] < 0x80; i += 2 {
			kept = append(kept, re.Rune[i], min(re.Rune[i+1], 0x7f))
		}
		re.Rune = kept
		if len(kept) == 0 {
			re.Op = syntax.OpNoMatch
		}
	}
	for _, sub := range re.Sub {
		plainly(sub)
	}
}

// literals are strings one of which is in whatever re matches; nil if there
// are none that are long enough.
func literals(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if s := string(re.Rune); len(re.Rune) >= minLiteral {
			return []string{s}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literals(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return literals(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if all := literals(sub); len(all) > 0 && (best == nil || shortest(all) > shortest(best)) {
				best = all
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			one := literals(sub)
			if len(one) == 0 || len(all)+len(one) > maxLiterals {
				return nil
			}
			all = append(all, one...)
		}
		return all
	}
	return nil
}

func shortest(all []string) int {
	return len(slices.MinFunc(all, func(a, b string) int { return len(a) - len(b) }))
}

// senseless says whether a regular expression makes no sense in any dialect.
func senseless(err error) bool {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case syntax.ErrMissingBracket, syntax.ErrMissingParen, syntax.ErrUnexpectedParen, syntax.ErrTrailingBackslash,
		syntax.ErrInvalidCharRange, syntax.ErrInvalidUTF8:
		return true
	case syntax.ErrMissingRepeatArgument:
		return !strings.Contains(e.Expr, "?") // ?! and the like are looks around
	}
	return false
}

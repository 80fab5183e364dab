package list

import (
	"math/bits"
	"slices"
)

// A pattern is a rule for names that only trying it finds.
type pattern struct {
	At    uint32 // source and line: see atLine
	Says  class  // flags
	Limit uint32 // index into limits, from 1; 0: none
	Text  string // /regular expression/, or a rule with stars

	glob  glob
	regex *program // nil: it is a glob
}

// Bounds of the patterns of all lists. Together they say how long the worst
// name of a hostile list takes: the steps of all regular expressions for each
// of its octets, and maxPatterns searches for the parts of globs.
const (
	maxPatterns  = 2048
	maxEverTried = 32      // that have nothing to find them by
	everSteps    = 1 << 10 // of those, see readRegex
	patternSteps = 1 << 14
	minGram      = 3
	sameGram     = 64 // patterns found by the same three octets
)

// patterns are those of a List, found by three octets that a name must have.
// They are made anew from their text when a file is read.
type patterns struct {
	all   []pattern
	ever  []uint16 // those to be tried for each name
	steps int
	rare  int // steps of ever
	grams map[uint32][]uint16
	sieve []uint64 // bits of the grams there are; a power of two of words
}

// read makes p of its Text. It returns its size and what must be in a name.
func (p *pattern) read() (lits []string, size int, err error) {
	if n := len(p.Text); n > 1 && p.Text[0] == '/' && p.Text[n-1] == '/' {
		p.regex, lits, size, err = readRegex(p.Text[1 : n-1])
		return lits, size, err
	}
	var ok bool
	if p.glob, ok = readGlob(p.Text); !ok || len(p.Text) > maxName+8 {
		return nil, 0, ErrName
	}
	longest := slices.MaxFunc(p.glob.parts, func(a, b string) int { return len(a) - len(b) })
	if len(longest) < minGram {
		return nil, 0, errRegexWide
	}
	return []string{longest}, 0, nil
}

// add takes p, unless there would be too many or too costly ones.
func (ps *patterns) add(p pattern) error {
	lits, size, err := p.read()
	if err != nil {
		return err
	}
	if len(ps.all) == maxPatterns || ps.steps+size > patternSteps {
		return errRegexLarge
	}
	var keys []uint32
	for _, s := range lits {
		key, ok := ps.rarest(s)
		if !ok {
			return errRegexLarge
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	i := uint16(len(ps.all))
	if len(keys) == 0 {
		if len(ps.ever) == maxEverTried || ps.rare+size > everSteps {
			return errRegexLarge
		}
		ps.ever, ps.rare = append(ps.ever, i), ps.rare+size
	}
	if ps.grams == nil {
		ps.grams = map[uint32][]uint16{}
	}
	for _, key := range keys {
		ps.grams[key] = append(ps.grams[key], i)
	}
	ps.all, ps.steps = append(ps.all, p), ps.steps+size
	return nil
}

// rarest is the three octets of s that the fewest patterns are found by.
func (ps *patterns) rarest(s string) (key uint32, ok bool) {
	fewest := sameGram
	for i := 0; i+minGram <= len(s); i++ {
		g := gram(s, i)
		n := len(ps.grams[g])
		if s[i:i+minGram] == "www" || s[i:i+minGram] == "com" || s[i+1:i+minGram] == "co" || s[i:i+minGram] == ".jp" {
			n = min(n+sameGram/2, sameGram-1) // nearly every name has them
		}
		if n < fewest {
			fewest, key, ok = n, g, true
		}
	}
	return key, ok
}

func gram(s string, i int) uint32 {
	return uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16
}

func spread(g uint32) uint32 { return g * 0x9E3779B1 >> 8 }

// settle makes the sieve. ps does not change afterwards.
func (ps *patterns) settle() {
	if len(ps.grams) == 0 {
		return
	}
	words := 1 << bits.Len(uint(len(ps.grams)/2)) // 32 bits a gram or more
	ps.sieve = make([]uint64, words)
	for g := range ps.grams {
		h := spread(g) % uint32(64*words)
		ps.sieve[h/64] |= 1 << (h % 64)
	}
}

// A tried is the patterns that one name was compared with.
type tried [maxPatterns / 64]uint64

// each calls f with every pattern that may be one of name, once.
func (ps *patterns) each(name string, f func(*pattern)) {
	for _, i := range ps.ever {
		f(&ps.all[i])
	}
	if len(ps.sieve) == 0 {
		return
	}
	var done tried
	mask := uint32(64*len(ps.sieve) - 1)
	for i := 0; i+minGram <= len(name); i++ {
		g := gram(name, i)
		h := spread(g) & mask
		if ps.sieve[h/64]>>(h%64)&1 == 0 {
			continue
		}
		for _, k := range ps.grams[g] {
			if done[k/64]>>(k%64)&1 == 0 {
				done[k/64] |= 1 << (k % 64)
				f(&ps.all[k])
			}
		}
	}
}

// match says whether p is a pattern of name.
func (p *pattern) match(name string) bool {
	if p.regex != nil {
		return p.regex.match(name)
	}
	return p.glob.match(name)
}

// bytes is about how much memory ps takes.
func (ps *patterns) bytes() (n int) {
	for i := range ps.all {
		n += 160 + 4*len(ps.all[i].Text)
	}
	return n + 64*ps.steps + 8*len(ps.sieve) + 64*len(ps.grams)
}

package request

import (
	"strings"
	"unicode"
)

// alphabet is that of the codes on paper (package people): 32 signs, 5 bits
// each, none of which reads like another. Capitals, since QR codes hold those
// in 5.5 bits.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// group is how many signs stand together, for reading out.
const group = 4

// What fold makes of a character that is no sign.
const (
	nothing = 0xfe // a space, a hyphen: typing aids
	foreign = 0xff
)

// sign returns the value of a character as people type and print it, 0 to 31:
// in either case and width, with the letters that look like another sign.
func sign(r rune) byte {
	if r >= '！' && r <= '～' { // full width
		r -= '！' - '!'
	}
	switch r = unicode.ToUpper(r); {
	case r == 'O':
		return 0
	case r == 'I' || r == 'L':
		return 1
	case r == 'U':
		r = 'V'
	case unicode.IsSpace(r), unicode.In(r, unicode.Pd, unicode.Cf), r == '−', r == 'ー', r == 'ｰ':
		return nothing
	}
	if i := strings.IndexRune(alphabet, r); i >= 0 {
		return byte(i)
	}
	return foreign
}

// fold returns the values of s without what is nothing; foreign characters
// stay, as such.
func fold(s string) []byte {
	var signs []byte
	for _, r := range s {
		if v := sign(r); v != nothing {
			signs = append(signs, v)
		}
	}
	return signs
}

// grouped writes signs in groups of four with sep between them.
func grouped(signs []byte, sep string) string {
	var b strings.Builder
	for i, v := range signs {
		if i > 0 && i%group == 0 {
			b.WriteString(sep)
		}
		b.WriteByte(alphabet[v])
	}
	return b.String()
}

// split cuts b into signs of 5 bits, the last one filled up with zeros.
func split(b []byte) []byte {
	signs := make([]byte, 0, signsFor(len(b)))
	var have uint
	var bits uint32
	for _, c := range b {
		bits, have = bits<<8|uint32(c), have+8
		for ; have >= 5; have -= 5 {
			signs = append(signs, byte(bits>>(have-5)&31))
		}
	}
	if have > 0 {
		signs = append(signs, byte(bits<<(5-have)&31))
	}
	return signs
}

// join undoes split; what does not fill a byte is dropped.
func join(signs []byte) []byte {
	b := make([]byte, 0, len(signs)*5/8)
	var have uint
	var bits uint32
	for _, v := range signs {
		bits, have = bits<<5|uint32(v), have+5
		if have >= 8 {
			have -= 8
			b = append(b, byte(bits>>have))
		}
	}
	return b
}

// signsFor is how many signs n bytes take.
func signsFor(n int) int { return (8*n + 4) / 5 }

// check32 is the check sign of a line with the given number, below 32. It is
// a polynomial over GF(32), whose powers differ for 31 signs: of up to 30 it
// finds every one that is wrong, every two that changed places, and every
// line that stands at another's place.
func check32(line int, signs []byte) byte {
	c := byte(line)
	for _, v := range signs {
		c = double(c) ^ v
	}
	return double(c)
}

// double multiplies by x in GF(32), modulo x⁵+x²+1.
func double(c byte) byte {
	if c <<= 1; c > 31 {
		c ^= 0b100101
	}
	return c
}

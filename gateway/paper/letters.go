package paper

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"strings"
	"unicode"
)

// face is BIZ UDPGothic Regular. It is a string because the PDF library gets a
// copy of its own each time: it takes its font by slices that it may append to.
//
//go:embed font/BIZUDPGothic-Regular.ttf
var face string

// geta (〓) stands for a letter that cannot be printed, as Japanese printers
// have always marked one that is missing.
const geta = '〓'

// longest bounds one text, in letters, so that a hostile one costs pages and
// not the box.
const longest = 20_000

// A glyphs is the set of letters of the Basic Multilingual Plane a font has.
// The PDF library goes no further: it would index past its tables.
type glyphs [1 << 16 / 64]uint64

func (g *glyphs) has(r rune) bool {
	return r > 0 && r < 1<<16 && g[r/64]&(1<<(r%64)) != 0
}

// glyphsOf reads the character map of a TrueType font: the Windows subtable of
// format 4 (OpenType 1.9, cmap), which is the one the PDF library reads.
func glyphsOf(ttf []byte) (*glyphs, error) {
	bad := errors.New("reading the font: no usable character map")
	u16 := func(at int) int {
		if at < 0 || at+2 > len(ttf) {
			return 0
		}
		return int(binary.BigEndian.Uint16(ttf[at:]))
	}
	u32 := func(at int) int { return u16(at)<<16 | u16(at+2) }
	cmap := 0
	for i := range u16(4) {
		if at := 12 + 16*i; at+16 <= len(ttf) && string(ttf[at:at+4]) == "cmap" {
			cmap = u32(at + 8)
		}
	}
	if cmap == 0 {
		return nil, bad
	}
	table := 0
	for i := range u16(cmap + 2) {
		at := cmap + 4 + 8*i
		if sub := cmap + u32(at+4); u16(at) == 3 && u16(at+2) == 1 && u16(sub) == 4 {
			table = sub
		}
	}
	if table == 0 {
		return nil, bad
	}
	g, n := new(glyphs), u16(table+6) // n is twice the number of segments
	for i := 0; i < n; i += 2 {
		end, start := u16(table+14+i), u16(table+16+n+i)
		delta, ptr := u16(table+16+2*n+i), table+16+3*n+i
		for c := start; c <= end && c < 0xFFFF; c++ {
			id := c
			if off := u16(ptr); off != 0 {
				id = u16(ptr + off + 2*(c-start))
			}
			if id != 0 && (id+delta)&0xFFFF != 0 {
				g[c/64] |= 1 << (c % 64)
			}
		}
	}
	if !g.has(geta) || !g.has('?') || !g.has(' ') {
		return nil, bad
	}
	return g, nil
}

// printable returns s with only what the font can draw and the eye can trust:
// whatever is hidden, turns the direction of writing or stacks marks becomes a
// 〓 that everybody sees. Line ends stay if lines says so; a tab is four spaces.
func (g *glyphs) printable(s string, lines bool) string {
	var b strings.Builder
	n := 0
	for _, r := range harmless(s, lines) {
		if n++; n > longest {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '\n':
			b.WriteByte('\n')
		case unicode.Is(unicode.Variation_Selector, r): // only picks a form of the letter before it
		case unicode.In(r, unicode.M), !g.has(r):
			b.WriteRune(geta)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// harmless returns s without anything that acts on the reader's program or
// eye instead of being read: for cells, which may hold any letter there is.
func harmless(s string, lines bool) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, string(geta)), "\r\n", "\n")
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' && lines:
			b.WriteByte('\n')
		case r == '\t' && lines:
			b.WriteString("    ")
		case unicode.IsSpace(r) && r != '\u3000':
			b.WriteByte(' ')
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			b.WriteRune(geta)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

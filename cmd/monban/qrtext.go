package main

import (
	"io"
	"os"
	"strings"

	"rsc.io/qr"
)

// isTerminal reports whether a person sees w at once. It asks no operating
// system in particular.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	i, err := f.Stat()
	return err == nil && i.Mode()&os.ModeCharDevice != 0
}

// halfBlocks draws a QR code with the white frame it needs, two modules to a
// character. Blocks are its white: as it should look on a dark terminal, or on
// any with colour.
func halfBlocks(c *qr.Code, colour bool) string {
	const quiet = 4 // modules of white around it (ISO/IEC 18004)
	begin, end := "", "\n"
	if colour {
		begin, end = "\x1b[97;40m", "\x1b[0m\n" // white on black
	}
	var b strings.Builder
	for y := -quiet; y < c.Size+quiet; y += 2 {
		b.WriteString(begin)
		for x := -quiet; x < c.Size+quiet; x++ {
			// The size is odd: below the last row is nothing at all.
			switch upper, lower := !c.Black(x, y), !c.Black(x, y+1) && y+1 < c.Size+quiet; {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteRune(' ')
			}
		}
		b.WriteString(end)
	}
	return b.String()
}

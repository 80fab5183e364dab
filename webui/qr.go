package webui

import (
	"fmt"
	"strconv"
	"strings"

	"rsc.io/qr"
)

// quiet is the white frame a reader needs around a QR code, in modules.
// (ISO/IEC 18004, 4 on each side.)
const quiet = 4

// qrPath returns s as a QR code: the modules on a side with the white frame,
// and an SVG path that draws the dark ones, one stroke per run.
func qrPath(s string) (size, path string, err error) {
	c, err := qr.Encode(s, qr.M)
	if err != nil {
		return "", "", fmt.Errorf("encoding QR: %w", err)
	}
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			if !c.Black(x, y) {
				continue
			}
			run := 1
			for x+run < c.Size && c.Black(x+run, y) {
				run++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
			x += run
		}
	}
	return strconv.Itoa(c.Size + 2*quiet), b.String(), nil
}

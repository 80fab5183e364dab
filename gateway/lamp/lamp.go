// Package lamp makes the lamp on a board say what keeps the box from working,
// to somebody who has neither page nor screen.
//
// It only shows what it is told. What the patterns mean to people stands in
// docs/install.md.
package lamp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A Sign is one thing the lamp says: it blinks with these lengths until the box
// is started again.
type Sign struct {
	Reason  string // as in monban-lamp@REASON.service
	Code    int    // as shown on the console
	On, Off time.Duration
}

// Signs are all there are. They can be told apart without a clock: quick, slow,
// mostly dark, mostly lit.
func Signs() []Sign {
	return []Sign{
		{"closed", 1, 100 * time.Millisecond, 100 * time.Millisecond},
		{"rules", 2, 1000 * time.Millisecond, 1000 * time.Millisecond},
		{"data", 3, 100 * time.Millisecond, 1900 * time.Millisecond},
		{"net", 4, 1900 * time.Millisecond, 100 * time.Millisecond},
	}
}

// Find returns the sign for a reason.
func Find(reason string) (Sign, bool) {
	for _, s := range Signs() {
		if s.Reason == reason {
			return s, true
		}
	}
	return Sign{}, false
}

// lamps are the names of a lamp that is the board's to use: the one a Pi has
// beside its power lamp, by the kernel's newer and older name.
func lamps() []string { return []string{"ACT", "led0"} }

// Show lets the lamp below sys, which is /sys, blink, and says whether the
// board has one.
func Show(sys string, s Sign) (bool, error) {
	for _, name := range lamps() {
		at := filepath.Join(sys, "class/leds", name)
		if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		// The lengths appear with the trigger (leds-class in the kernel's
		// documentation).
		for _, f := range []struct{ file, value string }{
			{"trigger", "timer"},
			{"delay_on", strconv.FormatInt(s.On.Milliseconds(), 10)},
			{"delay_off", strconv.FormatInt(s.Off.Milliseconds(), 10)},
		} {
			if err := os.WriteFile(filepath.Join(at, f.file), []byte(f.value), 0o644); err != nil {
				return true, fmt.Errorf("setting the lamp: %w", err)
			}
		}
		return true, nil
	}
	return false, nil
}

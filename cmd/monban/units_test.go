package main

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"monban/image"
)

// What systemd is told to start is a command this program knows.
func TestUnitsStartKnownCommands(t *testing.T) {
	units, err := fs.Glob(image.Units, "systemd/*.service")
	if err != nil {
		t.Fatal(err)
	}
	starts := 0
	for _, unit := range units {
		b, err := image.Units.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "ExecStart=/usr/lib/monban/monban-data ") { // which has tests of its own
				starts++
			}
			command, ok := strings.CutPrefix(line, "ExecStart=/usr/bin/monban ")
			if !ok {
				continue
			}
			starts++
			p, err := kong.New(&cli{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Parse(strings.Fields(command)); err != nil {
				t.Errorf("%s: %v", path.Base(unit), err)
			}
		}
	}
	if starts != len(units) {
		t.Errorf("%d of %d services start a program of ours", starts, len(units))
	}
}

package main

import (
	"os"
	"path/filepath"
	"testing"

	"monban/image"
	"monban/image/place"
)

// A box that was started from the image and has no word of its partition keeps
// its records in memory; one that was not has no such partition.
func TestDataState(t *testing.T) {
	for _, c := range []struct {
		name, left string
		slot       bool
		want       image.DataState
	}{
		{"all is well", `{"state":"ok","box":"A"}`, true, image.DataState{State: image.DataOK, Box: "A"}},
		{"no image", "", false, image.DataState{}},
		{"no word", "", true, image.DataState{State: image.DataVolatile, Why: "data.silent"}},
		{"half a word", `{"state":"o`, true, image.DataState{State: image.DataVolatile, Why: "data.silent"}},
		{"an empty word", `{}`, true, image.DataState{State: image.DataVolatile, Why: "data.silent"}},
	} {
		run := t.TempDir()
		file := filepath.Join(run, "data-state")
		if c.left != "" {
			if err := os.WriteFile(file, []byte(c.left), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if c.slot {
			if err := (place.Slot{Partition: "root-a", Device: "/dev/sda2", Disk: "/dev/sda"}).Write(run); err != nil {
				t.Fatal(err)
			}
		}
		if got := dataState(file, run); got != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

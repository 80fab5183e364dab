package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"monban/image"
	"monban/image/place"
)

// dataState is what monban-data left of the boot; the zero value where the box
// was not started from the image. Where it was and there is no word that makes
// sense, monban-data did not come to its end, and the records are in memory. run
// is /run.
func dataState(file, run string) (st image.DataState) {
	b, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(b, &st) == nil && st.State != "" {
		return st
	}
	if _, err := place.Read(run); errors.Is(err, fs.ErrNotExist) {
		return image.DataState{}
	}
	return image.DataState{State: image.DataVolatile, Why: "data.silent"}
}

package main

import (
	"encoding/json"
	"os"

	"monban/image"
)

// dataState is what monban-data left of the boot; the zero value where the box
// was not started from the image, or no word was left.
func dataState(file string) (st image.DataState) {
	b, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(b, &st) != nil {
		return image.DataState{}
	}
	return st
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// loadModules loads the kernel modules that list names, one path per line, in
// that order. One that this machine has no use for is passed over: whether
// enough was loaded shows when the disk appears. Memory of each is given back.
func loadModules(list string) error {
	b, err := os.ReadFile(list)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // everything is built in
	}
	if err != nil {
		return fmt.Errorf("reading the list of modules: %w", err)
	}
	for _, path := range moduleList(string(b)) {
		if err := loadModule(path); err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENODEV) {
			say(4, "loading %s: %v", path, err)
		}
		_ = os.Remove(path)
	}
	return nil
}

// moduleList returns the paths in a list; empty lines say nothing.
func moduleList(text string) (paths []string) {
	for line := range strings.Lines(text) {
		if path := strings.TrimSpace(line); path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), "", 0)
}

package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// unfinished ends the name of a file that is being written.
const unfinished = ".new"

// WriteFile puts b at path so that at every moment, power cuts included, the
// old or the new content is there as a whole: it writes beside it, syncs,
// renames and syncs the directory. The file is readable by its owner only.
func WriteFile(path string, b []byte) error {
	if err := write(path, b); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}

func write(path string, b []byte) (err error) {
	// One fixed name, so that a crash leaves at most one file behind, which
	// the next write takes over.
	next := path + unfinished
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(next)
		}
	}()
	if _, err = f.Write(b); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(next, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

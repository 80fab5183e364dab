package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"monban/dnsfilter/list"
)

// compiledLists is the last good list, in the form that is read in a moment.
func (g *Gateway) compiledLists() string { return filepath.Join(g.o.State, "lists.compiled") }

// keptLists are the lists the state directory holds, and when they were made;
// nil without an error if it holds none.
func (g *Gateway) keptLists() (*list.List, time.Time, error) {
	f, err := os.Open(g.compiledLists())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("opening the stored lists: %w", err)
	}
	defer f.Close()
	l, err := list.Load(f)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading the stored lists: %w", err)
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading the stored lists: %w", err)
	}
	return l, fi.ModTime(), nil
}

// keepLists stores l for the next start.
func (g *Gateway) keepLists(l *list.List) error {
	f, err := renameio.NewPendingFile(g.compiledLists(), renameio.WithPermissions(0o600))
	if err != nil {
		return fmt.Errorf("storing the lists: %w", err)
	}
	defer f.Cleanup()
	if err := l.Write(f); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("storing the lists: %w", err)
	}
	return nil
}

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Kept is how many generations stay on disk.
const Kept = 20

// Generations are the site.toml files that were in force, newest last, so
// that a broken file or a broken card has something to fall back on. Each
// file's name carries its number and a hash of its content; one that does not
// fit its hash counts as gone.
type Generations struct {
	Dir string // required; made if missing
}

// genForm is the name of a generation's file: number and half a SHA-256.
var genForm = regexp.MustCompile(`^site-(\d{6,18})-([0-9a-f]{32})\.toml$`)

func genName(n int, b []byte) string { return fmt.Sprintf("site-%06d-%s.toml", n, sum(b)) }

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:16])
}

// Save keeps b, which must have passed Parse and be in force, as the newest
// generation and returns its number, from 1. Saving what is the newest already
// changes nothing. When Save returns without error the bytes are on the disk.
func (g Generations) Save(b []byte) (int, error) {
	if _, err := Parse(b); err != nil {
		return 0, fmt.Errorf("saving a generation: %w", err)
	}
	if err := os.MkdirAll(g.Dir, 0o700); err != nil {
		return 0, fmt.Errorf("saving a generation: %w", err)
	}
	names, err := g.names()
	if err != nil {
		return 0, err
	}
	n := 1
	if len(names) > 0 {
		newest := names[len(names)-1]
		n = number(newest)
		if old, err := g.read(newest); err == nil && string(old) == string(b) {
			return n, nil
		}
		n++
	}
	if err := WriteFile(filepath.Join(g.Dir, genName(n, b)), b); err != nil {
		return 0, err
	}
	g.prune(names)
	return n, nil
}

// prune removes the generations that are too many once one more than names is
// there, and what a crash left half written. What cannot be removed now is
// removed next time.
func (g Generations) prune(names []string) {
	old, _ := filepath.Glob(filepath.Join(g.Dir, "site-*"+unfinished))
	for _, name := range names[:max(0, len(names)+1-Kept)] {
		old = append(old, filepath.Join(g.Dir, name))
	}
	for _, path := range old {
		os.Remove(path)
	}
}

// LastGood returns the newest generation that is whole and passes Parse, its
// text and its number. It returns ErrNone if there is none.
func (g Generations) LastGood() (Config, []byte, int, error) {
	names, err := g.names()
	if err != nil {
		return Config{}, nil, 0, err
	}
	for _, name := range slices.Backward(names) {
		b, err := g.read(name)
		if err != nil {
			continue
		}
		if c, err := Parse(b); err == nil {
			return c, b, number(name), nil
		}
	}
	return Config{}, nil, 0, ErrNone
}

// read returns a generation's bytes if they are what was written.
func (g Generations) read(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(g.Dir, name))
	if err != nil {
		return nil, err
	}
	if sum(b) != genForm.FindStringSubmatch(name)[2] {
		return nil, fmt.Errorf("%s does not fit its hash", name)
	}
	return b, nil
}

// names returns the generations' file names, oldest first.
func (g Generations) names() ([]string, error) {
	entries, err := os.ReadDir(g.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing generations: %w", err)
	}
	var names []string
	for _, e := range entries {
		if genForm.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return number(a) - number(b) })
	return names, nil
}

func number(name string) int {
	n, _ := strconv.Atoi(genForm.FindStringSubmatch(name)[1])
	return n
}

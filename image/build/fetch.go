package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"monban/image/lock"
)

// errMissing is of a locked package that is neither in the cache nor at the
// mirror.
var errMissing = errors.New("no longer at the mirror: make lock")

// fetch sees to it that dir holds a package with the locked content. What was
// fetched once needs no network again.
func fetch(ctx context.Context, m mirror, p lock.Package, dir string) error {
	name := filepath.Join(dir, p.File())
	switch err := check(name, p); {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		// Cut short or altered on this disk; what comes now is checked again.
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	base := m.main
	if p.Security() {
		base = m.security
	}
	part := fmt.Sprintf("%s.%d", name, os.Getpid()) // another build may fetch it too
	defer os.Remove(part)
	if err := download(ctx, base+"/"+p.Path, part, stall); err != nil {
		return fmt.Errorf("fetching %s %s: %w", p.Name, p.Version, err)
	}
	if err := check(part, p); err != nil {
		return fmt.Errorf("fetching %s %s: %w", p.Name, p.Version, err)
	}
	return os.Rename(part, name)
}

// stall is how long a mirror may say nothing at all.
const stall = time.Minute

// download fetches a file. However slow it comes is well; silence for as long as
// stall is an error.
func download(ctx context.Context, url, to string, stall time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(stall, func() { cancel(fmt.Errorf("the mirror said nothing for %s", stall)) })
	defer silence.Stop()
	err := copyFrom(ctx, url, to, func() { silence.Reset(stall) })
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%s: %w", url, context.Cause(ctx))
	}
	return err
}

// copyFrom writes what is at an address into a file, and calls heard whenever
// something comes.
func copyFrom(ctx context.Context, url, to string, heard func()) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	heard()
	if answer.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%s: %w", url, errMissing)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, telling{answer.Body, heard}); err != nil {
		return err
	}
	return f.Close()
}

// telling calls heard whenever something was read.
type telling struct {
	io.Reader
	heard func()
}

func (t telling) Read(b []byte) (int, error) {
	n, err := t.Reader.Read(b)
	if n > 0 {
		t.heard()
	}
	return n, err
}

// check says whether a file has the size and the content that are locked.
func check(name string, p lock.Package) error {
	size, sum, err := digest(name)
	if err != nil {
		return err
	}
	if size != p.Size || hex.EncodeToString(sum[:]) != p.SHA256 {
		return fmt.Errorf("%s is %d bytes with sha256 %x; locked are %d with %s", filepath.Base(name), size, sum, p.Size, p.SHA256)
	}
	return nil
}

// digest returns size and SHA-256 of a file.
func digest(name string) (size int64, sum [32]byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, sum, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return 0, sum, err
	}
	h.Sum(sum[:0])
	return size, sum, nil
}

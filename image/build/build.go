// Package build makes the firmware: from the locked packages of Debian and this
// source to a disk image, an update file and a list of what is in them. The same
// inputs give the same bytes.
//
// It runs on a developer's machine or in CI, as root, and never on a box.
package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"monban/gateway/run"
	"monban/image/lock"
)

// A Builder is what all steps share.
type Builder struct {
	Cache  string                           // required; toolbox and packages stay there
	Mirror string                           // root of Debian's archive; empty: this machine's own
	Say    func(format string, args ...any) // required; told of each step
}

// CacheEnv names the environment's variable for the cache.
const CacheEnv = "MONBAN_IMAGE_CACHE"

// DefaultCache is the environment's cache, else one in the user's folder of
// caches.
func DefaultCache() (string, error) {
	if dir := os.Getenv(CacheEnv); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "monban-image"), err
}

// start makes a work folder, to be removed by done, and the toolbox around it.
func (b Builder) start(ctx context.Context, epoch time.Time) (t *toolbox, workDir string, done func(), err error) {
	if os.Geteuid() != 0 {
		return nil, "", nil, fmt.Errorf("images are built as root: files in them belong to it, and programs run in a folder of their own (chroot)")
	}
	cacheDebs := filepath.Join(b.Cache, "debs")
	if err := os.MkdirAll(cacheDebs, 0o755); err != nil {
		return nil, "", nil, err
	}
	m, err := findMirror(b.Mirror)
	if err != nil {
		return nil, "", nil, err
	}
	dir, err := makeToolbox(ctx, b.Cache, m)
	if err != nil {
		return nil, "", nil, err
	}
	b.sweep()
	if workDir, err = os.MkdirTemp(b.Cache, "work-"); err != nil {
		return nil, "", nil, err
	}
	done = func() { _ = os.RemoveAll(workDir) }
	if t, err = enter(dir, workDir, cacheDebs, epoch); err != nil {
		done()
		return nil, "", nil, err
	}
	return t, workDir, done, nil
}

// sweep removes what builds left that were killed, a day later.
func (b Builder) sweep() {
	for _, pattern := range []string{"work-*", "toolbox-*"} {
		left, _ := filepath.Glob(filepath.Join(b.Cache, pattern))
		for _, name := range left {
			if st, err := os.Stat(name); err == nil && time.Since(st.ModTime()) > 24*time.Hour {
				_ = os.RemoveAll(name)
			}
		}
	}
}

// Renew makes a new lock for an architecture from what the mirror has now.
func (b Builder) Renew(ctx context.Context, arch string) (l lock.Lock, err error) {
	err = apart(ctx, func(ctx context.Context) error {
		l, err = b.renew(ctx, arch, time.Now())
		return err
	})
	return l, err
}

// apart runs f on a thread that nobody uses afterwards; see enter.
func apart(ctx context.Context, f func(context.Context) error) error {
	g, _ := run.NewGroup(ctx)
	g.Go("build", f)
	return g.Wait()
}

func (b Builder) renew(ctx context.Context, arch string, now time.Time) (lock.Lock, error) {
	m, err := findMirror(b.Mirror)
	if err != nil {
		return lock.Lock{}, err
	}
	t, dir, done, err := b.start(ctx, now)
	if err != nil {
		return lock.Lock{}, err
	}
	defer done()
	b.Say("%s: reading the mirror's indexes", arch)
	return renew(ctx, t, dir, m, arch, now)
}

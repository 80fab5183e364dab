package build

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"monban/image/compile"
	"monban/image/lock"
)

// programs are ours, by package and place in the root. The initrd's is not in
// the root.
var programs = map[string]string{
	"./cmd/monban": "usr/bin/monban",
	"./image/data": "usr/lib/monban/monban-data",
	"./image/init": "",
}

// compile compiles our programs into dir and returns where each is.
func (i Image) compile(ctx context.Context, dir string) (map[string]string, error) {
	built := map[string]string{}
	for pkg := range programs {
		built[pkg] = filepath.Join(dir, "programs", filepath.Base(pkg))
		if err := compile.Program(ctx, i.Source, pkg, i.Version, i.Arch, built[pkg]); err != nil {
			return nil, err
		}
	}
	return built, nil
}

// SourceDate is the date of an image built from the source in a folder:
// SOURCE_DATE_EPOCH (reproducible-builds.org), else that of the last change to
// the source or to the lock, whichever is later.
func SourceDate(ctx context.Context, source, arch string) (time.Time, error) {
	if s := os.Getenv("SOURCE_DATE_EPOCH"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0).UTC(), err
	}
	l, err := lock.For(arch)
	if err != nil {
		return time.Time{}, err
	}
	at := l.Made
	c := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct")
	c.Dir = source
	// A source that came as an archive has no history.
	if out, err := c.Output(); err == nil {
		n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
		if changed := time.Unix(n, 0).UTC(); err == nil && changed.After(at) {
			at = changed
		}
	}
	return at, nil
}

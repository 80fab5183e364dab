package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A toolbox is a folder with a Debian that has every program the builder uses,
// so that the machine's own does not matter. Programs see the work folder as
// work and the packages as debs.
type toolbox struct {
	dir string
	env []string
}

const (
	work = "/mnt"
	debs = "/media"
)

// enter makes a toolbox ready for programs that this goroutine starts, until
// its end: it keeps its thread, which has mounts of its own that no other
// process sees and that end with it.
func enter(dir, workDir, debsDir string, epoch time.Time) (*toolbox, error) {
	runtime.LockOSThread() // for good: the thread cannot be used for anything else
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, fmt.Errorf("making mounts of our own (root is needed): %w", err)
	}
	unix.Umask(0o022) // also this thread's own now; rights show in the image
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("making mounts of our own: %w", err)
	}
	for _, m := range []struct{ from, to string }{
		{"/proc", "/proc"}, {"/dev", "/dev"}, {workDir, work}, {debsDir, debs},
	} {
		if err := unix.Mount(m.from, filepath.Join(dir, m.to), "", unix.MS_BIND, ""); err != nil {
			return nil, fmt.Errorf("mounting %s in the toolbox: %w", m.from, err)
		}
	}
	return &toolbox{dir, []string{
		"PATH=/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/tmp", "MTOOLS_SKIP_CHECK=1",
		fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch.Unix()),
	}}, nil
}

// run runs a program in the work folder. What it prints is part of the error
// when it fails, and otherwise forgotten.
func (t *toolbox) run(ctx context.Context, name string, args ...string) error {
	return t.pipe(ctx, nil, io.Discard, name, args...)
}

// output runs a program and returns what it prints.
func (t *toolbox) output(ctx context.Context, name string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	err := t.pipe(ctx, nil, &out, name, args...)
	return out.Bytes(), err
}

// pipe runs a program with the given input and output.
func (t *toolbox) pipe(ctx context.Context, in io.Reader, out io.Writer, name string, args ...string) error {
	path, err := t.find(name)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	c := exec.CommandContext(ctx, path, args...)
	c.Stdin, c.Stdout, c.Stderr = in, out, &said
	c.Env, c.Dir = t.env, work
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: t.dir, Pdeathsig: syscall.SIGKILL}
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, tail(said.String(), 20))
	}
	return nil
}

// find returns where a program is in the toolbox.
func (t *toolbox) find(name string) (string, error) {
	for _, dir := range []string{"/usr/bin", "/usr/sbin"} {
		if _, err := os.Lstat(filepath.Join(t.dir, dir, name)); err == nil {
			return filepath.Join(dir, name), nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("the toolbox in %s has no %s; remove the folder, and it is made again", t.dir, name)
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

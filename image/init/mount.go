package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// newRoot is where the root file system is mounted until it is the root.
const newRoot = "/sysroot"

// What the kernel's file systems are mounted with; systemd leaves them as they
// are (src/shared/mount-setup.c has the same).
var kernelMounts = []struct {
	kind, at, data string
	flags          uintptr
}{
	{"proc", "/proc", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
	{"sysfs", "/sys", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
	{"devtmpfs", "/dev", "mode=0755", unix.MS_NOSUID | unix.MS_STRICTATIME},
	{"tmpfs", "/run", "mode=0755,size=20%", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_STRICTATIME},
}

func mountKernel() error {
	for _, m := range kernelMounts {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return fmt.Errorf("mounting %s: %w", m.at, err)
		}
		// The kernel may have mounted /dev by itself.
		if err := unix.Mount(m.kind, m.at, m.kind, m.flags, m.data); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mounting %s: %w", m.at, err)
		}
	}
	return nil
}

// mountRoot mounts the checked device, whichever of the two file systems is in
// it. Nothing in it may be a device.
func mountRoot(device string) error {
	if err := os.MkdirAll(newRoot, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, kind := range []string{"squashfs", "erofs"} {
		err := unix.Mount(device, newRoot, kind, unix.MS_RDONLY|unix.MS_NODEV, "")
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("as %s: %w", kind, err))
	}
	return errors.Join(errs...)
}

// switchRoot makes the new root the root and becomes systemd. It returns only
// when that failed.
func switchRoot() error {
	for _, m := range kernelMounts {
		if err := unix.Mount(m.at, newRoot+m.at, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("moving %s to the new root: %w", m.at, err)
		}
	}
	_ = os.Remove("/init") // only memory, which is then free
	if err := unix.Chdir(newRoot); err != nil {
		return fmt.Errorf("entering the new root: %w", err)
	}
	// pivot_root(2) does not work on the initial root file system.
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving the new root to /: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("entering the new root: %w", err)
	}
	const systemd = "/lib/systemd/systemd"
	return fmt.Errorf("starting %s: %w", systemd, unix.Exec(systemd, []string{systemd}, []string{"TERM=linux"}))
}

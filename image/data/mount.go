package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What lies on the partition data and where it is seen: the rest of /var is
// memory.
var binds = []struct{ dir, at string }{
	{"monban", "var/lib/monban"},
	{"journal", "var/log/journal"},
	// The clock file of timesyncd, the random seed, time stamps of timers.
	{"systemd", "var/lib/systemd"},
}

// seenByAll says whether what is mounted here is there for the whole system: a
// unit with a view of the files of its own gets mounts from the system and gives
// it none (master:, proc_pid_mountinfo(5)).
func seenByAll(mountinfo string) error {
	b, err := os.ReadFile(mountinfo)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 6 && f[4] == "/run" && strings.Contains(line, " master:") {
			return errors.New("nobody else would see what is mounted here: the unit has a view of the files of its own")
		}
	}
	return nil
}

// mountMemory puts memory where the partition data should be.
func mountMemory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("monban-volatile", dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0700,size=25%,nr_inodes=64k"); err != nil {
		return fmt.Errorf("mounting memory at %s: %w", dir, err)
	}
	return nil
}

// makeTree makes the directories of a new partition; of an old one it makes
// what a newer version needs.
func makeTree(dir string) error {
	for _, d := range []struct {
		name string
		mode os.FileMode
	}{
		{"monban", 0o700}, {"monban/names", 0o700}, {"monban/fetched", 0o700},
		{"journal", 0o755}, // systemd-tmpfiles gives it its group
		{"systemd", 0o755},
	} {
		path := filepath.Join(dir, d.name)
		if err := os.Mkdir(path, d.mode); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		} else if err == nil && d.name[0] == 'm' {
			if err := giveToGuard(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveToGuard makes the service the owner. On a machine without its user it is
// root's, and systemd gives it away later (StateDirectory=).
func giveToGuard(path string) error {
	u, err := user.Lookup("monban")
	if err != nil {
		return nil
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return os.Chown(path, uid, gid)
}

// show binds what is below dir to where it belongs below root.
func show(dir, root string) error {
	for _, b := range binds {
		at := filepath.Join(root, b.at)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(filepath.Join(dir, b.dir), at, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("showing %s at %s: %w", b.dir, at, err)
		}
	}
	return nil
}

// hide undoes show and whatever mounted dir, as far as it was done.
func hide(dir, root string) {
	for _, b := range binds {
		_ = unix.Unmount(filepath.Join(root, b.at), unix.UMOUNT_NOFOLLOW)
	}
	_ = unix.Unmount(dir, unix.UMOUNT_NOFOLLOW)
}

package provision

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"monban/image"
)

// A Machine is where block devices are looked for.
type Machine struct {
	Sys, Dev string // required; /sys and /dev
	Root     string // required; the directory whose device tells the disk that was started from: /
}

// Boot returns the device file of the first partition of the disk the box was
// started from, or "". Another disk may have a partition of the same name.
func (m Machine) Boot() string {
	var st unix.Stat_t
	if unix.Stat(m.Root, &st) != nil {
		return ""
	}
	at, err := filepath.EvalSymlinks(filepath.Join(m.Sys, "dev/block", fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))))
	if err != nil {
		return ""
	}
	// The root is on dm-verity, which lies on a partition.
	for range 4 {
		below, _ := filepath.Glob(filepath.Join(at, "slaves/*"))
		if len(below) == 0 {
			break
		}
		if at, err = filepath.EvalSymlinks(below[0]); err != nil {
			return ""
		}
	}
	parts, _ := filepath.Glob(filepath.Join(filepath.Dir(at), "*/partition"))
	for _, p := range parts {
		if property(filepath.Dir(p), "PARTNAME") == image.ESP {
			return filepath.Join(m.Dev, filepath.Base(filepath.Dir(p)))
		}
	}
	return ""
}

// Sticks returns the device files of FAT file systems on USB that bear the
// product's label, with a partition table around them or not.
func (m Machine) Sticks() []string {
	var found []string
	devices, _ := filepath.Glob(filepath.Join(m.Sys, "class/block/*"))
	for _, d := range devices {
		at, err := filepath.EvalSymlinks(d)
		if err != nil || !strings.Contains(at, "/usb") {
			continue
		}
		dev := filepath.Join(m.Dev, filepath.Base(d))
		if label, err := labelOf(dev); err == nil && strings.EqualFold(label, image.Label) {
			found = append(found, dev)
		}
	}
	return found
}

func labelOf(dev string) (string, error) {
	f, err := os.Open(dev)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return Label(f)
}

// property reads one line of a device's uevent file.
func property(dir, key string) string {
	f, err := os.Open(filepath.Join(dir, "uevent"))
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), key+"="); ok {
			return v
		}
	}
	return ""
}

// mounted mounts a FAT file system below a directory for as long as look takes:
// to be read, with nothing on it that could act.
func mounted(dev, below string, look func(*os.Root) error) (err error) {
	at, err := os.MkdirTemp(below, "mnt-")
	if err != nil {
		return fmt.Errorf("mounting %s: %w", dev, err)
	}
	defer os.Remove(at)
	if err := unix.Mount(dev, at, "vfat", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", dev, err)
	}
	defer func() {
		// Detached if somebody looks: it goes when he does.
		if e := unix.Unmount(at, unix.MNT_DETACH); e != nil && err == nil {
			err = fmt.Errorf("unmounting %s: %w", dev, e)
		}
	}()
	r, err := os.OpenRoot(at)
	if err != nil {
		return err
	}
	defer r.Close()
	return look(r)
}

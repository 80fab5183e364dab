package provision

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"monban/image"
	"monban/image/place"
)

// A Machine is where block devices are looked for.
type Machine struct {
	Sys, Dev string // required; /sys and /dev
}

// Boot returns the device file of the first partition of the disk that the
// initrd started from, as it says below run, or "" on a machine it did not
// start. Another disk may have a partition of the same name.
func (m Machine) Boot(run string) (string, error) {
	slot, err := place.Read(run)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return place.Find(m.Sys, m.Dev, slot.Disk, image.ESP)
}

// Sticks returns the device files of FAT file systems on USB that bear the
// product's label, with a partition table around them or not. What is on the
// disk that the initrd started from, as it says below run, is no stick, though
// that disk may be on USB.
func (m Machine) Sticks(run string) []string {
	var found []string
	own := ""
	if slot, err := place.Read(run); err == nil {
		own = filepath.Base(slot.Disk)
	}
	devices, _ := filepath.Glob(filepath.Join(m.Sys, "class/block/*"))
	for _, d := range devices {
		at, err := filepath.EvalSymlinks(d)
		if err != nil || !strings.Contains(at, "/usb") {
			continue
		}
		if own != "" && (filepath.Base(at) == own || filepath.Base(filepath.Dir(at)) == own) { // the disk, or on it
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

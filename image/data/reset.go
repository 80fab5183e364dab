package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"monban/image"
)

// errReset ends a boot whose disk was reset: the box restarts, and is another
// one then.
var errReset = errors.New("the box was reset and has to restart")

// reset destroys what opens the partition data, then what says how it is locked,
// and tells the disk that nothing in it is needed. After the first write nothing
// can be read any more; whenever it is interrupted, the next boot goes on.
func (d disk) reset() error {
	if err := writeRecord(d.key, record{stage: resetting}); err != nil {
		return err
	}
	if err := wipe(d.data, headMiB<<20); err != nil {
		return err
	}
	if err := wipe(d.key, -1, writeAt{keyAt, record{stage: resetting}.encode()}); err != nil {
		return err
	}
	return writeRecord(d.key, record{stage: wiped})
}

// writeAt is a part that a wipe leaves on the disk.
type writeAt struct {
	at    int
	bytes []byte
}

// wipe has the disk forget the device, and writes zeros over its first length
// bytes (-1: all), except what is kept.
func wipe(device string, length int64, keep ...writeAt) error {
	size, err := deviceSize(device)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(device, os.O_WRONLY|unix.O_SYNC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	zeros := make([]byte, 1<<20)
	first := bytes.Clone(zeros)
	for _, k := range keep {
		copy(first[k.at:], k.bytes)
	}
	if length < 0 || length > size {
		length = size
	}
	for at := int64(0); at < length; at += int64(len(zeros)) {
		b := zeros
		if at == 0 {
			b = first
		}
		if _, err := f.WriteAt(b[:min(int64(len(b)), length-at)], at); err != nil {
			return fmt.Errorf("overwriting %s: %w", device, err)
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("overwriting %s: %w", device, err)
	}
	if len(keep) > 0 {
		return nil
	}
	// Beyond what was overwritten; a disk that cannot forget keeps what nobody
	// can decrypt.
	span := [2]uint64{uint64(length), uint64(size - length)}
	if span[1] > 0 {
		_ = ioctl(f, unix.BLKDISCARD, unsafe.Pointer(&span))
	}
	return nil
}

// asked says whether a mounted partition or stick asks for a reset, and whether
// of this box.
func (b *box) asked(dir string) (ours, other bool) {
	for _, name := range []string{image.ResetFile, image.ResetFile + ".txt"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(f, 256))
		f.Close()
		if err != nil {
			continue
		}
		if names(string(text), b.id()) {
			return true, false
		}
		other = true
	}
	return false, other
}

// names says whether a file's text names the box: an editor's mark at the start,
// spaces, small letters and missing hyphens do not matter.
func names(text, id string) bool {
	plain := func(s string) string {
		return strings.ToUpper(strings.NewReplacer("-", "", " ", "", "\r", "", "\n", "", "\ufeff", "").Replace(s))
	}
	return id != "" && plain(text) == plain(id)
}

// askedOnDisk looks at the first partition of the box's own disk, before anybody
// else has it mounted.
func (b *box) askedOnDisk(d disk) bool {
	if d.esp == "" {
		return false
	}
	ours, other, err := b.askedOn(d.esp)
	if err != nil {
		b.log("the partition %s is not looked at: %v", image.ESP, err)
	}
	if other {
		b.log("%s on the partition %s names another box, or this one as it was before a reset", image.ResetFile, image.ESP)
	}
	return ours
}

// askedOn mounts a FAT partition for a moment.
func (b *box) askedOn(device string) (ours, other bool, err error) {
	// A place of its own: the box's own disk and a stick may be looked at together.
	at, err := os.MkdirTemp(b.run, "monban-reset-")
	if err != nil {
		return false, false, err
	}
	defer os.Remove(at)
	if err := unix.Mount(device, at, b.fat, unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, ""); err != nil {
		return false, false, fmt.Errorf("mounting %s: %w", device, err)
	}
	defer unix.Unmount(at, unix.MNT_DETACH)
	ours, other = b.asked(at)
	return ours, other, nil
}

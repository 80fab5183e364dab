package disk

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"monban/gateway/bootslot"
	"monban/image/place"
)

// Linux is the machine this runs on.
type Linux struct {
	slot     string // in use
	disk     string // it is on: /dev/sda
	sys, dev string
}

// Here finds out from what the initrd left where this system runs.
func Here() (*Linux, error) {
	running, err := place.Read("/run")
	if err != nil {
		return nil, err
	}
	return here(running, "/sys", "/dev")
}

func here(running place.Slot, sys, dev string) (*Linux, error) {
	slot, ok := strings.CutPrefix(running.Partition, "root-")
	if !ok || slot != "a" && slot != "b" {
		return nil, fmt.Errorf("reading which slot is in use: %.80q is none", running.Partition)
	}
	return &Linux{slot: slot, disk: running.Disk, sys: sys, dev: dev}, nil
}

// Running is the slot in use.
func (l *Linux) Running() string { return l.slot }

// device is that of the partition with this name on the disk this runs from.
func (l *Linux) device(partition string) (string, error) {
	return place.Find(l.sys, l.dev, l.disk, partition)
}

// Raw opens a partition, which the kernel refuses while a file system or a
// check of one is on it (open(2), O_EXCL on a block device).
func (l *Linux) Raw(partition string) (File, error) {
	device, err := l.device(partition)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(device, os.O_RDWR|unix.O_EXCL, 0)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

// Mount opens the FAT file system of a partition. It is mounted nowhere: only
// who holds it can reach it, and it goes with its last file.
func (l *Linux) Mount(partition string, write bool) (Files, error) {
	device, err := l.device(partition)
	if err != nil {
		return nil, err
	}
	var d *dir
	// Somebody who reads it at this moment is soon done.
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		d, err = mount(device, write)
		if !errors.Is(err, unix.EBUSY) || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("mounting %s: %w", device, err)
	}
	return d, nil
}

// mount makes a mount that has no place in the tree (fsopen(2), fsmount(2)).
// A name is written before the old one goes (dirsync); a name whose content is
// gone, of a rename that was cut, does not stop the rest (errors=continue).
func mount(device string, write bool) (*dir, error) {
	fs, err := unix.Fsopen("vfat", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fs)
	access := "ro"
	if write {
		access = "rw"
	}
	err = errors.Join(
		unix.FsconfigSetString(fs, "source", device),
		unix.FsconfigSetString(fs, "errors", "continue"),
		unix.FsconfigSetString(fs, "umask", "0077"),
		unix.FsconfigSetFlag(fs, "dirsync"),
		unix.FsconfigSetFlag(fs, access),
	)
	if err != nil {
		return nil, err
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, err
	}
	at, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(at)
	return openDir(fmt.Sprintf("/proc/self/fd/%d", at))
}

// tryBootDone is how the module says that the firmware has taken it: it does its
// work while it is loaded and never stays.
const tryBootDone = unix.ECANCELED

// TryOther loads the module that sets the firmware's flag.
func (l *Linux) TryOther() error {
	module, err := os.ReadFile(bootslot.TryBoot)
	if err != nil {
		return fmt.Errorf("reading the module for the firmware: %w", err)
	}
	if err := unix.InitModule(module, ""); !errors.Is(err, tryBootDone) {
		return fmt.Errorf("telling the firmware to try the other slot: %w", errors.Join(err, errors.New("not confirmed")))
	}
	return nil
}

// restart is the signal that has systemd restart the machine: SIGRTMIN+5
// (systemd(1), SIGNALS), where SIGRTMIN is that of the C library, 34.
const restart = unix.Signal(34 + 5)

// Reboot has systemd stop everything in order and restart.
func (l *Linux) Reboot() error {
	unix.Sync()
	if err := unix.Kill(1, restart); err != nil {
		return fmt.Errorf("asking for a restart: %w", err)
	}
	return nil
}

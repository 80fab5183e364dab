package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"monban/image"
	"monban/image/place"
)

// A disk is the one the running root is on, with the partitions that are
// monban-data's.
type disk struct{ device, esp, key, data string }

// findDisk finds the partitions of the disk that the initrd started from. Others
// may carry the same names: a stick with an image.
func findDisk(sys, dev, run string) (disk, error) {
	slot, err := place.Read(run)
	if err != nil {
		return disk{}, err
	}
	d := disk{device: filepath.Join(dev, filepath.Base(slot.Disk))}
	var errs [2]error
	d.key, errs[0] = place.Find(sys, dev, slot.Disk, image.Key)
	d.data, errs[1] = place.Find(sys, dev, slot.Disk, image.Data)
	if err := errors.Join(errs[:]...); err != nil {
		return disk{}, err
	}
	// Without it nothing asks for a reset.
	d.esp, _ = place.Find(sys, dev, slot.Disk, image.ESP)
	return d, nil
}

// growData makes the partition data reach the end of the disk.
func (d disk) growData() error {
	size, err := deviceSize(d.device)
	if err != nil {
		return err
	}
	// Around the page cache, so that one write is one command to the disk.
	f, err := os.OpenFile(d.device, os.O_RDWR|unix.O_DIRECT|unix.O_SYNC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if n, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKSSZGET); err != nil || n != sector {
		return fmt.Errorf("%s has sectors of %d bytes: %w", d.device, n, errors.ErrUnsupported)
	}
	page, err := unix.Mmap(-1, 0, 64<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(page)
	head := page[:headSectors*sector]
	if _, err := f.ReadAt(head, 0); err != nil {
		return fmt.Errorf("reading the partition table: %w", err)
	}
	writes, data, err := grow(head, uint64(size)/sector, image.Data)
	if err != nil {
		return err
	}
	for _, w := range writes {
		if _, err := f.WriteAt(page[:copy(page, w.bytes)], w.at); err != nil {
			return fmt.Errorf("writing the partition table: %w", err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("writing the partition table: %w", err)
		}
	}
	return blkpg(f, blkpgResize, data)
}

// Requests of BLKPG (linux/blkpg.h).
const (
	blkpgAdd    = 1
	blkpgResize = 3
)

// blkpg tells the kernel about a partition. It would not read the whole table
// again while the root is in use.
func blkpg(f *os.File, request int32, p extent) error {
	part := struct {
		start, length int64
		number        int32
		names         [128]byte
	}{start: int64(p.first) * sector, length: int64(p.count) * sector, number: int32(p.number)}
	arg := struct {
		op, flags, size int32
		data            unsafe.Pointer
	}{op: request, size: int32(unsafe.Sizeof(part)), data: unsafe.Pointer(&part)}
	if err := ioctl(f, unix.BLKPG, unsafe.Pointer(&arg)); err != nil {
		return fmt.Errorf("telling the kernel about partition %d: %w", p.number, err)
	}
	return nil
}

// deviceSize is the length of a block device in bytes.
func deviceSize(device string) (int64, error) {
	f, err := os.Open(device)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("reading the length of %s: %w", device, err)
	}
	return n, nil
}

// syncDevice returns when what was written to the device is on the disk.
func syncDevice(device string) error {
	f, err := os.OpenFile(device, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// blank says whether the device begins with zeros, as the image's empty data
// partition does, for as long as the heads of all known formats are.
func blank(device string) (bool, error) {
	f, err := os.Open(device)
	if err != nil {
		return false, err
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	for range headMiB {
		n, err := io.ReadFull(f, b)
		for _, c := range b[:n] {
			if c != 0 {
				return false, nil
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("reading %s: %w", device, err)
		}
	}
	return true, nil
}

// tpmThere says whether this machine has a TPM 2.0: the firmware names it before
// its driver is loaded.
func tpmThere(sys string) bool {
	if _, err := os.Stat(filepath.Join(sys, "firmware/acpi/tables/TPM2")); err == nil {
		return true
	}
	b, err := os.ReadFile(filepath.Join(sys, "class/tpm/tpm0/tpm_version_major"))
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return err == nil && n == 2
}

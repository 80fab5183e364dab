package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"monban/image/place"
)

// A machine-id (machine-id(5)) is kept in the first sector of the partition
// key: 16 bytes of magic, the 16 bytes of the id, the sha256 of both, zeros. A
// reset destroys the partition, and the box is another one afterwards.
const machineIDMagic = "monban machine\x00\x01"

const sector = 512

const keyName = "key" // the partition's, in the GPT

// giveMachineID lays the disk's machine-id over the empty one in the new root.
func giveMachineID(disk string) error {
	device, err := keyPartition(disk)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	id, err := machineID(f)
	if err != nil {
		return fmt.Errorf("%s: %w", device, err)
	}
	const file, over = "/run/monban-init/machine-id", newRoot + "/etc/machine-id"
	if err := os.WriteFile(file, fmt.Appendf(nil, "%x\n", id), 0o444); err != nil {
		return err
	}
	if err := unix.Mount(file, over, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("laying %s over %s: %w", file, over, err)
	}
	return unix.Mount("", over, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}

// keyPartition finds the partition key of the disk in use. It comes after the
// slots, so it may appear a moment later.
func keyPartition(disk string) (device string, err error) {
	for range 20 {
		device, err = place.Find("/sys", "/dev", disk, keyName)
		if !errors.Is(err, place.ErrNone) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return device, err
}

// machineID reads the id from the first sector of f, and makes one where there
// is none.
func machineID(f *os.File) ([]byte, error) {
	b := make([]byte, sector)
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("reading the machine-id: %w", err)
	}
	if id, ok := parseMachineID(b); ok {
		return id, nil
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)      // never fails (crypto/rand)
	id[6] = id[6]&0x0f | 0x40 // machine-id(5) wants a random UUID's form
	id[8] = id[8]&0x3f | 0x80 // (RFC 9562, section 5.4)
	if _, err := f.WriteAt(machineIDRecord(id), 0); err != nil {
		return nil, fmt.Errorf("writing the machine-id: %w", err)
	}
	if err := f.Sync(); err != nil {
		return nil, fmt.Errorf("writing the machine-id: %w", err)
	}
	return id, nil
}

func machineIDRecord(id []byte) []byte {
	b := append([]byte(machineIDMagic), id...)
	sum := sha256.Sum256(b)
	b = append(b, sum[:]...)
	return append(b, make([]byte, sector-len(b))...)
}

// parseMachineID reads a record. Anything but a whole and sound one is none.
func parseMachineID(b []byte) (id []byte, ok bool) {
	if len(b) != sector || !bytes.HasPrefix(b, []byte(machineIDMagic)) {
		return nil, false
	}
	id = bytes.Clone(b[16:32])
	return id, bytes.Equal(b, machineIDRecord(id))
}

// Package place is where a box runs from: which partition of which disk, as the
// initrd leaves word, and the other partitions of that disk.
//
// It reads what the kernel says of its block devices and opens none of them.
package place

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Dir is the directory below /run that is the initrd's. It is root's: a service
// that owns its own directory in /run cannot change it.
const Dir = "monban-init"

const file = "slot"

// A Slot is where the running system came from. The initrd leaves it as one JSON
// object in /run/monban-init/slot; who was not started by it has no such file.
type Slot struct {
	Partition string `json:"partition"` // name in the GPT: root-a
	Device    string `json:"device"`    // /dev/sda2
	Disk      string `json:"disk"`      // /dev/sda
	Root      string `json:"root"`      // root hash, in hexadecimal
}

// Read reads what the initrd left below run, which is /run. The error is
// fs.ErrNotExist where it left nothing.
func Read(run string) (Slot, error) {
	b, err := os.ReadFile(filepath.Join(run, Dir, file))
	if err != nil {
		return Slot{}, fmt.Errorf("reading which slot is in use: %w", err)
	}
	return parse(b)
}

func parse(b []byte) (s Slot, err error) {
	if err := json.Unmarshal(b, &s); err != nil {
		return Slot{}, fmt.Errorf("reading which slot is in use: %w", err)
	}
	if s.Partition == "" || s.Disk == "" {
		return Slot{}, fmt.Errorf("reading which slot is in use: %.80q says nothing", b)
	}
	return s, nil
}

// Write leaves s below run.
func (s Slot) Write(run string) error {
	err := os.MkdirAll(filepath.Join(run, Dir), 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(run, Dir, file), []byte(s.text()), 0o444)
	}
	if err != nil {
		return fmt.Errorf("saying which slot is in use: %w", err)
	}
	return nil
}

// text is what encoding/json makes of s, which would make the initrd a tenth
// larger.
func (s Slot) text() string {
	return fmt.Sprintf("{\"partition\":%s,\"device\":%s,\"disk\":%s,\"root\":%s}\n", quote(s.Partition), quote(s.Device), quote(s.Disk), quote(s.Root))
}

// quote writes a string of JSON (RFC 8259, section 7).
func quote(s string) string {
	b := []byte{'"'}
	for _, r := range s {
		if r < ' ' || r == '"' || r == '\\' {
			b = fmt.Appendf(b, "\\u%04x", r)
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(append(b, '"'))
}

// A Partition is one of a disk's GPT, as the kernel names it.
type Partition struct {
	Name   string // in the GPT: root-a
	Device string // device file: /dev/sda2
	Disk   string // it is on, without a directory: sda
	USB    bool   // that disk is on USB
}

// Partitions lists the partitions with a name that the kernel knows by now, of
// all disks, in the order of their devices' names. What cannot be read is not
// there yet. The directories are /sys and /dev.
func Partitions(sys, dev string) (all []Partition) {
	entries, err := os.ReadDir(filepath.Join(sys, "class/block"))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		// …/usb2/2-1/…/block/sda/sda2; only a partition has a number.
		at, err := filepath.EvalSymlinks(filepath.Join(sys, "class/block", e.Name()))
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(at, "partition")); err != nil {
			continue
		}
		event, err := os.ReadFile(filepath.Join(at, "uevent"))
		if err != nil {
			continue
		}
		if name, device := parseEvent(string(event)); name != "" && device != "" {
			all = append(all, Partition{name, filepath.Join(dev, device), filepath.Base(filepath.Dir(at)), strings.Contains(at, "/usb")})
		}
	}
	return all
}

// parseEvent reads the lines KEY=value of a uevent file: the name in the GPT
// and the name of the device. A name out of a table may hold anything.
func parseEvent(event string) (name, device string) {
	for line := range strings.Lines(event) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "PARTNAME":
			name = value
		case "DEVNAME":
			device = value
		}
	}
	return name, device
}

// ErrNone is that a disk has no partition of the name.
var ErrNone = errors.New("no such partition")

// Find returns the device file of the partition with this name in the GPT of a
// disk, which is that of a Slot or a Partition. Other disks may have one of the
// name, too: a stick with the same image. Two on the one disk are an error: a
// guess could destroy what somebody keeps.
func Find(sys, dev, disk, name string) (device string, err error) {
	disk = filepath.Base(disk)
	for _, p := range Partitions(sys, dev) {
		if p.Disk != disk || p.Name != name {
			continue
		}
		if device != "" {
			return "", fmt.Errorf("the disk %s has two partitions %s: %s and %s", disk, name, device, p.Device)
		}
		device = p.Device
	}
	if device == "" {
		return "", fmt.Errorf("looking for %s on the disk %s: %w", name, disk, ErrNone)
	}
	return device, nil
}

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A partition is one of a disk's GPT, as the kernel names it.
type partition struct {
	name   string // in the GPT: root-a
	device string // /dev/sda2
	disk   string // sda
}

// findSlot waits until a partition root-* is there that holds what is wanted,
// and tells what was seen if none appears in time.
func findSlot(sys, dev string, w wanted, within time.Duration) (partition, error) {
	seen := map[string]string{}
	for end := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		for _, p := range partitions(sys, dev) {
			if !strings.HasPrefix(p.name, "root-") {
				continue
			}
			err := w.matches(p.device)
			if err == nil {
				return p, nil
			}
			seen[p.device] = p.name + " on " + p.device + ": " + err.Error()
		}
		if time.Now().After(end) {
			return partition{}, notFound(seen)
		}
	}
}

func notFound(seen map[string]string) error {
	if len(seen) == 0 {
		return errors.New("no disk with a partition root-a or root-b appeared")
	}
	var all []string
	for _, s := range seen {
		all = append(all, s)
	}
	return fmt.Errorf("no partition holds the file system of this version (%s)", strings.Join(all, "; "))
}

// partitions lists the partitions that the kernel knows by now, in the order of
// their devices' names. What cannot be read is not there yet.
func partitions(sys, dev string) (all []partition) {
	entries, err := os.ReadDir(filepath.Join(sys, "class/block"))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		link := filepath.Join(sys, "class/block", e.Name())
		event, err := os.ReadFile(filepath.Join(link, "uevent"))
		if err != nil {
			continue
		}
		name, device := parseEvent(string(event))
		place, err := filepath.EvalSymlinks(link) // …/block/sda/sda2
		if name == "" || device == "" || err != nil {
			continue
		}
		all = append(all, partition{name, filepath.Join(dev, device), filepath.Base(filepath.Dir(place))})
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

// errOther is the content of a slot that belongs to another version.
var errOther = errors.New("holds something else")

// matches says whether the device holds the wanted file system: whether the one
// block at the top of its hash tree has the wanted root hash. All other blocks
// are the kernel's to check, when they are read.
func (w wanted) matches(device string) error {
	f, err := os.Open(device)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, blockSize)
	if _, err := f.ReadAt(block, w.offset); err != nil {
		return err
	}
	sum := sha256.Sum256(append(bytes.Clone(w.salt), block...))
	if !bytes.Equal(sum[:], w.root) {
		return errOther
	}
	return nil
}

// tell leaves word in dir of where this system came from, for who writes the
// other slot. The file slot holds one JSON object: the name in the GPT of the
// partition in use, its device, the disk it is on, and its root hash. It is
// root's: a service that owns its own directory in /run cannot change it.
func (p partition) tell(dir string, w wanted) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("saying which slot is in use: %w", err)
	}
	text := fmt.Sprintf("{\"partition\":%q,\"device\":%q,\"disk\":%q,\"root\":\"%x\"}\n", p.name, p.device, filepath.Join("/dev", p.disk), w.root)
	if err := os.WriteFile(filepath.Join(dir, "slot"), []byte(text), 0o444); err != nil {
		return fmt.Errorf("saying which slot is in use: %w", err)
	}
	return nil
}

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"monban/image/content"
	"monban/image/place"
)

// disks are where a slot is looked for.
type disks struct {
	sys, dev string
	wait     time.Duration // for the first disk that holds what is wanted
	settle   time.Duration // for others that hold it, too
	sleep    func(time.Duration)
}

// find waits until a partition root-* is there that holds what is wanted, and
// tells what was seen if none appears in time. Where several disks hold it, as
// with a stick of the same version, why says which was taken and for what
// reason; else it is empty.
func (d disks) find(want content.Content) (p place.Partition, why string, err error) {
	seen := map[string]string{}
	for end := time.Now().Add(d.wait); ; d.sleep(50 * time.Millisecond) {
		if len(d.holding(want, seen)) > 0 {
			// The disk that answers first is not the box's own for that.
			d.sleep(d.settle)
			if found := d.holding(want, seen); len(found) > 0 {
				p, why = d.choose(found)
				return p, why, nil
			}
		}
		if time.Now().After(end) {
			return place.Partition{}, "", notFound(seen)
		}
	}
}

// holding lists the partitions root-* that hold what is wanted, and notes what
// the others are.
func (d disks) holding(want content.Content, seen map[string]string) (found []place.Partition) {
	for _, p := range place.Partitions(d.sys, d.dev) {
		if !strings.HasPrefix(p.Name, "root-") {
			continue
		}
		if err := holds(p.Device, want); err != nil {
			seen[p.Device] = p.Name + " on " + p.Device + ": " + err.Error()
			continue
		}
		found = append(found, p)
	}
	return found
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

// errOther is the content of a slot that belongs to another version.
var errOther = errors.New("holds something else")

// holds returns nil if the device holds the wanted file system.
func holds(device string, want content.Content) error {
	f, err := os.Open(device)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := want.In(f)
	if err == nil && !in {
		err = errOther
	}
	return err
}

// choose takes one of the partitions that hold the same. The other partitions of
// its disk will be used, too, so it has to be the disk whose identity and records
// are this box's: one that was started from before; then one inside the box; then
// the first by name.
func (d disks) choose(found []place.Partition) (p place.Partition, why string) {
	used := map[string]bool{}
	for _, p := range found {
		used[p.Disk] = d.used(p.Disk)
	}
	slices.SortStableFunc(found, func(a, b place.Partition) int {
		return cmp.Or(cmpBool(used[b.Disk], used[a.Disk]), cmpBool(a.USB, b.USB))
	})
	p = found[0]
	for _, other := range found[1:] {
		if other.Disk == p.Disk {
			continue
		}
		reason := "is first by name"
		switch {
		case used[p.Disk] != used[other.Disk]:
			reason = "was started from before"
		case p.USB != other.USB:
			reason = "is not on USB"
		}
		return p, fmt.Sprintf("%s and %s hold this version; %s is taken, because its disk %s", p.Device, other.Device, p.Device, reason)
	}
	return p, ""
}

// cmpBool orders no before yes.
func cmpBool(a, b bool) int {
	order := map[bool]int{true: 1}
	return order[a] - order[b]
}

// used says whether a box was started from the disk before: whether a machine-id
// was written to its partition key.
func (d disks) used(disk string) bool {
	device, err := place.Find(d.sys, d.dev, disk, keyName)
	if err != nil {
		return false
	}
	f, err := os.Open(device)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, len(machineIDMagic))
	_, err = f.ReadAt(b, 0)
	return err == nil && bytes.Equal(b, []byte(machineIDMagic))
}

// slotOf is the word that is left of where this system came from, for who uses
// the other partitions of the disk.
func slotOf(p place.Partition, want content.Content) place.Slot {
	return place.Slot{Partition: p.Name, Device: p.Device, Disk: filepath.Join("/dev", p.Disk), Root: fmt.Sprintf("%x", want.Root)}
}

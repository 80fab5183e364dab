package disk

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	"monban/gateway/bootslot"
	"monban/gateway/text"
	"monban/image"
)

// Where a board's loader looks: systemd-boot at names (UAPI.1, Type #2 entries),
// a Pi's firmware at autoboot.txt alone; its names are for us.
const (
	uefiDir, uefiExt = "EFI/Linux", ".efi"
	piDir, piExt     = "slots", ".slot"
	autoboot         = "autoboot.txt"
)

func (s *Slots) pi() bool { return s.Release.Board == string(image.RPi) }

// A view is the slots as they stand, while the boot partition is open.
type view struct {
	bootslot.Slots
	m             Machine
	files         Files
	sizes         map[string]int64 // of the files in dir
	pi            bool
	dir, ext      string
	running, idle string // slots
}

// open looks at the boot partition; whoever calls it closes it. Without write
// nothing is changed. Its errors are *text.Fault.
func (s *Slots) open(write bool) (*view, error) {
	running := s.Machine.Running()
	v := &view{m: s.Machine, dir: uefiDir, ext: uefiExt, pi: s.pi(), running: running, idle: otherSlot(running)}
	if v.pi {
		v.dir, v.ext = piDir, piExt
	}
	var err error
	if v.files, err = s.Machine.Mount(image.ESP, write); err != nil {
		return nil, broken(err)
	}
	if err = v.look(s.Release.Version); err == nil && v.pi {
		err = v.agree(write)
	}
	if err != nil {
		v.files.Close()
		return nil, broken(err)
	}
	return v, nil
}

func otherSlot(slot string) string {
	if slot == "a" {
		return "b"
	}
	return "a"
}

// broken is an error of the boot partition.
func broken(err error) error { return text.NewFault("slot.esp").Because(err) }

func (v *view) look(running bootslot.Version) (err error) {
	if v.sizes, err = v.files.List(v.dir); err != nil {
		return err
	}
	v.Slots = bootslot.Look(running, slices.Collect(maps.Keys(v.sizes)), v.ext)
	return nil
}

// agree has the names on a Pi say what its autoboot.txt says.
func (v *view) agree(write bool) error {
	f, err := v.files.Open(autoboot)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, bootslot.MaxAutoboot+1)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	boot, _, err := bootslot.ParseAutoboot(b[:n])
	if err != nil {
		return err
	}
	r, err := v.Agree(boot == number("boot-"+v.running))
	if err != nil || r == (bootslot.Rename{}) {
		return err
	}
	if write {
		if err := v.do(r); err != nil {
			return err
		}
		return v.look(v.Running)
	}
	names := slices.DeleteFunc(slices.Collect(maps.Keys(v.sizes)), func(name string) bool { return name == r.From })
	v.Slots = bootslot.Look(v.Running, append(names, r.To), v.ext)
	return nil
}

// number is a partition's number in the table of a Pi, as its firmware counts.
func number(partition string) int {
	return 1 + slices.IndexFunc(image.Disk(image.RPi), func(p image.Partition) bool { return p.Name == partition })
}

// starts has a Pi's firmware start a slot from now on. It is one sector.
func (v *view) starts(slot string) error {
	if !v.pi {
		return nil
	}
	if err := v.files.Patch(autoboot, bootslot.Autoboot(number("boot-"+slot), number("boot-"+otherSlot(slot)))); err != nil {
		return err
	}
	return v.files.Sync()
}

// do takes one step and makes it last.
func (v *view) do(r bootslot.Rename) error {
	switch {
	case r == bootslot.Rename{}:
		return nil
	case r.From == "":
		f, err := v.files.Create(path.Join(v.dir, r.To))
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	default:
		if err := v.files.Rename(path.Join(v.dir, r.From), path.Join(v.dir, r.To)); err != nil {
			return err
		}
	}
	return v.files.Sync()
}

// content is what the boot piece of a version in the idle slot says of its root.
func (v *view) content(name string) (bootslot.Content, error) {
	if !v.pi {
		f, err := v.files.Open(path.Join(v.dir, name))
		if err != nil {
			return bootslot.Content{}, err
		}
		defer f.Close()
		return bootslot.ContentOfUKI(f)
	}
	boot, err := v.m.Mount("boot-"+v.idle, false)
	if err != nil {
		return bootslot.Content{}, err
	}
	defer boot.Close()
	f, err := boot.Open("cmdline.txt")
	if err != nil {
		return bootslot.Content{}, err
	}
	defer f.Close()
	line, err := io.ReadAll(io.NewSectionReader(f, 0, bootslot.MaxCommandLine))
	if err != nil {
		return bootslot.Content{}, fmt.Errorf("reading cmdline.txt: %w", err)
	}
	return bootslot.ParseContent(string(line))
}

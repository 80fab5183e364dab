package disk

import (
	"crypto/sha256"
	"errors"
	"io"
	"path"
	"syscall"

	"monban/gateway/bootslot"
	"monban/gateway/text"
)

// Install writes an update into the slot that is not in use: that with the
// manifest of the sum want, or, without one, whichever it is. The loader knows
// nothing of it until Arm; a power cut at any moment leaves the running version
// to be started. Errors are *text.Fault.
func (s *Slots) Install(update io.Reader, want bootslot.Sum) error {
	u, err := bootslot.NewUpdate(update, s.Keys)
	if err != nil {
		return err
	}
	if want != (bootslot.Sum{}) && u.Sum != want {
		return text.NewFault("slot.other", "version", u.Manifest.Version.String())
	}
	if err := bootslot.Verdict(s.Release, u.Manifest); err != nil {
		return err
	}
	v, err := s.open(true)
	if err != nil {
		return err
	}
	defer v.files.Close()
	if err := v.MayInstall(); err != nil {
		return err
	}
	root, err := v.raw("root", u.Manifest.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := v.room(u.Manifest); err != nil {
		return err
	}
	if err := v.clear(); err != nil {
		return broken(err)
	}
	if err := v.sign(u); err != nil {
		return broken(err)
	}
	part := bootslot.Name(u.Manifest.Version, bootslot.Part, v.ext)
	if err := v.boot(u, part); err != nil {
		return err
	}
	if err := put(root, "root", u.Manifest.Root, u.Root); err != nil {
		return err
	}
	if err := v.fits(part, root); err != nil {
		return err
	}
	ready := bootslot.Name(u.Manifest.Version, bootslot.Ready, v.ext)
	if err := v.do(bootslot.Rename{From: part, To: ready}); err != nil {
		return broken(err)
	}
	return nil
}

// raw opens a partition of the idle slot for a piece.
func (v *view) raw(kind string, p bootslot.Piece) (File, error) {
	partition := kind + "-" + v.idle
	f, err := v.m.Raw(partition)
	switch {
	case errors.Is(err, syscall.EBUSY):
		return nil, text.NewFault("slot.in_use", "partition", partition).Because(err)
	case err != nil:
		return nil, text.NewFault("slot.no_idle", "partition", partition).Because(err)
	}
	size, err := f.Size()
	switch {
	case err != nil:
		f.Close()
		return nil, text.NewFault("slot.no_idle", "partition", partition).Because(err)
	case size < p.Size:
		f.Close()
		return nil, text.NewFault("slot.too_big", "piece", kind, "need", mb(p.Size), "room", size>>20)
	}
	return f, nil
}

// mb is a size in whole MiB, rounded up.
func mb(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// room refuses what the boot partition cannot hold, before anything is given up
// for it. FAT needs some for its tables.
func (v *view) room(m bootslot.Manifest) error {
	const tables = 1 << 20
	free, err := v.files.Free()
	if err != nil {
		return broken(err)
	}
	need := int64(tables)
	if !v.pi {
		need += m.Boot.Size
		for _, name := range v.Clear() {
			free += v.sizes[name]
		}
	}
	if free < need {
		return text.NewFault("slot.full", "need", mb(need), "free", free>>20)
	}
	return nil
}

// clear removes all names of other versions: their root is about to go.
func (v *view) clear() error {
	for _, name := range v.Clear() {
		if err := v.files.Remove(path.Join(v.dir, name)); err != nil {
			return err
		}
	}
	return v.files.Sync()
}

// sign leaves word of which update is being written. It lasts before anything
// waits under the version's name.
func (v *view) sign(u *bootslot.Update) error {
	b, err := u.Sum.MarshalText()
	if err != nil {
		return err
	}
	return v.leave(u.Manifest.Version, bootslot.Summed, b)
}

// boot writes the boot piece: into the file called part, or on a Pi into the
// idle boot partition, of which the file only tells.
func (v *view) boot(u *bootslot.Update, part string) error {
	f, err := v.files.Create(path.Join(v.dir, part))
	if err != nil {
		return broken(err)
	}
	defer f.Close()
	if v.pi {
		p, err := v.raw("boot", u.Manifest.Boot)
		if err != nil {
			return err
		}
		defer p.Close()
		return put(p, "boot", u.Manifest.Boot, u.Boot)
	}
	return put(f, "boot", u.Manifest.Boot, u.Boot)
}

// often is after how many bytes what was written is made to last, so that the
// rest of the box does not wait for all of it at once.
const often = 16 << 20

type paced struct {
	File
	n int
}

func (p *paced) Write(b []byte) (int, error) {
	n, err := p.File.Write(b)
	p.n += n
	if err == nil && p.n >= often {
		p.n = 0
		err = p.File.Sync()
	}
	return n, err
}

// put has write fill f with a piece, and reads it back from the medium.
func put(f File, name string, p bootslot.Piece, write func(io.Writer) error) error {
	err := write(&paced{File: f})
	if err == nil {
		err = f.Sync()
	}
	var fault *text.Fault
	switch {
	case errors.As(err, &fault):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return text.NewFault("slot.full", "need", mb(p.Size), "free", 0).Because(err)
	case err != nil:
		return text.NewFault("slot.write", "piece", name).Because(err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, p.Size)); err != nil {
		return text.NewFault("slot.readback", "piece", name).Because(err)
	}
	if bootslot.Sum(sum.Sum(nil)) != p.SHA256 {
		return text.NewFault("slot.readback", "piece", name)
	}
	return nil
}

// fits refuses a boot piece that would not find its root.
func (v *view) fits(part string, root io.ReaderAt) error {
	c, err := v.content(part)
	if err != nil {
		return text.NewFault("slot.mismatch").Because(err)
	}
	in, err := c.In(root)
	if err != nil || !in {
		return text.NewFault("slot.mismatch").Because(err)
	}
	return nil
}

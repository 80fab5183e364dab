package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// dir is Files below a directory. No name leads out of it.
type dir struct {
	root *os.Root
	top  *os.File // the directory itself
}

// openDir takes a directory; who gave it away needs it no more.
func openDir(name string) (*dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	top, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	return &dir{root, top}, nil
}

func (d *dir) List(name string) (map[string]int64, error) {
	entries, err := fs.ReadDir(d.root.FS(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() {
			sizes[e.Name()] = fi.Size()
		}
	}
	return sizes, nil
}

func (d *dir) Create(name string) (File, error) {
	if err := d.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return nil, err
	}
	f, err := d.root.Create(name)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (d *dir) Open(name string) (File, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (d *dir) Rename(from, to string) error { return d.root.Rename(from, to) }
func (d *dir) Remove(name string) error     { return d.root.Remove(name) }

func (d *dir) Patch(name string, b []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	return f.Sync()
}

// Sync writes everything out. On FAT it is the fsync of the directory that has
// the disk empty its own cache (fat_file_fsync in fs/fat/file.c).
func (d *dir) Sync() error {
	if err := unix.Syncfs(int(d.top.Fd())); err != nil {
		return fmt.Errorf("syncing: %w", err)
	}
	return d.top.Sync()
}

func (d *dir) Free() (int64, error) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(d.top.Fd()), &s); err != nil {
		return 0, fmt.Errorf("asking for free space: %w", err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}

func (d *dir) Close() error { return errors.Join(d.top.Close(), d.root.Close()) }

// file is a File of the system's: a file, or a device.
type file struct{ *os.File }

// Size is where the end is, which a device has, too.
func (f file) Size() (int64, error) {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	_, err = f.Seek(at, io.SeekStart)
	return end, err
}

// Sync writes everything out and drops what is cached of it.
func (f file) Sync() error {
	if err := f.File.Sync(); err != nil {
		return err
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"monban/image"
)

// fsxattr is struct fsxattr of linux/fs.h.
type fsxattr struct {
	flags, extentSize, extents, project, cow uint32
	_                                        [8]byte
}

// dqblk is struct if_dqblk of linux/quota.h; blocks are of 1 KiB.
type dqblk struct {
	blocksHard, blocksSoft, bytes  uint64
	inodesHard, inodesSoft, inodes uint64
	blockTime, inodeTime           uint64
	valid                          uint32
	_                              uint32
}

// setQuotas makes each share a project of its own with its limit. What is
// created in a share's directory belongs to the project.
func setQuotas(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("reading the size of %s: %w", dir, err)
	}
	total := st.Blocks * uint64(st.Bsize)
	root, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var errs []error
	for _, s := range image.Shares() {
		errs = append(errs, setProject(filepath.Join(dir, s.Dir), s.Project), setLimit(root, s.Project, limit(s, total)))
	}
	return errors.Join(errs...)
}

// limit is a share's bytes on a file system of total bytes.
func limit(s image.Share, total uint64) uint64 {
	return min(uint64(s.MiB)<<20, total/100*uint64(s.Percent))
}

func setProject(dir string, id uint32) error {
	const get, set, inherit = 0x801c581f, 0x401c5820, 0x200
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	var x fsxattr
	if err := ioctl(f, get, unsafe.Pointer(&x)); err != nil {
		return fmt.Errorf("reading the project of %s: %w", dir, err)
	}
	if x.project == id && x.flags&inherit != 0 {
		return nil
	}
	x.project, x.flags = id, x.flags|inherit
	if err := ioctl(f, set, unsafe.Pointer(&x)); err != nil {
		return fmt.Errorf("giving %s its project: %w", dir, err)
	}
	return nil
}

func setLimit(root *os.File, project uint32, bytes uint64) error {
	const setQuota, projects, blockLimits = 0x800008, 2, 1
	q := dqblk{blocksHard: bytes >> 10, blocksSoft: bytes >> 10, valid: blockLimits}
	if _, _, e := unix.Syscall6(unix.SYS_QUOTACTL_FD, root.Fd(), setQuota<<8|projects, uintptr(project), uintptr(unsafe.Pointer(&q)), 0, 0); e != 0 {
		return fmt.Errorf("setting the limit of project %d: %w", project, e)
	}
	return nil
}

func ioctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}

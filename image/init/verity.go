package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"monban/image/content"
)

// verityTable is the line that tells the kernel how to check a device, as
// veritysetup writes it (Documentation/admin-guide/device-mapper/verity.rst).
// A block that is not what it was when it was signed restarts the box: the
// version on trial is then given up, and a committed one does not run on with
// parts of it missing.
func verityTable(device string, want content.Content) string {
	blocks := want.Offset / content.BlockSize
	return fmt.Sprintf("1 %s %s %d %d %d %d sha256 %x %x 1 restart_on_corruption",
		device, device, content.BlockSize, content.BlockSize, blocks, blocks, want.Root, want.Salt)
}

// verify makes the checked device over one of a disk and returns its path.
func verify(device string, want content.Content) (checked string, err error) {
	control, err := os.OpenFile("/dev/mapper/control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer control.Close()
	dev, err := deviceMapper(control, unix.DM_DEV_CREATE, 0, nil)
	if err != nil {
		return "", fmt.Errorf("creating the device: %w", err)
	}
	target := mapperTarget("verity", uint64(want.Offset)/512, verityTable(device, want))
	if _, err := deviceMapper(control, unix.DM_TABLE_LOAD, 1, target); err != nil {
		return "", fmt.Errorf("loading the table: %w", err)
	}
	// Without DM_SUSPEND_FLAG this is the opposite: the table goes live.
	if _, err := deviceMapper(control, unix.DM_DEV_SUSPEND, 0, nil); err != nil {
		return "", fmt.Errorf("starting the device: %w", err)
	}
	return fmt.Sprintf("/dev/dm-%d", unix.Minor(dev)), nil
}

// mapperTarget encodes a struct dm_target_spec that covers sectors of 512
// bytes, and its parameters (include/uapi/linux/dm-ioctl.h).
func mapperTarget(kind string, sectors uint64, parameters string) []byte {
	spec := unix.DmTargetSpec{Length: sectors}
	copy(spec.Target_type[:], kind)
	b, _ := binary.Append(nil, binary.NativeEndian, spec)
	b = append(b, parameters...)
	return append(b, make([]byte, 8-len(b)%8)...) // a zero at least, and whole words
}

// deviceMapper makes one request about the device called root.
func deviceMapper(control *os.File, request uintptr, targets uint32, data []byte) (dev uint64, err error) {
	// Words, so that the kernel's answer lies where Go may read it.
	words := make([]uint64, (unix.SizeofDmIoctl+max(len(data), 1<<10)+7)/8)
	size := len(words) * 8
	head := (*unix.DmIoctl)(unsafe.Pointer(&words[0]))
	head.Version = [3]uint32{unix.DM_VERSION_MAJOR, 0, 0}
	head.Data_size, head.Data_start = uint32(size), unix.SizeofDmIoctl
	head.Target_count, head.Flags = targets, unix.DM_READONLY_FLAG
	copy(head.Name[:], "root")
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size)[unix.SizeofDmIoctl:], data)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, control.Fd(), request, uintptr(unsafe.Pointer(&words[0]))); errno != 0 {
		return 0, errno
	}
	return head.Dev, nil
}

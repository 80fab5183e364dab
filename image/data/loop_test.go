package main

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// loop makes a block device of a file from offset on. It ends with the test.
func loop(t *testing.T, file string, offset uint64) *os.File {
	t.Helper()
	back, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	for range 50 { // somebody else may take the number between the two calls
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			t.Fatal(err)
		}
		dev, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		config := unix.LoopConfig{Fd: uint32(back.Fd()), Info: unix.LoopInfo64{Offset: offset, Flags: unix.LO_FLAGS_PARTSCAN}}
		if unix.IoctlLoopConfigure(int(dev.Fd()), &config) == nil {
			t.Cleanup(func() { _ = unix.IoctlSetInt(int(dev.Fd()), unix.LOOP_CLR_FD, 0); dev.Close() })
			return dev
		}
		dev.Close()
	}
	t.Fatal("no free loop device")
	return nil
}

package build

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"monban/gateway/bootslot"
	"monban/image"
)

// configText is for the firmware of a Pi (Raspberry Pi documentation,
// "config.txt"). A Pi 5 asks whether the kernel is the vendor's; Debian's knows
// the board too. Firmware from August 2025 on (a Pi 5's in its flash, not the one
// in the image for a Pi 4) starts the watchdog: if the kernel never comes to feed
// it, the box restarts and takes the other slot.
const configText = `arm_64bit=1
kernel=kernel.img
initramfs initrd.img followkernel
cmdline=cmdline.txt
os_check=0
enable_uart=1
kernel_watchdog_timeout=120
`

// deviceTrees are the boards the image knows: their files by the names that the
// firmware looks for, and that the kernel has.
var deviceTrees = map[string]string{
	"bcm2711-rpi-4-b.dtb":    "bcm2711-rpi-4-b.dtb",
	"bcm2711-rpi-400.dtb":    "bcm2711-rpi-400.dtb",
	"bcm2711-rpi-cm4.dtb":    "bcm2711-rpi-cm4-io.dtb",
	"bcm2711-rpi-cm4-io.dtb": "bcm2711-rpi-cm4-io.dtb",
	"bcm2712-rpi-5-b.dtb":    "bcm2712-rpi-5-b.dtb",
	"bcm2712-d-rpi-5-b.dtb":  "bcm2712-d-rpi-5-b.dtb",
	"bcm2712d0-rpi-5-b.dtb":  "bcm2712-d-rpi-5-b.dtb",
}

// makeRPi makes the boot piece, a FAT file system with firmware, kernel, initrd
// and command line, and the first partition, which says which one to boot.
func (i Image) makeRPi(ctx context.Context, t *toolbox, dir string, k kernelFiles, r slotRoot) error {
	firmware := filepath.Join(dir, bootDir, "usr/lib/raspi-firmware")
	kernel := filepath.Join(dir, "kernel.img")
	// The firmware unpacks it.
	if err := compress(kernel, k.image); err != nil {
		return err
	}
	files := map[string]string{
		"kernel.img": kernel, "initrd.img": filepath.Join(dir, initrdFile),
		"start4.elf": filepath.Join(firmware, "start4.elf"), "fixup4.dat": filepath.Join(firmware, "fixup4.dat"),
	}
	for name, in := range deviceTrees {
		files[name] = filepath.Join(k.dtb, "broadcom", in)
	}
	texts := map[string]string{"config.txt": configText, "cmdline.txt": i.commandLine(r) + "\n"}
	for name, text := range texts {
		files[name] = filepath.Join(dir, name)
		if err := os.WriteFile(files[name], []byte(text), 0o644); err != nil {
			return err
		}
	}
	mib, err := needed(files)
	if err != nil {
		return err
	}
	if room := image.Size(i.Board, image.BootA); mib > room {
		return fmt.Errorf("the boot piece is %d MiB; its partition has %d", mib, room)
	}
	if err := i.makeFAT(ctx, t, dir, bootFile, mib, "BOOT", files); err != nil {
		return err
	}
	autoboot := filepath.Join(dir, "autoboot.txt")
	if err := os.WriteFile(autoboot, bootslot.Autoboot(2, 3), 0o644); err != nil {
		return err
	}
	return i.makeFAT(ctx, t, dir, image.ESP+".img", image.Size(i.Board, image.ESP), image.Label, map[string]string{"autoboot.txt": autoboot})
}

// needed is the size in MiB of a FAT file system for files. One of less than 34
// is none of FAT32.
func needed(files map[string]string) (int, error) {
	var sum int64
	for _, name := range files {
		st, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		sum += st.Size()
	}
	return max(int(sum>>20)+4, 36), nil
}

func compress(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Close()
}

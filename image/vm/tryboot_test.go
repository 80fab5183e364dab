package vm_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/gateway/bootslot"
	"monban/image"
)

// loader is the only program of the machine: it loads the module, says what
// came of it, and restarts.
const loader = `package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	f, err := os.Open("/tryboot.ko")
	if err == nil {
		err = unix.FinitModule(int(f.Fd()), "", 0)
	}
	fmt.Printf("tryboot: %v.\n", err)
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}
`

// The module of the image for the Pi reaches the firmware: QEMU's has no
// tryboot and says that it was asked for it. What a real Pi then does cannot be
// seen here.
func TestTryboot(t *testing.T) {
	all(t)
	dir := t.TempDir()
	disk := builtRPi(t)
	at := func(name string) int64 { return int64(image.Start(image.RPi, name)) << 20 }

	packed := filepath.Join(dir, "kernel.gz")
	runTool(t, "mcopy", "-i", fmt.Sprintf("%s@@%d", disk, at(image.BootA)), "::kernel.img", packed)
	kernel := filepath.Join(dir, "kernel")
	unzip(t, packed, kernel)
	root := filepath.Join(dir, "root")
	runTool(t, "unsquashfs", "-q", "-n", "-no-xattrs", "-o", fmt.Sprint(at(image.RootA)), "-d", root, disk, strings.TrimPrefix(bootslot.TryBoot, "/"))
	module, err := os.ReadFile(filepath.Join(root, bootslot.TryBoot))
	if err != nil {
		t.Fatal(err)
	}

	program := filepath.Join(dir, "init")
	if err := os.WriteFile(program+".go", []byte(loader), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, program+".go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	init, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	var initrd bytes.Buffer
	entry(&initrd, "dev", 0o040755, 0, 0, nil)
	entry(&initrd, "dev/console", 0o020600, 5, 1, nil)
	entry(&initrd, "dev/null", 0o020666, 1, 3, nil)
	entry(&initrd, "init", 0o100755, 0, 0, init)
	entry(&initrd, "tryboot.ko", 0o100644, 0, 0, module)
	entry(&initrd, "TRAILER!!!", 0, 0, 0, nil)
	if err := os.WriteFile(filepath.Join(dir, "initrd"), initrd.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	serial, log := filepath.Join(dir, "serial"), filepath.Join(dir, "log")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	qemu := tool(ctx, "qemu-system-aarch64", "-M", "raspi3b", "-nodefaults", "-nographic", "-no-reboot",
		"-L", filepath.Join(toolbox, "usr/share/qemu"),
		"-serial", "file:"+serial, "-serial", "null", "-d", "unimp", "-D", log,
		"-kernel", kernel, "-dtb", pi3(t, dir), "-initrd", filepath.Join(dir, "initrd"),
		"-append", "console=ttyAMA0,115200 rdinit=/init panic=1")
	var out, said, asked []byte
	ended := make(chan error)
	go func() {
		var err error
		out, err = qemu.CombinedOutput()
		ended <- err
	}()
	// This machine cannot restart: it stands still.
	for tick := time.Tick(200 * time.Millisecond); !bytes.Contains(said, []byte("System halted")); {
		select {
		case err := <-ended:
			t.Fatalf("%v\n%s%s", err, out, lastOf(said))
		case <-tick:
			said, _ = os.ReadFile(serial)
		}
	}
	asked, _ = os.ReadFile(log)
	cancel()
	<-ended
	if !bytes.Contains(said, []byte("tryboot: operation canceled.")) {
		t.Errorf("the module did not say that the firmware agreed:\n%s", lastOf(said))
	}
	if n := bytes.Count(asked, []byte("unhandled tag 0x00038064")); n != 1 {
		t.Errorf("the firmware was asked %d times:\n%s", n, lastOf(asked))
	}
}

// A version that cannot be started restarts a Pi, from the initrd alone: the
// real one, on a Pi without the disk that it looks for.
func TestPiRestarts(t *testing.T) {
	all(t)
	dir := t.TempDir()
	disk := fmt.Sprintf("%s@@%d", builtRPi(t), int64(image.Start(image.RPi, image.BootA))<<20)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"kernel.img", "initrd.img", "cmdline.txt"} {
		runTool(t, "mcopy", "-i", disk, "::"+name, at(name))
	}
	unzip(t, at("kernel.img"), at("kernel"))
	line, err := os.ReadFile(at("cmdline.txt"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	// QEMU ends when the machine restarts.
	qemu := tool(ctx, "qemu-system-aarch64", "-M", "raspi3b", "-nodefaults", "-nographic", "-no-reboot",
		"-L", filepath.Join(toolbox, "usr/share/qemu"), "-serial", "file:"+at("serial"), "-serial", "null",
		"-kernel", at("kernel"), "-dtb", pi3(t, dir), "-initrd", at("initrd.img"),
		"-append", strings.TrimSpace(string(line))+" console=ttyAMA0,115200")
	out, err := qemu.CombinedOutput()
	said, _ := os.ReadFile(at("serial"))
	if err != nil || !bytes.Contains(said, []byte("this version cannot be started")) || bytes.Contains(said, []byte("System halted")) {
		t.Errorf("%v\n%s%s", err, out, lastOf(said))
	}
}

func lastOf(b []byte) []byte { return b[max(0, len(b)-3000):] }

func builtRPi(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(images, "monban*_"+first+"*_rpi_arm64.img"))
	if len(found) == 0 {
		t.Fatalf("there is no image %s for the Pi in %s", first, images)
	}
	return found[0]
}

func unzip(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// pi3 is the device tree of the one Pi QEMU has, which the image is not for. It
// comes from the builder's packages of the same kernel.
func pi3(t *testing.T, dir string) string {
	t.Helper()
	const name = "bcm2837-rpi-3-b.dtb"
	cache := os.Getenv("MONBAN_IMAGE_CACHE")
	if user, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(user, "monban-image")
	}
	debs, _ := filepath.Glob(filepath.Join(cache, "debs/linux-*_arm64_*.deb"))
	for _, deb := range debs {
		to := filepath.Join(dir, filepath.Base(deb))
		if out, err := exec.Command("dpkg-deb", "--extract", deb, to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if found, _ := filepath.Glob(filepath.Join(to, "usr/lib/*/*/dtb/broadcom", name)); len(found) > 0 {
			return found[0]
		}
		_ = os.RemoveAll(to)
	}
	t.Fatalf("none of the %d packages of the kernel in %s has %s", len(debs), cache, name)
	return ""
}

// entry appends a file to an archive for the kernel's first file system ("newc",
// buffer-format.rst in the kernel's documentation).
func entry(b *bytes.Buffer, name string, mode, major, minor int, data []byte) {
	fmt.Fprintf(b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", b.Len(), mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0)
	b.WriteString(path.Clean(name) + "\x00")
	b.Write(make([]byte, -b.Len()&3))
	b.Write(data)
	b.Write(make([]byte, -b.Len()&3))
}

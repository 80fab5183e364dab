package build

import (
	"bufio"
	"bytes"
	"context"
	"debug/pe"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/image"
)

// What an image may be at most; docs/image.md promises it.
const (
	mostRoot       = 60 << 20 // bytes of file system, with the tree of hashes
	mostCompressed = 90e6
)

// TestImage builds the same image twice, in two folders, and looks into it:
// MONBAN_IMAGE names the kinds, as in "uefi/amd64 rpi/arm64". It needs root,
// minutes and, the first time, a mirror.
func TestImage(t *testing.T) {
	kinds := strings.Fields(os.Getenv("MONBAN_IMAGE"))
	if len(kinds) == 0 {
		t.Skip("set MONBAN_IMAGE, as in \"uefi/amd64\"")
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			board, arch, _ := strings.Cut(kind, "/")
			i := sample(t)
			i.Board, i.Arch, i.Source = image.Board(board), arch, "../.."
			cache, err := DefaultCache()
			if err != nil {
				t.Fatal(err)
			}
			b := Builder{Cache: cache, Say: t.Logf}
			var built [2]map[string]string
			for n := range built {
				i.Out = t.TempDir()
				if built[n], err = b.Build(t.Context(), i); err != nil {
					t.Fatal(err)
				}
			}
			for what, name := range built[0] {
				if what != "licences" {
					same(t, name, built[1][what])
				}
			}
			bounds(t, built[0])
			inside(t, b, i, built[0]["update"])
			if left, _ := filepath.Glob(filepath.Join(cache, "work-*")); len(left) > 0 {
				t.Logf("work folders of this or another build: %v", left)
			}
		})
	}
}

func same(t *testing.T, a, b string) {
	t.Helper()
	var files [2]*bufio.Reader
	for n, name := range []string{a, b} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[n] = bufio.NewReaderSize(f, 1<<20)
	}
	var at int64
	x, y := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := io.ReadFull(files[0], x)
		m, _ := io.ReadFull(files[1], y)
		if !bytes.Equal(x[:n], y[:m]) {
			t.Errorf("%s differs between two builds, somewhere from byte %d on", filepath.Base(a), at)
			return
		}
		if err != nil {
			return
		}
		at += int64(n)
	}
}

func bounds(t *testing.T, files map[string]string) {
	t.Helper()
	st, err := os.Stat(files["compressed"])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("compressed image: %.1f MB", float64(st.Size())/1e6)
	if st.Size() > mostCompressed {
		t.Errorf("the compressed image is %d bytes", st.Size())
	}
}

// inside unpacks the root out of the update, as a box gets it, and looks at what
// is there and what is not.
func inside(t *testing.T, b Builder, i Image, update string) {
	t.Helper()
	f, err := os.Open(update)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	u, err := bootslot.NewUpdate(f, []minisign.Key{i.Key.Key()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("root: %.1f MiB, boot piece: %.1f MB", float64(u.Manifest.Root.Size)/(1<<20), float64(u.Manifest.Boot.Size)/1e6)
	if u.Manifest.Root.Size > mostRoot {
		t.Errorf("the root is %d bytes", u.Manifest.Root.Size)
	}
	for _, dst := range []string{"boot", rootFile} {
		to, err := os.Create(filepath.Join(i.Out, dst))
		if err != nil {
			t.Fatal(err)
		}
		if dst == "boot" {
			err = u.Boot(to)
		} else {
			err = u.Root(to)
		}
		if err := errors.Join(err, to.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if i.Board == image.UEFI && i.Arch == "amd64" {
		corrections(t, filepath.Join(i.Out, "boot"))
	}
	err = apart(t.Context(), func(ctx context.Context) error {
		box, dir, done, err := b.start(ctx, time.Now())
		if err != nil {
			return err
		}
		defer done()
		if err := os.Rename(filepath.Join(i.Out, rootFile), filepath.Join(dir, rootFile)); err != nil {
			return err
		}
		if err := box.run(ctx, "unsquashfs", "-q", "-n", "-d", rootDir, rootFile); err != nil {
			return err
		}
		lookAround(t, filepath.Join(dir, rootDir))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// corrections looks for those of processors, of both makers, in a boot piece.
func corrections(t *testing.T, name string) {
	t.Helper()
	f, err := pe.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := f.Section(".ucode")
	if s == nil {
		t.Fatal("the boot piece has no section .ucode")
	}
	b, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("corrections for processors: %.1f MB", float64(len(b))/1e6)
	for _, maker := range []string{"GenuineIntel", "AuthenticAMD"} {
		if !bytes.Contains(b, []byte("kernel/x86/microcode/"+maker+".bin\x00")) {
			t.Errorf("there are none for %s", maker)
		}
	}
}

func lookAround(t *testing.T, root string) {
	t.Helper()
	for _, name := range []string{
		"usr/bin/monban", "usr/lib/monban/monban-data", "usr/lib/systemd/systemd", "usr/lib/monban/keys/1.pub", "usr/lib/monban/keys/2.pub",
		"etc/machine-id", "etc/ssl/certs/ca-certificates.crt", "var/lib/dpkg/status", "usr/sbin/modprobe",
		"usr/lib/firmware/rtl_nic/rtl8168h-2.fw", "usr/lib/firmware/rtl_nic/rtl8153a-4.fw",
	} {
		if !exists(filepath.Join(root, name)) {
			t.Errorf("the root has no %s", name)
		}
	}
	for _, pattern := range []string{
		"usr/bin/*sh", "usr/bin/busybox", "usr/bin/perl*", "usr/bin/python*", "usr/bin/apt*", "usr/bin/dpkg*", "usr/sbin/sshd", "usr/sbin/agetty",
		"usr/bin/login", "usr/bin/su", "usr/bin/sudo", "usr/bin/gcc*", "usr/lib/*/gconv", "usr/lib/udev/hwdb.bin", "usr/lib/systemd/system/monban-test*",
	} {
		if found, _ := filepath.Glob(filepath.Join(root, pattern)); len(found) > 0 {
			t.Errorf("the root has %v", found)
		}
	}
	shadow, err := os.ReadFile(filepath.Join(root, "etc/shadow"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(shadow)) {
		if f := strings.Split(line, ":"); !strings.HasPrefix(f[1], "!") && !strings.HasPrefix(f[1], "*") {
			t.Errorf("%s is not locked", f[0])
		}
	}
	err = filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if st, err := d.Info(); err == nil && st.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 && !d.IsDir() {
			t.Errorf("%s runs with more rights than who starts it", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

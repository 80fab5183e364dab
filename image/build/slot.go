package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"monban/image"
	"monban/image/content"
)

// Names of files in the work folder.
const (
	rootFile   = "root.img"
	initrdFile = "initrd.zst"
)

const block = content.BlockSize

// A slotRoot is the root as it stands in a slot: what names it by content.
type slotRoot = content.Content

var hashLine = regexp.MustCompile(`(?m)^Root hash:\s+([0-9a-f]{64})$`)

// pack makes the root's file system and appends the tree of hashes over it.
func (i Image) pack(ctx context.Context, t *toolbox, dir string) (slotRoot, error) {
	if err := t.run(ctx, "mksquashfs", rootDir, rootFile, "-noappend", "-all-root", "-no-progress", "-quiet", "-no-xattrs",
		"-processors", "2", "-comp", "zstd", "-Xcompression-level", "15", "-b", "256K"); err != nil {
		return slotRoot{}, err
	}
	name := filepath.Join(dir, rootFile)
	st, err := os.Stat(name)
	if err != nil {
		return slotRoot{}, err
	}
	offset := (st.Size() + block - 1) / block * block
	if err := os.Truncate(name, offset); err != nil {
		return slotRoot{}, err
	}
	// Not secret: it makes the hashes of one version useless for another.
	salt := sha256.Sum256(i.osRelease())
	r := slotRoot{Salt: salt[:], Offset: offset}
	out, err := t.output(ctx, "veritysetup", "format", "--no-superblock", fmt.Sprintf("--salt=%x", r.Salt), fmt.Sprintf("--hash-offset=%d", offset),
		fmt.Sprintf("--data-blocks=%d", offset/block), rootFile, rootFile)
	if err != nil {
		return slotRoot{}, err
	}
	m := hashLine.FindSubmatch(out)
	if m == nil {
		return slotRoot{}, fmt.Errorf("veritysetup printed no root hash:\n%s", out)
	}
	if _, err := hex.Decode(r.Root[:], m[1]); err != nil {
		return slotRoot{}, fmt.Errorf("reading the root hash: %w", err)
	}
	if st, err = os.Stat(name); err != nil {
		return slotRoot{}, err
	}
	if room := int64(image.Size(i.Board, image.RootA)) << 20; st.Size() > room {
		return slotRoot{}, fmt.Errorf("the root is %d bytes; a slot has room for %d", st.Size(), room)
	}
	return r, nil
}

// commandLine is the kernel's. The last console is the one that systemd tells of
// its progress. With gpt the kernel takes the copy of the partition table at the
// end of the disk where the first is damaged (see grow in image/data). Huge pages
// are for who asks for them, as the list of names does: else Go's heap takes whole
// ones, and most of each is never used.
func (i Image) commandLine(r slotRoot) string {
	serial, screen := "console=ttyS0,115200", "console=tty0"
	switch {
	case i.Board == image.RPi:
		serial = "console=serial0,115200" // which one that is, the firmware knows
	case i.Arch == "arm64":
		serial = "console=ttyAMA0"
	}
	consoles := serial + " " + screen
	if i.Test {
		// Tests watch the serial line, and emulated clocks are late on a busy
		// machine, which the kernel's check of the timer takes for a fault.
		consoles = screen + " " + serial
		if i.Arch == "amd64" {
			consoles += " no_timer_check"
		}
	}
	return fmt.Sprintf("%s %s panic=5 audit=0 gpt transparent_hugepage=madvise", consoles, r)
}

// makeInitrd writes the initrd, compressed.
func makeInitrd(ctx context.Context, t *toolbox, dir string, k kernelFiles, program string) error {
	var all []initrdModule
	for _, name := range k.initrd {
		b, err := os.ReadFile(filepath.Join(dir, rootDir, "usr/lib/modules", k.version, name))
		if err != nil {
			return err
		}
		var out bytes.Buffer
		switch path.Ext(name) {
		case ".xz":
			err = t.pipe(ctx, bytes.NewReader(b), &out, "xz", "-dc")
		case ".zst":
			err = t.pipe(ctx, bytes.NewReader(b), &out, "zstd", "-dcq")
		default:
			_, err = out.Write(b)
		}
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", name, err)
		}
		all = append(all, initrdModule{path.Base(plain(name)) + ".ko", out.Bytes()})
	}
	b, err := initrd(program, all)
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, initrdFile))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.pipe(ctx, bytes.NewReader(b), f, "zstd", "-q", "-19"); err != nil {
		return err
	}
	return f.Close()
}

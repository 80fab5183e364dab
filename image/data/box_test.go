package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"monban/image"
	"monban/image/place"
)

// through is a crypt that checks the key and does not encrypt, for a kernel
// without device mapper: a header as long as that of LUKS, and what follows it.
type through struct {
	t    *testing.T
	loop *os.File
}

func (c *through) format(_ context.Context, device string, key []byte) error {
	sum := sha256.Sum256(key)
	return writeSynced(device, 0, sum[:])
}

func (c *through) open(_ context.Context, device string, key []byte) (string, error) {
	f, err := os.Open(device)
	if err != nil {
		return "", err
	}
	defer f.Close()
	have := make([]byte, sha256.Size)
	if _, err := f.ReadAt(have, 0); err != nil {
		return "", err
	}
	if sum := sha256.Sum256(key); !bytes.Equal(have, sum[:]) {
		return "", errors.New("no key available with this passphrase")
	}
	c.close()
	c.loop = loop(c.t, device, headMiB<<20)
	return c.loop.Name(), nil
}

func (c *through) close() {
	if c.loop != nil {
		_ = unix.IoctlSetInt(int(c.loop.Fd()), unix.LOOP_CLR_FD, 0)
		c.loop.Close()
		c.loop = nil
	}
}

// failing is a crypt whose power is cut at a step.
type failing struct {
	crypt
	step string
}

var errCut = errors.New("the power is cut")

func (c *failing) format(ctx context.Context, device string, key []byte) error {
	if c.step == "format" {
		return errCut
	}
	return c.crypt.format(ctx, device, key)
}

func (c *failing) open(ctx context.Context, device string, key []byte) (string, error) {
	if c.step == "open" {
		return "", errCut
	}
	return c.crypt.open(ctx, device, key)
}

// real says that the kernel has all that a box's has: device mapper, quotas, FAT.
// The tests in QEMU set it.
func real() bool { return os.Getenv("MONBAN_DATA_REAL") != "" }

// opened is not what a box has open that the tests run on.
var opened = luks{"/sys", "/dev", "monban-test"}

// bench is a box with a real disk: the image's table in a file, and a mount
// namespace of its own.
type bench struct {
	*box
	t    *testing.T
	file string
	disk disk
	logs []string
}

// newBench must be followed by nothing that needs another thread. The disk is
// longer than the image written to it.
func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root")
		}
		t.Skip("needs root, for loop devices")
	}
	needs(t, "sfdisk", "mke2fs", "e2fsck", "resize2fs")
	runtime.LockOSThread() // and never let go: the mounts end with the thread
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, file: table(t, image.UEFI, tableMiB)}
	if err := os.Truncate(b.file, 900<<20); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b.box = &box{root: filepath.Join(dir, "root"), sys: filepath.Join(dir, "sys"), dev: "/dev", run: filepath.Join(dir, "run"),
		base: filepath.Join(dir, "base"), fat: "ext4", crypt: &through{t: t}, quotas: real(), log: func(f string, a ...any) { b.logs = append(b.logs, fmt.Sprintf(f, a...)) }}
	if real() {
		b.fat, b.crypt = "vfat", opened
	}
	b.write(filepath.Join(b.root, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n")
	dev := loop(t, b.file, 0)
	if err := (place.Slot{Partition: image.RootA, Device: dev.Name() + "p2", Disk: dev.Name()}).Write(b.run); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.stop)
	b.partitions(dev)
	var err error
	if b.disk, err = findDisk(b.sys, b.dev, b.run); err != nil {
		t.Fatal(err)
	}
	return b
}

// partitions does what a kernel does that knows partition tables: not every
// kernel that tests run on was built so.
func (b *bench) partitions(dev *os.File) {
	b.t.Helper()
	name := filepath.Base(dev.Name())
	table := head(b.t, b.file)[2*sector:]
	for i := range entries {
		e := table[i*entrySize:][:entrySize]
		first, last := binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
		if last == 0 {
			break
		}
		if err := blkpg(dev, blkpgAdd, extent{number: i + 1, first: first, count: last - first + 1}); err != nil && !errors.Is(err, unix.EBUSY) {
			b.t.Fatal(err)
		}
		part := fmt.Sprintf("%sp%d", name, i+1)
		at, link := filepath.Join(b.sys, "devices", name, part), filepath.Join(b.sys, "class/block", part)
		b.write(filepath.Join(at, "partition"), fmt.Sprintln(i+1))
		b.write(filepath.Join(at, "uevent"), fmt.Sprintf("DEVNAME=%s\nDEVTYPE=partition\nPARTN=%d\nPARTNAME=%s\n", part, i+1, entryName(e)))
		if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(at, link)); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) write(file, text string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) read(file string) string {
	text, err := os.ReadFile(filepath.Join(b.root, file))
	if err != nil {
		return ""
	}
	return string(text)
}

// stop ends the boot as a shutdown does.
func (b *bench) stop() {
	hide(b.base, b.root)
	if c, ok := b.crypt.(*through); ok {
		c.close()
	} else if opened.mapped() != "" {
		if _, err := run(context.Background(), nil, "cryptsetup", "close", opened.name); err != nil {
			b.t.Fatal(err)
		}
	}
}

// boot boots and compares the outcome.
func (b *bench) boot(want image.DataState) {
	b.t.Helper()
	b.stop()
	b.logs = nil
	got, err := b.start(context.Background())
	detail := got.Detail
	got.Detail, want.Box = "", image.BoxID("0123456789abcdef0123456789abcdef")
	if err != nil || got != want {
		b.t.Fatalf("got %+v %s, %v\nwant %+v\n%s", got, detail, err, want, strings.Join(b.logs, "\n"))
	}
	// Whatever became of it, the service has its place.
	b.write(filepath.Join(b.root, "var/lib/monban/boot"), "here")
	if (got.State == image.DataVolatile) != (detail != "") {
		b.t.Errorf("%s with the detail %q", got.State, detail)
	}
}

var (
	fresh = image.DataState{State: image.DataOK, Seal: "disk", New: true}
	again = image.DataState{State: image.DataOK, Seal: "disk"}
)

func volatile(why string) image.DataState {
	return image.DataState{State: image.DataVolatile, Why: why}
}

// The first boot takes the whole disk and makes the partition; later boots find
// what was written.
func TestFirstBoot(t *testing.T) {
	b := newBench(t)
	before, _ := deviceSize(b.disk.data)
	b.boot(fresh)
	if after, _ := deviceSize(b.disk.data); after-before < 170<<20 {
		t.Errorf("the partition had %d bytes and has %d", before, after)
	}
	b.write(filepath.Join(b.root, "var/lib/monban/record"), "kept")
	b.write(filepath.Join(b.root, "var/log/journal/j"), "kept, too")
	b.write(filepath.Join(b.root, "var/lib/systemd/random-seed"), "seed")
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Join(b.root, "var/lib/monban"), &st); err != nil || st.Flags&(unix.ST_NODEV|unix.ST_NOSUID|unix.ST_NOEXEC) != unix.ST_NODEV|unix.ST_NOSUID|unix.ST_NOEXEC {
		t.Errorf("mounted with %x, %v", st.Flags, err)
	}
	b.boot(again)
	if b.read("var/lib/monban/record") != "kept" || b.read("var/log/journal/j") != "kept, too" || b.read("var/lib/systemd/random-seed") != "seed" {
		t.Error("the second boot lost something")
	}
	b.stop()
	if b.read("var/lib/monban/record") != "" {
		t.Error("the record was not on the partition")
	}
	// A copy of the disk on a larger one.
	mapped, err := b.crypt.open(context.Background(), b.disk.data, mustRecord(t, b.disk.key).secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(context.Background(), nil, "e2fsck", "-f", "-p", mapped); err != nil {
		t.Fatal(err)
	}
	if _, err := run(context.Background(), nil, "resize2fs", mapped, "100M"); err != nil {
		t.Fatal(err)
	}
	b.boot(again)
	if err := unix.Statfs(b.base, &st); err != nil || st.Blocks*uint64(st.Bsize) < 250<<20 || b.read("var/lib/monban/record") != "kept" {
		t.Errorf("the file system has %d blocks, %v", st.Blocks, err)
	}
}

// A directory with a share fills up to it, and the rest of the partition is
// still there for the database.
func TestShares(t *testing.T) {
	total := 0
	for _, s := range image.Shares() {
		if total += s.Percent; s.MiB == 0 || s.Percent == 0 || s.Why == "" {
			t.Errorf("%+v is not a whole share", s)
		}
		if got := limit(s, 1<<40); got != uint64(s.MiB)<<20 {
			t.Errorf("%s may have %d bytes of a large disk", s.Dir, got)
		}
	}
	if total >= 50 {
		t.Errorf("the shares take %d%%", total)
	}
	if !real() {
		return // the rest is for a kernel with quotas
	}
	b := newBench(t)
	b.boot(fresh)
	if all := strings.Join(b.logs, "\n"); strings.Contains(all, "limits") {
		t.Fatal(all)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(b.base, &st); err != nil {
		t.Fatal(err)
	}
	mortal(t)
	for _, s := range image.Shares() {
		most := limit(s, st.Blocks*uint64(st.Bsize))
		file := filepath.Join(b.base, s.Dir, "flood")
		wrote := fill(t, file, unix.EDQUOT)
		if wrote > most || wrote < most-1<<20 {
			t.Errorf("%s took %d bytes, its share is %d", s.Dir, wrote, most)
		}
		b.write(filepath.Join(b.root, "var/lib/monban/monban.db"), "there is room")
		t.Logf("%s: full at %d of %d bytes", s.Dir, wrote, most)
	}
	b.boot(again)
}

// mortal gives up the right to go beyond a quota, which root has and neither the
// service nor journald.
func mortal(t *testing.T) {
	t.Helper()
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		t.Fatal(err)
	}
	d[0].Effective &^= 1 << unix.CAP_SYS_RESOURCE
	if err := unix.Capset(&h, &d[0]); err != nil {
		t.Fatal(err)
	}
}

// fill writes until there is no room.
func fill(t *testing.T, file string, end error) (wrote uint64) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := bytes.Repeat([]byte{0x5a}, 256<<10)
	for {
		n, err := f.Write(b)
		wrote += uint64(n)
		if err == nil {
			continue
		}
		if !errors.Is(err, end) {
			t.Errorf("%s ended with %v", file, err)
		}
		return wrote
	}
}

func mustRecord(t *testing.T, device string) record {
	t.Helper()
	r, err := readRecord(device)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Whenever the making is interrupted, the next boot begins again.
func TestMakingIsCut(t *testing.T) {
	b := newBench(t)
	good := b.crypt
	for _, step := range []string{"format", "open"} {
		b.crypt = &failing{good, step}
		b.boot(volatile("data.broken"))
		if r := mustRecord(t, b.disk.key); r.stage != making || len(r.secret) > 0 {
			t.Errorf("cut at %s: the record is %v", step, r)
		}
	}
	b.crypt = good
	b.boot(fresh)
	// As if the last write had not come through: nothing was in it yet.
	if err := writeRecord(b.disk.key, record{stage: making}); err != nil {
		t.Fatal(err)
	}
	b.boot(fresh)
	b.boot(again)
}

// What holds something that is not certainly our own unfinished work is never
// written to.
func TestNeverFormats(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, d disk){
		"a file system": func(t *testing.T, d disk) {
			if err := makeFS(context.Background(), d.data); err != nil {
				t.Fatal(err)
			}
		},
		"LUKS of somebody": func(t *testing.T, d disk) {
			needs(t, "cryptsetup")
			if err := opened.format(context.Background(), d.data, newKey()); err != nil {
				t.Fatal(err)
			}
		},
		"one byte in the middle": func(t *testing.T, d disk) {
			if err := writeSynced(d.data, 9<<20, []byte{1}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			spoil(t, b.disk)
			b.boot(volatile("data.foreign"))
			before := sum(t, b.disk.data)
			b.boot(volatile("data.foreign"))
			if sum(t, b.disk.data) != before {
				t.Error("the partition was written to")
			}
			if r := mustRecord(t, b.disk.key); r.stage != none {
				t.Errorf("the record is %v", r)
			}
		})
	}
}

func sum(t *testing.T, device string) [sha256.Size]byte {
	t.Helper()
	b, err := os.ReadFile(device)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

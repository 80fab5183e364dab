package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"monban/image"
)

// Each way a partition with records can be out of reach: the box starts with
// memory in its place, says why, and touches nothing; when the cause is gone the
// records are there.
func TestOutOfReach(t *testing.T) {
	b := newBench(t)
	b.boot(fresh)
	b.write(filepath.Join(b.root, "var/lib/monban/record"), "kept")
	b.stop()
	good := mustRecord(t, b.disk.key)
	put := func(r record) {
		t.Helper()
		if err := writeRecord(b.disk.key, r); err != nil {
			t.Fatal(err)
		}
	}
	before, sys := sum(t, b.disk.data), b.sys
	for _, c := range []struct {
		why        string
		spoil, end func()
	}{
		{"data.record", func() {
			bad := good.encode()
			bad[30]++
			if err := writeSynced(b.disk.key, keyAt, bad); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"data.foreign", func() {
			if err := writeSynced(b.disk.key, keyAt, make([]byte, sector)); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"data.locked", func() { put(record{stage: made, seal: plain, secret: newKey()}) }, nil},
		{"data.tpm", func() { put(record{stage: made, seal: tpm, secret: []byte("sealed")}) }, nil},
		{"data.tpm", func() {
			put(record{stage: made, seal: tpm, secret: []byte("sealed")})
			b.unseal = func([]byte) ([]byte, error) { return nil, errors.New("the TPM was cleared") }
		}, func() { b.unseal = nil }},
		{"data.broken", func() {
			put(record{stage: made, seal: tpm, secret: []byte("sealed")})
			b.unseal = func([]byte) ([]byte, error) { panic("an answer that no TPM gives") }
		}, func() { b.unseal = nil }},
		{"data.absent", func() { b.sys = t.TempDir() }, func() { b.sys = sys }},
	} {
		c.spoil()
		b.boot(volatile(c.why))
		b.write(filepath.Join(b.root, "var/lib/monban/record"), "of this boot alone")
		put(good)
		if c.end != nil {
			c.end()
		}
	}
	b.stop()
	if sum(t, b.disk.data) != before {
		t.Error("the partition was written to")
	}
	b.boot(again)
	if got := b.read("var/lib/monban/record"); got != "kept" {
		t.Errorf("the record says %q", got)
	}
}

// With a TPM the key lies nowhere on the disk.
func TestSealedBoot(t *testing.T) {
	b := newBench(t)
	dev := softTPM(t)
	var key []byte
	b.seal = func(k []byte) ([]byte, error) { key = bytes.Clone(k); return sealKey(dev, k) }
	b.unseal = func(s []byte) ([]byte, error) { return unsealKey(dev, s) }
	b.boot(image.DataState{State: image.DataOK, Seal: "tpm", New: true})
	b.boot(image.DataState{State: image.DataOK, Seal: "tpm"})
	b.stop()
	if all, err := os.ReadFile(b.file); err != nil || bytes.Contains(all, key) {
		t.Errorf("the key is on the disk, %v", err)
	}
	other := softTPM(t)
	b.unseal = func(s []byte) ([]byte, error) { return unsealKey(other, s) }
	b.boot(volatile("data.tpm"))
}

// A TPM that refuses to work costs its protection, not the box.
func TestUnwillingTPM(t *testing.T) {
	b := newBench(t)
	b.seal = func([]byte) ([]byte, error) { return nil, errors.New("the owner has a password") }
	b.boot(fresh)
	if !strings.Contains(strings.Join(b.logs, "\n"), "so it lies on the disk") {
		t.Errorf("nobody was told: %q", b.logs)
	}
	b.boot(again)
}

// A damaged file system is repaired once; one beyond repair stays as it is.
func TestDamage(t *testing.T) {
	b := newBench(t)
	b.boot(fresh)
	b.write(filepath.Join(b.root, "var/lib/monban/record"), "kept")
	b.stop()
	// The superblock, the group descriptors and what follows; decrypted it is noise.
	if err := writeSynced(b.disk.data, headMiB<<20, make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	b.boot(image.DataState{State: image.DataRepaired, Seal: "disk"})
	if got := b.read("var/lib/monban/record"); got != "kept" {
		t.Errorf("the record says %q", got)
	}
	b.boot(again)
	b.stop()
	size, _ := deviceSize(b.disk.data)
	if err := writeSynced(b.disk.data, headMiB<<20, bytes.Repeat([]byte{0xa5}, int(size)-headMiB<<20)); err != nil {
		t.Fatal(err)
	}
	before := sum(t, b.disk.data)
	b.boot(volatile("data.broken"))
	b.stop()
	if sum(t, b.disk.data) != before {
		t.Error("the partition was written to")
	}
}

// A partition without a free byte is used like any other.
func TestFull(t *testing.T) {
	b := newBench(t)
	b.boot(fresh)
	b.write(filepath.Join(b.root, "var/lib/monban/record"), "kept")
	fill(t, filepath.Join(b.base, "flood"), unix.ENOSPC)
	b.boot(again)
	if got := b.read("var/lib/monban/record"); got != "kept" {
		t.Errorf("the record says %q", got)
	}
}

// After a reset nothing opens the partition, the key is nowhere on the disk, and
// the next boot begins anew and says so; an interrupted one is finished.
func TestReset(t *testing.T) {
	b := newBench(t)
	b.boot(fresh)
	b.write(filepath.Join(b.root, "var/lib/monban/record"), "a clinic's records")
	if err := writeSynced(b.disk.key, 0, []byte("machine-id")); err != nil {
		t.Fatal(err)
	}
	key := mustRecord(t, b.disk.key).secret
	header := make([]byte, 32)
	readAt(t, b.disk.data, header, 0)
	if err := b.disk.reset(); err != nil { // while everything is mounted
		t.Fatal(err)
	}
	b.stop()
	all, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(all, key) || bytes.Contains(all, header) {
		t.Error("key or header is still on the disk")
	}
	id := make([]byte, sector)
	if readAt(t, b.disk.key, id, 0); !bytes.Equal(id, make([]byte, sector)) {
		t.Errorf("the machine-id is still there: %q", id)
	}
	reset := fresh
	reset.Reset = true
	b.boot(reset)
	if b.read("var/lib/monban/record") != "" {
		t.Error("the record is still there")
	}
	b.boot(again)
	// The power is cut after the first write. It goes on with the old machine-id,
	// so the boot that finishes it ends there.
	old := []byte("0123456789abcdef0123456789abcdef")
	if err := errors.Join(writeSynced(b.disk.key, 0, old), writeRecord(b.disk.key, record{stage: resetting})); err != nil {
		t.Fatal(err)
	}
	b.stop()
	name := b.id()
	if st, err := b.start(context.Background()); !errors.Is(err, errReset) {
		t.Fatalf("the box goes on as %s: %+v, %v", name, st, err)
	}
	// The initrd makes another machine-id where there is none.
	if readAt(t, b.disk.key, id, 0); !bytes.Contains(id, old) {
		b.write(filepath.Join(b.root, "etc/machine-id"), "another")
	}
	st, err := b.start(context.Background())
	if st.Box == name || st.Box != image.BoxID("another") || err != nil {
		t.Errorf("after the interrupted reset: %+v, %v", st, err)
	}
	if st.Box = ""; st != reset {
		t.Errorf("after the interrupted reset: %+v", st)
	}
}

func readAt(t *testing.T, device string, b []byte, at int64) {
	t.Helper()
	f, err := os.Open(device)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// A unit that mounts for itself alone is found out.
func TestSeenByAll(t *testing.T) {
	for line, ok := range map[string]bool{
		"25 30 0:23 / /run rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,mode=755":           true,
		"25 30 0:23 / /run rw,nosuid,nodev - tmpfs tmpfs rw,mode=755":                    true,
		"99 98 0:23 / /run rw,nosuid,nodev shared:77 master:5 - tmpfs tmpfs rw,mode=755": false,
		"99 98 0:23 / /run rw,nosuid,nodev master:5 - tmpfs tmpfs rw,mode=755":           false,
	} {
		file := filepath.Join(t.TempDir(), "mountinfo")
		if err := os.WriteFile(file, []byte("30 1 254:0 / / ro shared:1 - squashfs x ro\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := seenByAll(file); (err == nil) != ok {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// Only a file that names this box resets it.
func TestAsked(t *testing.T) {
	b := newBench(t)
	b.boot(fresh)
	if real() {
		if _, err := run(context.Background(), nil, "mkfs.vfat", "-F", "32", "-n", image.Label, b.disk.esp); err != nil {
			t.Fatal(err)
		}
	} else if err := makeFS(context.Background(), b.disk.esp); err != nil {
		t.Fatal(err)
	}
	ask := func(name, text string) {
		t.Helper()
		at := t.TempDir()
		if err := unix.Mount(b.disk.esp, at, b.fat, 0, ""); err != nil {
			t.Fatal(err)
		}
		defer unix.Unmount(at, 0)
		for _, old := range []string{"factory-reset", "factory-reset.txt"} {
			_ = os.Remove(filepath.Join(at, old))
		}
		b.write(filepath.Join(at, name), text)
	}
	id := b.id()
	for _, text := range []string{"", "\n", "yes", image.BoxID("another machine"), id + "0", id[1:], strings.Repeat("A", 4096)} {
		ask("factory-reset", text)
		b.boot(again)
	}
	for name, text := range map[string]string{
		"factory-reset": id, "factory-reset.txt": "\ufeff" + strings.ToLower(strings.ReplaceAll(id, "-", " ")) + "\r\n",
	} {
		ask(name, text)
		b.stop()
		if st, err := b.start(context.Background()); !errors.Is(err, errReset) {
			t.Fatalf("%s was not heard: %+v, %v", name, st, err)
		}
		if r := mustRecord(t, b.disk.key); r.stage != wiped {
			t.Errorf("the record is %v", r)
		}
		// The next boot has another machine-id, so the same file is spent.
		b.write(filepath.Join(b.root, "etc/machine-id"), name)
		reset := fresh
		reset.Reset, reset.Box = true, image.BoxID(name)
		if st, err := b.start(context.Background()); err != nil || st != reset {
			t.Errorf("after the reset: %+v, %v", st, err)
		}
		b.write(filepath.Join(b.root, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n")
	}
}

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"monban/image"
)

// needs skips a test whose program is missing, but not where everything must run.
func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("needs %s: make tools", p)
		}
	}
}

// tableMiB is how long the image's own disk is, in tests: short.
const tableMiB = 720

// table writes the image's partition table of a board into a file by sfdisk.
func table(t testing.TB, b image.Board, sizeMiB int) string {
	t.Helper()
	needs(t, "sfdisk")
	// In memory where possible: what is tested writes through to the disk often.
	dir, err := os.MkdirTemp("/dev/shm", "monban-data")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "disk")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, int64(sizeMiB)<<20); err != nil {
		t.Fatal(err)
	}
	script := "label: gpt\nfirst-lba: 2048\n"
	for _, p := range image.Disk(b) {
		script += fmt.Sprintf("type=%s, uuid=%s, name=%s", p.Type, p.UUID, p.Name)
		if p.MiB > 0 {
			script += fmt.Sprintf(", size=%dMiB", p.MiB)
		}
		script += "\n"
	}
	c := exec.Command("sfdisk", "--quiet", file)
	c.Stdin = strings.NewReader(script)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func head(t testing.TB, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, headSectors*sector)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// dump is the table as sfdisk reads it, without the lengths that change.
func dump(t testing.TB, file string) (other []string, data string) {
	t.Helper()
	out, err := exec.Command("sfdisk", "--dump", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		switch {
		case strings.Contains(line, `name="data"`):
			data = strings.Join(strings.Fields(line[strings.Index(line, ":"):]), " ")
		case strings.HasPrefix(line, "label-id"), strings.HasPrefix(line, file):
			other = append(other, strings.TrimSpace(line))
		}
	}
	return other, data
}

// The table of either board grows to any disk; sfdisk finds nothing wrong with
// it, and nothing else in it has changed.
func TestGrow(t *testing.T) {
	for _, board := range []image.Board{image.UEFI, image.RPi} {
		for _, sectors := range []int64{tableMiB<<11 + 2048*3, tableMiB<<12 + 77, 8 << 21} {
			file := table(t, board, tableMiB)
			before, _ := dump(t, file)
			writes, data, err := grow(head(t, file), uint64(sectors), image.Data)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(file, sectors*sector); err != nil {
				t.Fatal(err)
			}
			put(t, file, writes)
			if out, err := exec.Command("sfdisk", "--verify", file).CombinedOutput(); err != nil || !strings.Contains(string(out), "No errors detected") {
				t.Errorf("%s, %d sectors: %v\n%s", board, sectors, err, out)
			}
			after, line := dump(t, file)
			if fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("%s: %q became %q", board, before, after)
			}
			if want := fmt.Sprintf(": start= %d, size= %d,", data.first, data.count); !strings.HasPrefix(line, want) {
				t.Errorf("%s: data is %q, want %q", board, line, want)
			}
			if end := data.first + data.count; end%align != 0 || uint64(sectors)-end > 2*align {
				t.Errorf("%s: data ends at %d of %d", board, end, sectors)
			}
			if _, _, err := grow(head(t, file), uint64(sectors), image.Data); !errors.Is(err, errSmall) {
				t.Errorf("%s: the second time: %v", board, err)
			}
		}
	}
}

func put(t testing.TB, file string, writes []write) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, w := range writes {
		if _, err := f.WriteAt(w.bytes, w.at); err != nil {
			t.Fatal(err)
		}
	}
}

// A power cut after any sector leaves a table with all partitions: at the start,
// or at the end of the disk, where the kernel looks next when it is told gpt.
func TestGrowCut(t *testing.T) {
	const sectors = tableMiB << 12
	file := table(t, image.UEFI, tableMiB)
	old := head(t, file)
	writes, _, err := grow(old, sectors, image.Data)
	if err != nil {
		t.Fatal(err)
	}
	atStart, atEnd := 0, 0
	for n := range writes {
		for cut := 0; cut <= len(writes[n].bytes); cut += sector {
			disk := map[int64]byte{} // what was written, by place
			for i, w := range writes[:n+1] {
				for j, c := range w.bytes {
					if i < n || j < cut {
						disk[w.at+int64(j)] = c
					}
				}
			}
			read := func(lba uint64, count int) []byte {
				b := make([]byte, count*sector)
				if lba == 0 || lba == 1 || lba == 2 {
					copy(b, old[lba*sector:])
				}
				for i := range b {
					if c, ok := disk[int64(lba)*sector+int64(i)]; ok {
						b[i] = c
					}
				}
				return b
			}
			switch {
			case soundAt(read, 1):
				atStart++
			case soundAt(read, sectors-1):
				atEnd++
			default:
				t.Errorf("cut in write %d after %d bytes: no table", n, cut)
			}
		}
	}
	t.Logf("%d cuts leave the table at the start, %d the copy at the end", atStart, atEnd)
}

// soundAt does what the kernel does (block/partitions/efi.c).
func soundAt(read func(lba uint64, count int) []byte, lba uint64) bool {
	h := read(lba, 1)
	le := binary.LittleEndian
	if string(h[:8]) != "EFI PART" || le.Uint64(h[24:]) != lba {
		return false
	}
	sum := le.Uint32(h[16:])
	clear(h[16:20])
	return crc32.ChecksumIEEE(h[:92]) == sum && crc32.ChecksumIEEE(read(le.Uint64(h[72:]), entrySectors)) == le.Uint32(h[88:])
}

// What is not exactly a table of the image is left alone.
func TestGrowRefuses(t *testing.T) {
	file := table(t, image.UEFI, tableMiB)
	good := head(t, file)
	const sectors = tableMiB << 12
	for name, spoil := range map[string]func(b []byte){
		"nothing":            func(b []byte) { clear(b) },
		"no MBR":             func(b []byte) { b[510] = 0 },
		"a real MBR":         func(b []byte) { b[450] = 0x0c },
		"header":             func(b []byte) { b[sector+60]++ },
		"entries":            func(b []byte) { b[2*sector+200]++ },
		"entries far behind": func(b []byte) { b[20*sector]++ },
	} {
		b := bytes.Clone(good)
		spoil(b)
		if w, _, err := grow(b, sectors, image.Data); err == nil || w != nil {
			t.Errorf("%s: grown", name)
		}
	}
	if _, _, err := grow(good, sectors, image.Key); err == nil {
		t.Error("a partition with another behind it was grown")
	}
	if _, _, err := grow(good, sectors, "home"); err == nil {
		t.Error("a partition that is not there was grown")
	}
	for _, n := range []uint64{0, 1, headSectors, tableMiB << 10, tableMiB << 11} {
		if _, _, err := grow(good, n, image.Data); !errors.Is(err, errSmall) {
			t.Errorf("a disk of %d sectors: %v", n, err)
		}
	}
}

func FuzzGrow(f *testing.F) {
	f.Add([]byte{}, uint64(1<<30))
	f.Add(head(f, table(f, image.RPi, tableMiB)), uint64(1<<30))
	f.Fuzz(func(t *testing.T, b []byte, sectors uint64) {
		writes, _, err := grow(b, sectors, image.Data)
		for _, w := range writes {
			if err != nil || w.at < 0 || uint64(w.at)/sector+uint64(len(w.bytes))/sector > sectors {
				t.Fatalf("a write at %d of %d sectors, %v", w.at, sectors, err)
			}
		}
	})
}

func TestRecord(t *testing.T) {
	key := bytes.Repeat([]byte{7}, keySize)
	for _, r := range []record{{stage: making}, {stage: resetting}, {stage: wiped},
		{stage: made, seal: plain, secret: key}, {stage: made, seal: tpm, secret: bytes.Repeat([]byte{9}, secretMax)}} {
		b := r.encode()
		got, err := parseRecord(b)
		if err != nil || !bytes.Equal(got.encode(), b) {
			t.Errorf("%v: got %v, %v", r, got, err)
		}
		for i := range b {
			bad := bytes.Clone(b)
			bad[i]++
			if got, err := parseRecord(bad); err == nil {
				t.Errorf("%v with byte %d changed is %v", r, i, got)
			}
		}
	}
	if r, err := parseRecord(make([]byte, sector)); err != nil || r.stage != none {
		t.Errorf("zeros are %v, %v", r, err)
	}
	for _, r := range []record{{stage: made}, {stage: made, seal: plain, secret: key[1:]}, {stage: made, seal: 3, secret: key}, {stage: 9}, {stage: making, seal: plain, secret: key}} {
		if _, err := parseRecord(r.encode()); !errors.Is(err, errDamaged) {
			t.Errorf("%v was taken: %v", r, err)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(make([]byte, sector))
	f.Add(record{stage: made, seal: plain, secret: make([]byte, keySize)}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseRecord(b); err == nil && r.stage != none && !bytes.Equal(r.encode(), b) {
			t.Fatalf("%x was taken as %v", b, r)
		}
	})
}

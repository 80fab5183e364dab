package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"monban/image/content"
	"monban/image/place"
)

// A version: 256 blocks of file system, and the top block of its hash tree.
var (
	salt    = []byte{0, 0x11, 0xff}
	whole   = bytes.Repeat([]byte("monban's"), (1<<20+content.BlockSize)/8)
	version = content.Content{Root: sha256.Sum256(append(bytes.Clone(salt), whole[1<<20:]...)), Salt: salt, Offset: 1 << 20}
)

// A fakeDisk is one of a pretend machine.
type fakeDisk struct {
	at    string            // in /sys/devices
	parts map[string][]byte // content by name
}

const (
	inside = "pci0/nvme/nvme0/nvme0n1"
	card   = "pci0/mmc_host/mmc0/mmc0:0001/block/mmcblk0"
	stick  = "pci0/usb2/2-1/host0/target0/block/sda"
)

// put makes a disk appear in a pretend /sys and /dev.
func (d disks) put(t *testing.T, f fakeDisk) {
	t.Helper()
	write := func(file string, b []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at, name := filepath.Join(d.sys, "devices", f.at), filepath.Base(f.at)
	link := func(at string) {
		t.Helper()
		class := filepath.Join(d.sys, "class/block")
		if err := os.MkdirAll(class, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(at, filepath.Join(class, filepath.Base(at))); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(at, "uevent"), []byte("MAJOR=8\nMINOR=0\nDEVNAME="+name+"\nDEVTYPE=disk\n"))
	link(at)
	for part, b := range f.parts {
		device := name + "-" + part
		write(filepath.Join(at, device, "uevent"), []byte("DEVNAME="+device+"\nDEVTYPE=partition\nPARTN=2\nPARTNAME="+part+"\n"))
		write(filepath.Join(at, device, "partition"), []byte("2\n"))
		write(filepath.Join(d.dev, device), b)
		link(filepath.Join(at, device))
	}
}

// machine is a pretend one with these disks.
func machine(t *testing.T, all ...fakeDisk) disks {
	t.Helper()
	d := disks{sys: t.TempDir(), dev: t.TempDir(), sleep: func(time.Duration) {}}
	for _, f := range all {
		d.put(t, f)
	}
	return d
}

// The slot is the one that holds the wanted tree, wherever it is.
func TestFindSlot(t *testing.T) {
	for _, c := range []struct {
		parts     map[string][]byte
		slot, err string
	}{
		{map[string][]byte{"root-a": whole, "root-b": make([]byte, 2<<20)}, "root-a", ""},
		{map[string][]byte{"root-a": make([]byte, 2<<20), "root-b": whole}, "root-b", ""},
		{map[string][]byte{"root-a": whole, "root-b": whole}, "root-a", ""},
		{map[string][]byte{"root-a": whole[:1<<20], "root-b": nil}, "", "holds something else"},
		{map[string][]byte{"root-a": make([]byte, 2<<20)}, "", "root-a on /"},
		{map[string][]byte{"data": whole}, "", "no disk with a partition"},
		{nil, "", "no disk with a partition"},
	} {
		d := machine(t, fakeDisk{inside, c.parts})
		p, why, err := d.find(version)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
			continue
		}
		if err != nil || p.Name != c.slot || p.Disk != "nvme0n1" || p.Device != filepath.Join(d.dev, "nvme0n1-"+c.slot) || why != "" {
			t.Errorf("%+v, %q, %v, want %s", p, why, err, c.slot)
		}
	}
}

// A single altered byte in the top block is another root hash.
func TestMatchesNothingElse(t *testing.T) {
	other := bytes.Clone(whole)
	other[1<<20+4095] ^= 1
	if p, _, err := machine(t, fakeDisk{inside, map[string][]byte{"root-a": other}}).find(version); err == nil {
		t.Errorf("took %+v", p)
	}
}

// A disk that comes late is waited for.
func TestFindSlotWaits(t *testing.T) {
	d := machine(t)
	d.wait = time.Minute
	rounds := 0
	d.sleep = func(time.Duration) {
		if rounds++; rounds == 3 {
			d.put(t, fakeDisk{inside, map[string][]byte{"root-b": whole}})
		}
	}
	if p, _, err := d.find(version); err != nil || p.Name != "root-b" {
		t.Errorf("%+v, %v", p, err)
	}
}

// Of two disks with the same version the box's own is taken, whichever answers
// first: a stick would bring its own key and an empty partition data.
func TestTwoDisks(t *testing.T) {
	used := append([]byte(machineIDMagic), make([]byte, 2*sector)...)
	holding := func(at string, key []byte) fakeDisk {
		return fakeDisk{at, map[string][]byte{"root-a": whole, "key": key}}
	}
	fresh := make([]byte, 3*sector)
	for _, c := range []struct {
		name      string
		a, b      fakeDisk
		disk, why string
	}{
		{"a box and its stick", holding(inside, used), holding(stick, fresh), "nvme0n1", "was started from before"},
		{"a box on a stick, and a new disk", holding(inside, fresh), holding(stick, used), "sda", "was started from before"},
		{"both were used", holding(inside, used), holding(stick, used), "nvme0n1", "is not on USB"},
		{"both are new", holding(inside, fresh), holding(stick, fresh), "nvme0n1", "is not on USB"},
		{"a disk and a card", holding(inside, used), holding(card, used), "mmcblk0", "is first by name"},
		{"a disk without key", fakeDisk{inside, map[string][]byte{"root-a": whole}}, holding(stick, used), "sda", "was started from before"},
		{"a key too short", holding(inside, nil), holding(card, used), "mmcblk0", "was started from before"},
		{"another version", fakeDisk{inside, map[string][]byte{"root-a": make([]byte, 2<<20), "key": used}}, holding(stick, fresh), "sda", ""},
	} {
		for _, order := range [][2]fakeDisk{{c.a, c.b}, {c.b, c.a}} {
			d := machine(t, order[0])
			d.wait, d.settle = time.Minute, time.Second
			var slept time.Duration
			d.sleep = func(s time.Duration) {
				if slept += s; slept == s {
					d.put(t, order[1])
				}
			}
			p, why, err := d.find(version)
			if err != nil || p.Disk != c.disk || !strings.HasSuffix(why, c.why) || (why == "") != (c.why == "") || why != "" && !strings.Contains(why, p.Device+" is taken") {
				t.Errorf("%s, %s first: took %+v because %q, %v", c.name, filepath.Base(order[0].at), p, why, err)
			}
			// Every boot waits for this.
			if slept > d.settle+100*time.Millisecond {
				t.Errorf("%s: %v slept", c.name, slept)
			}
		}
	}
}

func TestSlotOf(t *testing.T) {
	got := slotOf(place.Partition{Name: "root-b", Device: "/dev/sda3", Disk: "sda"}, content.Content{Root: [32]byte{0: 0x23, 31: 0xa2}})
	if want := (place.Slot{Partition: "root-b", Device: "/dev/sda3", Disk: "/dev/sda", Root: "23" + strings.Repeat("00", 30) + "a2"}); got != want {
		t.Errorf("%+v", got)
	}
}

func TestVerityTable(t *testing.T) {
	want := fmt.Sprintf("1 /dev/sda2 /dev/sda2 4096 4096 256 256 sha256 %x 0011ff 1 restart_on_corruption", sha256.Sum256(append(salt, whole[1<<20:]...)))
	if got := verityTable("/dev/sda2", version); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	b := mapperTarget("verity", 2048, want)
	var spec unix.DmTargetSpec
	n, err := binary.Decode(b, binary.NativeEndian, &spec)
	if err != nil || n != unix.SizeofDmTargetSpec || len(b)%8 != 0 || spec.Length != 2048 || string(bytes.TrimRight(spec.Target_type[:], "\x00")) != "verity" {
		t.Errorf("%+v, %d, %v", spec, n, err)
	}
	if text, rest, ended := strings.Cut(string(b[n:]), "\x00"); text != want || !ended || strings.Trim(rest, "\x00") != "" {
		t.Errorf("%q", b[n:])
	}
}

func TestModuleList(t *testing.T) {
	got := moduleList("/modules/virtio.ko\n\n /modules/dm-verity.ko \n/modules/squashfs.ko")
	if want := []string{"/modules/virtio.ko", "/modules/dm-verity.ko", "/modules/squashfs.ko"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// The id is made once and then kept; one that is not sound is made anew.
func TestMachineID(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	get := func() string {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		id, err := machineID(f)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(id)
	}
	first := get()
	if len(first) != 32 || first[12] != '4' || get() != first {
		t.Errorf("%s, then %s", first, get())
	}
	b, err := os.ReadFile(file)
	if err != nil || len(b) != 1<<20 || !bytes.Equal(b[sector:], make([]byte, 1<<20-sector)) {
		t.Errorf("what follows the record was changed: %v", err)
	}
	for _, at := range []int{0, 16, 40, 500} {
		before := get()
		b, _ := os.ReadFile(file)
		b[at] ^= 1
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if get() == before {
			t.Errorf("a record with byte %d changed was taken", at)
		}
	}
}

func FuzzMachineID(f *testing.F) {
	f.Add(machineIDRecord(make([]byte, 16)))
	f.Add(make([]byte, sector))
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, ok := parseMachineID(b); ok && !bytes.Equal(machineIDRecord(id), b) {
			t.Errorf("%x was taken as %x", b, id)
		}
	})
}

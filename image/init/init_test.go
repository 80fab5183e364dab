package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const goodLine = "console=ttyS0 monban.root=" + goodRoot + " monban.salt=0011ff monban.offset=1048576 panic=5\n"

// What veritysetup 2.7.5 says of the file system that contents makes:
// veritysetup format --no-superblock --salt=0011ff --hash-offset=1048576 --data-blocks=256 f f
const goodRoot = "23a2c07199d4ac8aef6343e741ab43968c3b672ae2c18755dc1a5de98da8d478"

// contents is a file system of 256 blocks, each of its number, with its tree.
func contents() []byte {
	var data []byte
	for i := range 256 {
		data = append(data, bytes.Repeat([]byte{byte(i)}, blockSize)...)
	}
	return append(data, tree(data, []byte{0, 0x11, 0xff})...)
}

// tree makes a hash tree as the kernel wants it: the level above all others
// first, each filled up to whole blocks.
func tree(data, salt []byte) (all []byte) {
	for level := data; len(level) > blockSize; {
		var next []byte
		for b := range slices.Chunk(level, blockSize) {
			sum := sha256.Sum256(append(slices.Clone(salt), b...))
			next = append(next, sum[:]...)
		}
		next = append(next, make([]byte, (blockSize-len(next)%blockSize)%blockSize)...)
		all = append(next, all...)
		level = next
	}
	return all
}

func good(t *testing.T) wanted {
	w, err := parseCommandLine(goodLine)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestCommandLine(t *testing.T) {
	if w := good(t); hex.EncodeToString(w.root) != goodRoot || !bytes.Equal(w.salt, []byte{0, 0x11, 0xff}) || w.offset != 1<<20 {
		t.Errorf("%+v", w)
	}
	for _, c := range []struct{ old, new, want string }{
		{"monban.root", "root", "monban.root="},
		{goodRoot, goodRoot[2:], "monban.root="},
		{goodRoot, goodRoot + "00", "monban.root="},
		{"23a2", "zzzz", "monban.root="},
		{"0011ff", "", "monban.salt="},
		{"0011ff", "001", "monban.salt="},
		{"0011ff", strings.Repeat("00", 257), "monban.salt="},
		{"1048576", "1048577", "monban.offset="},
		{"1048576", "-4096", "monban.offset="},
		{"1048576", "4096", "monban.offset="},
		{"1048576", "0x100000", "monban.offset="},
		{"1048576", "99999999999999999999", "monban.offset="},
		{"panic=5", "monban.salt=0011ff", "monban.salt is given twice"},
	} {
		_, err := parseCommandLine(strings.Replace(goodLine, c.old, c.new, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

func FuzzCommandLine(f *testing.F) {
	f.Add(goodLine)
	f.Add("monban.root= monban.salt monban.offset=4096")
	f.Fuzz(func(t *testing.T, line string) {
		w, err := parseCommandLine(line)
		if err != nil {
			return
		}
		if len(w.root) != 32 || len(w.salt) == 0 || len(w.salt) > maxSalt || w.offset <= blockSize || w.offset%blockSize != 0 {
			t.Errorf("%q gave %+v", line, w)
		}
		// Whatever it was, it is one line of words to the kernel.
		if n := len(strings.Fields(verityTable("/dev/sda2", w))); n != 12 {
			t.Errorf("%q gave a table of %d words", line, n)
		}
	})
}

// machine is a pretend /sys and /dev with a disk of these partitions.
func machine(t *testing.T, parts map[string][]byte) (sys, dev string) {
	sys, dev = t.TempDir(), t.TempDir()
	class := filepath.Join(sys, "class/block")
	if err := os.MkdirAll(class, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(device, event string) {
		at := filepath.Join(sys, "devices/pci/block/sda", device)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "uevent"), []byte(event), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(at, filepath.Join(class, filepath.Base(at))); err != nil {
			t.Fatal(err)
		}
	}
	put("", "MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\n")
	for name, content := range parts {
		device := "sda-" + name
		put(device, "DEVNAME="+device+"\nDEVTYPE=partition\nPARTN=2\nPARTNAME="+name+"\n")
		if err := os.WriteFile(filepath.Join(dev, device), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return sys, dev
}

// The slot is the one that holds the wanted tree, wherever it is.
func TestFindSlot(t *testing.T) {
	whole := contents()
	for _, c := range []struct {
		parts     map[string][]byte
		slot, err string
	}{
		{map[string][]byte{"root-a": whole, "root-b": make([]byte, 2<<20)}, "root-a", ""},
		{map[string][]byte{"root-a": make([]byte, 2<<20), "root-b": whole}, "root-b", ""},
		{map[string][]byte{"root-a": whole, "root-b": whole}, "root-a", ""},
		{map[string][]byte{"root-a": whole[:1<<20], "root-b": nil}, "", "EOF"},
		{map[string][]byte{"root-a": make([]byte, 2<<20)}, "", "root-a on /"},
		{map[string][]byte{"data": whole}, "", "no disk with a partition"},
		{nil, "", "no disk with a partition"},
	} {
		sys, dev := machine(t, c.parts)
		p, err := findSlot(sys, dev, good(t), 0)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%v, want %q", err, c.err)
			}
			continue
		}
		if err != nil || p.name != c.slot || p.disk != "sda" || p.device != filepath.Join(dev, "sda-"+c.slot) {
			t.Errorf("%+v, %v, want %s", p, err, c.slot)
		}
	}
}

// A single altered byte in the top block is another root hash.
func TestMatchesNothingElse(t *testing.T) {
	whole := contents()
	whole[1<<20+4095] ^= 1
	sys, dev := machine(t, map[string][]byte{"root-a": whole})
	if p, err := findSlot(sys, dev, good(t), 0); err == nil {
		t.Errorf("took %+v", p)
	}
}

// A disk that comes late is waited for.
func TestFindSlotWaits(t *testing.T) {
	sys, dev := machine(t, map[string][]byte{"root-b": contents()})
	class := filepath.Join(sys, "class/block")
	if err := os.Rename(class, class+".later"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = os.Rename(class+".later", class) })
	if p, err := findSlot(sys, dev, good(t), 10*time.Second); err != nil || p.name != "root-b" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestTell(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "monban-init")
	p := partition{"root-b", "/dev/sda3", "sda"}
	if err := p.tell(dir, good(t)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "slot"))
	want := `{"partition":"root-b","device":"/dev/sda3","disk":"/dev/sda","root":"` + goodRoot + `"}` + "\n"
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestVerityTable(t *testing.T) {
	const want = "1 /dev/sda2 /dev/sda2 4096 4096 256 256 sha256 " + goodRoot + " 0011ff 1 restart_on_corruption"
	if got := verityTable("/dev/sda2", good(t)); got != want {
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

func FuzzEvent(f *testing.F) {
	f.Add("DEVNAME=sda2\nPARTNAME=root-a\n")
	f.Fuzz(func(t *testing.T, event string) {
		name, device := parseEvent(event)
		if !strings.Contains(event, name) || !strings.Contains(event, device) || strings.Contains(name+device, "\n") {
			t.Errorf("%q gave %q, %q", event, name, device)
		}
	})
}

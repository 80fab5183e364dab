package place

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// machine is a pretend /sys of a disk inside, one on USB, and one without a
// table that a file system's name was written to.
func machine(t *testing.T) (sys string) {
	t.Helper()
	sys = t.TempDir()
	device := func(at, event string, number string) {
		t.Helper()
		put(t, filepath.Join(sys, at, "uevent"), event)
		if number != "" {
			put(t, filepath.Join(sys, at, "partition"), number+"\n")
		}
		class := filepath.Join(sys, "class/block")
		if err := os.MkdirAll(class, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("../..", at), filepath.Join(class, filepath.Base(at))); err != nil {
			t.Fatal(err)
		}
	}
	for disk, at := range map[string]string{"nvme0n1": "devices/pci/nvme/nvme0/nvme0n1", "sda": "devices/pci/usb2/2-1/host0/block/sda"} {
		device(at, "DEVNAME="+disk+"\nDEVTYPE=disk\n", "")
		// Neither a part of a disk nor what belongs to one is a partition.
		put(t, filepath.Join(sys, at, "queue/uevent"), "DEVNAME=queue\nPARTNAME=esp\n")
		put(t, filepath.Join(sys, at, "device/partition"), "9\n")
		for n, name := range []string{"esp", "root-a"} {
			part := disk + map[bool]string{true: "p"}[disk == "nvme0n1"] + string(rune('1'+n))
			device(at+"/"+part, "DEVNAME="+part+"\nDEVTYPE=partition\nPARTN="+string(rune('1'+n))+"\nPARTNAME="+name+"\n", string(rune('1'+n)))
		}
	}
	device("devices/pci/ata1/block/sdb", "DEVNAME=sdb\nDEVTYPE=disk\nPARTNAME=esp\n", "")
	device("devices/pci/ata1/block/sdb/sdb1", "DEVNAME=sdb1\nDEVTYPE=partition\nPARTN=1\n", "1") // without a name
	return sys
}

func TestPartitions(t *testing.T) {
	got := Partitions(machine(t), "/dev")
	want := []Partition{
		{"esp", "/dev/nvme0n1p1", "nvme0n1", false}, {"root-a", "/dev/nvme0n1p2", "nvme0n1", false},
		{"esp", "/dev/sda1", "sda", true}, {"root-a", "/dev/sda2", "sda", true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if got := Partitions(t.TempDir(), "/dev"); got != nil {
		t.Errorf("in nothing: %+v", got)
	}
}

// The disk decides; a name that is on it twice is nobody's.
func TestFind(t *testing.T) {
	sys := machine(t)
	for _, c := range []struct{ disk, name, want string }{
		{"sda", "esp", "/dev/sda1"}, {"/dev/sda", "root-a", "/dev/sda2"}, {"/dev/nvme0n1", "esp", "/dev/nvme0n1p1"},
		{"sda", "root-b", ""}, {"sda", "", ""}, {"sdb", "esp", ""}, {"sdc", "esp", ""}, {"", "esp", ""}, {"..", "esp", ""},
	} {
		got, err := Find(sys, "/dev", c.disk, c.name)
		if got != c.want || errors.Is(err, ErrNone) != (c.want == "") {
			t.Errorf("%s on %s: %q, %v", c.name, c.disk, got, err)
		}
	}
	put(t, filepath.Join(sys, "class/block/sda2/uevent"), "DEVNAME=sda2\nPARTNAME=esp\n")
	if got, err := Find(sys, "/dev", "sda", "esp"); err == nil || errors.Is(err, ErrNone) || got != "" {
		t.Errorf("of two: %q, %v", got, err)
	}
	if got, err := Find(sys, "/dev", "nvme0n1", "esp"); got != "/dev/nvme0n1p1" || err != nil {
		t.Errorf("of two on another disk: %q, %v", got, err)
	}
}

func TestSlot(t *testing.T) {
	run := t.TempDir()
	if s, err := Read(run); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%+v, %v", s, err)
	}
	s := Slot{"root-b", "/dev/sda3", "/dev/sda", "23a2"}
	if err := s.Write(run); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(run); err != nil || got != s {
		t.Errorf("%+v, %v", got, err)
	}
	b, err := os.ReadFile(filepath.Join(run, "monban-init/slot"))
	if want := `{"partition":"root-b","device":"/dev/sda3","disk":"/dev/sda","root":"23a2"}` + "\n"; err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
	// A name that Go and JSON quote differently.
	s.Partition, run = "root-\x07\x7f\"\\é\u2028", t.TempDir()
	if err := s.Write(run); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(run); err != nil || got != s {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "{}", "[]", `{"partition":"root-a"}`, `{"disk":"/dev/sda"}`, `{"partition":"root-\x07","disk":"/dev/sda"}`} {
		if s, err := parse([]byte(bad)); err == nil {
			t.Errorf("%s is %+v", bad, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"partition":"root-b","device":"/dev/sda3","disk":"/dev/sda","root":"23a2"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parse(b)
		if err != nil {
			return
		}
		if back, err := parse([]byte(s.text())); err != nil || back != s {
			t.Errorf("%q gave %+v, then %+v, %v", b, s, back, err)
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

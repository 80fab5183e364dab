package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/gateway/bootslot"
	"monban/image/place"
)

// A PC with the box's disk and a stick that holds the same image.
func sysfs(t *testing.T) (sys, dev string) {
	t.Helper()
	dir := t.TempDir()
	put := func(name, s string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"nvme0n1", "sdb"} {
		at := "sys/devices/pci/block/" + d
		put(at+"/uevent", "DEVNAME="+d+"\nDEVTYPE=disk\n")
		put(at+"/queue/uevent", "PARTNAME=esp\n") // of no partition
		for i, name := range []string{"esp", "root-a", "root-b"} {
			p := d + []string{"p", ""}[min(len(d)%7, 1)] + string(rune('1'+i))
			put(at+"/"+p+"/uevent", "DEVNAME="+p+"\nDEVTYPE=partition\nPARTN=1\nPARTNAME="+name+"\n")
			put(at+"/"+p+"/partition", "1\n")
			put("dev/"+p, strings.Repeat(name, 100))
			link("../../devices/pci/block/"+d+"/"+p, filepath.Join(dir, "sys/class/block", p))
		}
		link("../../devices/pci/block/"+d, filepath.Join(dir, "sys/class/block", d))
	}
	return filepath.Join(dir, "sys"), filepath.Join(dir, "dev")
}

func TestPartitionsOfOurDisk(t *testing.T) {
	sys, dev := sysfs(t)
	l, err := here(place.Slot{Partition: "root-b", Device: "/dev/nvme0n1p3", Disk: "/dev/nvme0n1"}, sys, dev)
	if err != nil {
		t.Fatal(err)
	}
	if s := l.Running(); s != "b" {
		t.Error(s, err)
	}
	if d, err := l.device("root-a"); err != nil || d != filepath.Join(dev, "nvme0n1p2") {
		t.Error(d, err)
	}
	if d, err := l.device("esp"); err != nil || d != filepath.Join(dev, "nvme0n1p1") {
		t.Error(d, err)
	}
	if d, err := l.device("root-c"); err == nil {
		t.Error(d)
	}
	f, err := l.Raw("root-a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.Size(); err != nil || n != int64(len("root-a")*100) {
		t.Error(n, err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Error(err)
	}
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
	b := make([]byte, 6)
	if _, err := f.ReadAt(b, 0); err != nil || string(b) != "newt-a" {
		t.Errorf("%q %v", b, err)
	}
	if err := os.WriteFile(filepath.Join(sys, "class/block/nvme0n1/nvme0n1p3/uevent"), []byte("DEVNAME=nvme0n1p3\nPARTNAME=root-a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := l.device("root-a"); err == nil {
		t.Errorf("of two: %s", d)
	}
	for _, s := range []string{"", "root-", "root-c", "data", "root-ab"} {
		if l, err := here(place.Slot{Partition: s, Disk: "/dev/sda"}, sys, dev); err == nil {
			t.Errorf("%s is %+v", s, l)
		}
	}
}

func TestFiles(t *testing.T) {
	top := t.TempDir()
	d, err := openDir(top)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if sizes, err := d.List(uefiDir); err != nil || len(sizes) != 0 {
		t.Error(sizes, err)
	}
	f, err := d.Create(uefiDir + "/monban_1.0.0.part")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := f.Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
	}
	err = errors.Join(f.Sync(), f.Close(), d.Sync(), d.Rename(uefiDir+"/monban_1.0.0.part", uefiDir+"/monban_1.0.0.new"), d.Sync())
	if err != nil {
		t.Fatal(err)
	}
	if sizes, err := d.List(uefiDir); err != nil || len(sizes) != 1 || sizes["monban_1.0.0.new"] != 9 {
		t.Error(sizes, err)
	}
	if err := os.WriteFile(filepath.Join(top, autoboot), bootslot.Autoboot(2, 3), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Patch(autoboot, bootslot.Autoboot(3, 2)); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(filepath.Join(top, autoboot)); err != nil || !bytes.Equal(b, bootslot.Autoboot(3, 2)) {
		t.Errorf("%q %v", b, err)
	}
	if free, err := d.Free(); err != nil || free <= 0 {
		t.Error(free, err)
	}
	if err := d.Remove(uefiDir + "/monban_1.0.0.new"); err != nil {
		t.Error(err)
	}
	if err := os.Symlink("/etc", filepath.Join(top, "out")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open("out/passwd"); err == nil {
		t.Error("a link leads out")
	}
	if _, err := d.Open("../x"); err == nil {
		t.Error("a name leads out")
	}
}

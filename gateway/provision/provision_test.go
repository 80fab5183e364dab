package provision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"monban/gateway/config"
	"monban/gateway/text"
	"monban/image"
	"monban/image/place"
)

// kept is a state directory in memory.
type kept map[string]string

func (k kept) Has(name string) bool { _, ok := k[name]; return ok }
func (k kept) Write(name string, b []byte) error {
	k[name] = string(b)
	return nil
}

func check(b []byte) error {
	_, err := config.Parse(b)
	return err
}

// stick is a directory with these files, and options to take from it.
func stick(t *testing.T, files map[string]string) (Options, kept, *os.Root) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	state := kept{}
	o := Options{State: state, Run: t.TempDir(), Check: check}
	if err := os.Mkdir(filepath.Join(o.Run, runDir), 0o700); err != nil {
		t.Fatal(err)
	}
	return o, state, root
}

func codes(r Report) (all []string) {
	for _, f := range r.Faults {
		all = append(all, fmt.Sprint(f.Field, " ", f.Code, " ", f.Args["line"]))
	}
	return all
}

func TestTake(t *testing.T) {
	good := string(config.Example)
	broken := strings.Replace(good, "192.168.10.1/24", "192.168.10.300/24", 1)
	for name, c := range map[string]struct {
		files map[string]string
		want  string // source, taken, code
		fault string
		keeps string
	}{
		"a good one":           {map[string]string{"site.toml": good}, "stick true false", "[]", "site.toml"},
		"with a code":          {map[string]string{"site.toml": good, "setup-code": "abcd-efgh-jkmn-pqrs\n"}, "stick true true", "[]", "setup-code.seed site.toml"},
		"nothing":              {nil, " false false", "[]", ""},
		"a fault":              {map[string]string{"site.toml": broken}, "stick false false", "[lan.addresses[1] config.address 15]", ""},
		"another program's":    {map[string]string{"site.toml": "#!/bin/sh\n"}, "stick false false", "[clinic config.missing 1 dns.upstreams config.missing 1 lan.addresses config.missing 1 lan.interface config.missing 1 version config.version 1]", ""},
		"a hidden ending":      {map[string]string{"site.toml.txt": good}, "stick false false", "[site.toml.txt provision.ending 1]", ""},
		"too large":            {map[string]string{"site.toml": strings.Repeat("#", config.MaxSize+1)}, "stick false false", "[site.toml provision.large <nil>]", ""},
		"a short code":         {map[string]string{"setup-code": "1234"}, " false false", "[setup-code provision.code <nil>]", ""},
		"a code of one letter": {map[string]string{"setup-code": strings.Repeat("a", 20)}, " false false", "[setup-code provision.code <nil>]", ""},
		"a huge code":          {map[string]string{"setup-code": strings.Repeat("abcdefgh", 100)}, " false false", "[setup-code provision.large <nil>]", ""},
	} {
		o, state, root := stick(t, c.files)
		var r Report
		o.take(&r, Stick, root)
		if got := fmt.Sprint(r.Source, " ", r.Taken, " ", r.Code); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got := fmt.Sprint(codes(r)); got != c.fault {
			t.Errorf("%s: %s, want %s", name, got, c.fault)
		}
		var keeps []string
		for _, name := range []string{"setup-code.seed", "site.toml"} {
			if state.Has(name) {
				keeps = append(keeps, name)
			}
		}
		if got := strings.Join(keeps, " "); got != c.keeps {
			t.Errorf("%s: keeps %q, want %q", name, got, c.keeps)
		}
		if said := r.Say(text.EN); strings.ContainsAny(said, "{}") || strings.Count(said, "\n") < 1 {
			t.Errorf("%s: says %q", name, said)
		}
		for _, r := range r.Say(text.EN) {
			if r > 0x7e {
				t.Errorf("%s: the console has no %q", name, r)
			}
		}
	}
}

// A good file on a stick makes the fault of the first partition's of no matter.
func TestTakeAfterFault(t *testing.T) {
	o, state, root := stick(t, map[string]string{"site.toml": string(config.Example)})
	r := Report{Source: Disk, SHA256: "x", Faults: []*text.Fault{text.NewFault("provision.ending")}, Code: true}
	o.take(&r, Stick, root)
	if !r.Taken || r.Source != Stick || len(r.Faults) != 0 || !r.Code || state["site.toml"] != string(config.Example) {
		t.Errorf("%+v", r)
	}
	if err := o.report(r); err != nil {
		t.Fatal(err)
	}
	back, ok := Read(filepath.Join(o.Run, RunReport))
	if !ok || back.SHA256 != r.SHA256 || !state.Has(Kept) {
		t.Errorf("%+v", back)
	}
}

// A disk that cannot be written to is told.
type full struct{ kept }

func (full) Write(string, []byte) error { return errors.New("no space left on device") }

func TestFullDisk(t *testing.T) {
	o, _, root := stick(t, map[string]string{"site.toml": string(config.Example), "setup-code": "abcd-efgh-jkmn-pqrs"})
	o.State = full{}
	var r Report
	o.take(&r, Disk, root)
	if got := fmt.Sprint(r.Taken, r.Code, codes(r)); got != "false false [ provision.unreadable <nil>  provision.unreadable <nil>]" {
		t.Error(got)
	}
}

// machine is a tree like /sys: a box started from vdb, another disk with
// partitions of the same names, and a stick.
func machine(t *testing.T) (m Machine, run string) {
	t.Helper()
	dir := t.TempDir()
	m, run = Machine{Sys: filepath.Join(dir, "sys"), Dev: filepath.Join(dir, "dev")}, filepath.Join(dir, "run")
	file := func(path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(path, to string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	sys := func(parts ...string) string { return filepath.Join(append([]string{m.Sys}, parts...)...) }
	for _, at := range []string{"devices/pci/virtio1/block/vdb", "devices/pci/virtio0/block/vda", "devices/pci/usb1/1-1/block/sda"} {
		disk := filepath.Base(at)
		for n, name := range []string{"esp", "root-a"} {
			part := fmt.Sprint(disk, n+1)
			file(sys(at, part, "partition"), fmt.Sprint(n+1))
			file(sys(at, part, "uevent"), "DEVNAME="+part+"\nDEVTYPE=partition\nPARTN=1\nPARTNAME="+name+"\n")
			link(sys("class/block", part), sys(at, part))
		}
		link(sys("class/block", disk), sys(at))
	}
	if err := (place.Slot{Partition: image.RootA, Device: "/dev/vdb2", Disk: "/dev/vdb"}).Write(run); err != nil {
		t.Fatal(err)
	}
	for _, dev := range []string{"vda1", "vdb1", "sda2"} {
		file(filepath.Join(m.Dev, dev), string(fat16("MONBAN")))
	}
	file(filepath.Join(m.Dev, "sda"), "a table of partitions")
	file(filepath.Join(m.Dev, "sda1"), string(fat16("PHOTOS")))
	return m, run
}

func TestMachine(t *testing.T) {
	m, run := machine(t)
	if got, err := m.Boot(run); got != filepath.Join(m.Dev, "vdb1") || err != nil {
		t.Error("started from", got, err)
	}
	if got := m.Sticks(run); len(got) != 1 || got[0] != filepath.Join(m.Dev, "sda2") {
		t.Error("sticks", got)
	}
	none := Machine{Sys: t.TempDir(), Dev: t.TempDir()}
	if got, err := none.Boot(t.TempDir()); got != "" || err != nil || none.Sticks(t.TempDir()) != nil {
		t.Error("found something in nothing", got, err)
	}
	if got, err := none.Boot(run); got != "" || err == nil {
		t.Error("found the disk in nothing", got, err)
	}
	// Which of two is the box's cannot be told, and nothing is taken from either.
	if err := os.WriteFile(filepath.Join(m.Sys, "class/block/vdb2/uevent"), []byte("DEVNAME=vdb2\nPARTNAME=esp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Boot(run); got != "" || err == nil {
		t.Error("of two:", got, err)
	}
}

// The box's own disk may be on USB: its partition is no stick, and is told
// once, as the disk's; a real stick is waited for.
func TestBootFromUSB(t *testing.T) {
	o, _, _ := stick(t, nil)
	o.Machine, o.Run = machine(t)
	if err := os.Remove(filepath.Join(o.Run, place.Dir, "slot")); err != nil {
		t.Fatal(err)
	}
	if err := (place.Slot{Partition: image.RootA, Device: "/dev/sda2", Disk: "/dev/sda"}).Write(o.Run); err != nil {
		t.Fatal(err)
	}
	if got, err := o.Machine.Boot(o.Run); got != filepath.Join(o.Machine.Dev, "sda1") || err != nil {
		t.Error("started from", got, err)
	}
	if got := o.Machine.Sticks(o.Run); got != nil {
		t.Error("its own disk for a stick:", got)
	}
	o.Patience = 600 * time.Millisecond // one look more
	began := time.Now()
	if r, err := Run(t.Context(), o); err != nil || len(r.Faults) != 1 || time.Since(began) < o.Patience {
		t.Errorf("%v, %v after %v", codes(r), err, time.Since(began))
	}
	at := filepath.Join(o.Machine.Sys, "devices/pci/usb1/1-2/block/sdb")
	if err := errors.Join(os.MkdirAll(at, 0o700), os.Symlink(at, filepath.Join(o.Machine.Sys, "class/block/sdb")),
		os.WriteFile(filepath.Join(o.Machine.Dev, "sdb"), fat16("MONBAN"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := o.Machine.Sticks(o.Run); len(got) != 1 || got[0] != filepath.Join(o.Machine.Dev, "sdb") {
		t.Error("sticks", got)
	}
}

// What cannot be mounted is told, and nothing is taken.
func TestRunWithoutFileSystem(t *testing.T) {
	o, state, _ := stick(t, nil)
	o.Machine, o.Run = machine(t)
	r, err := Run(t.Context(), o)
	if err != nil || r.Taken || len(r.Faults) == 0 || len(state) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Run, runDir, "mnt-*")); left != nil {
		t.Error("left behind:", left)
	}
	o.Machine, o.Run = Machine{Sys: t.TempDir(), Dev: t.TempDir()}, t.TempDir()
	o.Patience = time.Millisecond
	if r, err = Run(t.Context(), o); err != nil || r.Source != "" || len(r.Faults) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// fat16 is the beginning of a FAT16 file system with that label in its root
// directory, after a deleted file and a part of a long name.
func fat16(label string) []byte {
	b := make([]byte, 16<<10)
	binary.LittleEndian.PutUint16(b[11:], 512)
	b[13], b[16], b[510], b[511] = 4, 2, 0x55, 0xaa
	binary.LittleEndian.PutUint16(b[14:], 1)
	binary.LittleEndian.PutUint16(b[17:], 512)
	binary.LittleEndian.PutUint16(b[22:], 2)
	copy(b[43:54], "NO NAME    ")
	root := b[(1+2*2)*512:]
	copy(root, "\xe5LD     TXT\x08")
	copy(root[32:], "\x41s\x00i\x00t\x00e\x00\x00\x0f")
	copy(root[64:], fmt.Sprintf("%-11s\x08", label))
	return b
}

func TestLabel(t *testing.T) {
	unlabelled := fat16("")
	copy(unlabelled[(1+2*2)*512+64:], make([]byte, 32))
	for want, b := range map[string][]byte{"MONBAN": fat16("MONBAN"), "NO NAME": unlabelled} {
		if got, err := Label(bytes.NewReader(b)); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	for _, b := range [][]byte{nil, []byte("x"), make([]byte, 512), fat16("MONBAN")[:511]} {
		if got, err := Label(bytes.NewReader(b)); err == nil {
			t.Errorf("%d bytes: %q", len(b), got)
		}
	}
}

// What the usual program writes is read, whatever the size.
func TestLabelOfRealFileSystems(t *testing.T) {
	mkfs, err := exec.LookPath("mkfs.vfat")
	if err != nil {
		t.Skip("needs mkfs.vfat: apt-get install dosfstools")
	}
	for _, args := range [][]string{{"-F12", "2M"}, {"-F16", "32M"}, {"-F32", "64M"}} {
		img := filepath.Join(t.TempDir(), "img")
		if err := exec.Command("truncate", "-s", args[1], img).Run(); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(mkfs, args[0], "-n", "MONBAN", img).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got, err := labelOf(img); err != nil || got != "MONBAN" {
			t.Errorf("%v: %q, %v", args, got, err)
		}
	}
}

func FuzzLabel(f *testing.F) {
	f.Add(fat16("MONBAN"))
	f.Add([]byte("\xeb\x58\x90mkfs.fat"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if label, err := Label(bytes.NewReader(b)); err == nil && len(label) > 11 {
			t.Errorf("%q", label)
		}
	})
}

// A report is read from a file that anything could have written.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"source":"stick","taken":false,"faults":[{"code":"config.missing","field":"lan","args":{"line":7}}]}`))
	f.Add([]byte(`{"faults":[null]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "report.json")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, ok := Read(path); ok {
			_ = r.Say(text.EN)
		}
	})
}

package build

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/image"
)

// Files of ours that no package has: root is laid over the packages', test over
// both in test images.
//
//go:embed root test
var ownFiles embed.FS

//go:embed masks.txt
var masksText string

// A file is one of ours in the root: what it holds, or where it leads.
type file struct {
	content []byte
	link    string
	program bool
}

// own returns our files by path: all that makes the packages a firmware, but
// for the programs.
func (i Image) own() (map[string]file, error) {
	files := map[string]file{}
	root, _ := fs.Sub(ownFiles, "root")
	if err := copyTo(files, root, func(name string) string { return name }); err != nil {
		return nil, err
	}
	units, _ := fs.Sub(image.Units, "systemd")
	if err := copyTo(files, units, unitPath); err != nil {
		return nil, err
	}
	for _, line := range data(masksText) {
		name, _, _ := strings.Cut(line, " ")
		files["etc/systemd/system/"+name] = file{link: "/dev/null"}
	}
	release, err := json.Marshal(i.release())
	if err != nil {
		return nil, err
	}
	files[strings.TrimPrefix(bootslot.ReleaseFile, "/")] = file{content: append(release, '\n')}
	files["usr/lib/os-release"] = file{content: i.osRelease()}
	files["usr/lib/clock-epoch"] = file{} // its date is the earliest that the clock may show
	files["etc/os-release"] = file{link: "../usr/lib/os-release"}
	files["etc/machine-id"] = file{} // the initrd lays the box's own over it
	files["etc/mtab"] = file{link: "../proc/self/mounts"}
	files["etc/resolv.conf"] = file{link: "../run/monban-net/resolv.conf"}
	for n, k := range i.trusted() {
		files[path.Join(strings.TrimPrefix(bootslot.KeyDir, "/"), fmt.Sprintf("%d.pub", n+1))] = file{content: keyFile(k)}
	}
	if i.Test {
		i.testFiles(files)
	}
	return files, nil
}

// testFiles adds what lets tests do as they like.
func (i Image) testFiles(files map[string]file) {
	const dir, device = "usr/lib/systemd/system/", `dev-disk-by\x2dlabel-GWTEST.device`
	for name, from := range map[string]string{
		"monban-test.service": "monban-test.service", `run-monban\x2dtest.mount`: "run-monban-test.mount",
	} {
		b, err := ownFiles.ReadFile("test/" + from)
		if err != nil {
			panic(err) // it is part of this program
		}
		files[dir+name] = file{content: b}
	}
	files[dir+device+".wants/monban-test.service"] = file{link: "../monban-test.service"}
	files["usr/bin/sh"] = file{link: "busybox"}
}

func (i Image) release() bootslot.Release {
	return bootslot.Release{Product: i.id(), Board: string(i.Board), Arch: i.Arch, Version: i.Version}
}

// osRelease is what systemd, the loader and people read (os-release(5)).
func (i Image) osRelease() []byte {
	return fmt.Appendf(nil, `ID=monban
NAME=Monban
PRETTY_NAME="Monban %[1]s"
VERSION_ID=%[1]s
IMAGE_ID=%[2]s
IMAGE_VERSION=%[1]s
ID_LIKE=debian
`, i.Version, i.id())
}

// unitPath says where in the root a file of image.Units goes.
func unitPath(name string) string {
	dir, _, _ := strings.Cut(name, "/")
	switch dir {
	case "modules-load.d", "sysusers.d", "sysctl.d", "tmpfiles.d", "modprobe.d":
		return "usr/lib/" + name
	case "udev":
		return "usr/lib/udev/rules.d/" + path.Base(name)
	case "system-preset", "network", "journald.conf.d", "system.conf.d", "timesyncd.conf.d", "networkd.conf.d":
		return "usr/lib/systemd/" + name
	}
	return "usr/lib/systemd/system/" + name
}

func copyTo(files map[string]file, from fs.FS, to func(string) string) error {
	return fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(from, name)
		files[to(name)] = file{content: b}
		return err
	})
}

func keyFile(k minisign.Key) []byte {
	return fmt.Appendf(nil, "untrusted comment: whose updates a box takes\n%s\n", k)
}

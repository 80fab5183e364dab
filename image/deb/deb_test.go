package deb_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/bootslot"
	"monban/image"
	"monban/image/deb"
)

// need skips without a program, and fails in CI.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs " + program)
	}
}

// small makes a package around a small program, which is Go as monban is.
func small(t *testing.T, version, out string) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program+".go", []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", program, program+".go")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return packed(t, parse(t, version), program, out)
}

func parse(t *testing.T, version string) bootslot.Version {
	t.Helper()
	v, err := bootslot.ParseVersion(version)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func packed(t *testing.T, version bootslot.Version, program, out string) string {
	t.Helper()
	file, err := deb.Build(t.Context(), deb.Options{Version: version, Arch: "amd64", Program: program, Source: "../..",
		Maintainer: "Monban <root@localhost>", Made: time.Unix(1700000000, 0), Out: out})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// tell runs dpkg-deb and returns what it prints.
func tell(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("dpkg-deb", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("dpkg-deb %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// The same inputs give the same bytes, whatever the umask and the folder.
func TestSameBytes(t *testing.T) {
	need(t, "dpkg-deb")
	was := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(was) })
	one, err := os.ReadFile(small(t, "1.2.3", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "Asia/Tokyo")
	syscall.Umask(0o077)
	two, err := os.ReadFile(small(t, "1.2.3", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("two packages of the same inputs differ")
	}
}

func TestContents(t *testing.T) {
	need(t, "dpkg-deb")
	file := small(t, "1.2.3-debug", t.TempDir())
	if filepath.Base(file) != "monban_1.2.3-debug_amd64.deb" {
		t.Errorf("the package is called %s", filepath.Base(file))
	}
	if got := tell(t, "--field", file, "Version"); got != "1.2.3+debug\n" {
		t.Errorf("version %q", got)
	}
	for line := range strings.Lines(tell(t, "--contents", file)) {
		f := strings.Fields(line)
		mode := "-rw-r--r--"
		switch {
		case strings.HasSuffix(f[5], "/"):
			mode = "drwxr-xr-x"
		case f[5] == "./usr/bin/monban":
			mode = "-rwxr-xr-x"
		}
		if f[0] != mode || f[1] != "root/root" || f[3] != "2023-11-14" {
			t.Errorf("unexpected mode, owner or time: %s", line)
		}
		if strings.HasPrefix(f[5], "./etc/") || strings.HasPrefix(f[5], "./var/") {
			t.Errorf("%s belongs to the owner of the machine", f[5])
		}
	}
}

// dpkg, the box and its loader call the same version the newer one.
func TestOrder(t *testing.T) {
	need(t, "dpkg-deb")
	need(t, "dpkg")
	dir := t.TempDir()
	rising := []string{"1.2.3", "1.2.3-debug", "1.2.10"}
	var debian []string
	for _, v := range rising {
		debian = append(debian, strings.TrimSpace(tell(t, "--field", small(t, v, dir), "Version")))
	}
	for i, a := range debian {
		for j, b := range debian {
			err := exec.Command("dpkg", "--compare-versions", a, "lt", b).Run()
			if older := parse(t, rising[i]).Compare(parse(t, rising[j])) < 0; older != (i < j) || (err == nil) != older {
				t.Errorf("%s is older than %s: the box says %t, dpkg %t", a, b, older, err == nil)
			}
		}
	}
}

// Everything that is packed can be unpacked.
func TestDocuments(t *testing.T) {
	need(t, "dpkg-deb")
	dir := t.TempDir()
	tell(t, "--extract", small(t, "1.2.3", t.TempDir()), dir)
	for name, word := range map[string]string{
		"doc/monban/changelog.gz":   "monban (1.2.3) stable; urgency=medium",
		"doc/monban/NEWS.md.gz":     "# Changes, for owners of a box",
		"doc/monban/THIRD-PARTY.gz": "======== Go go1.",
		"man/man1/monban.1.gz":      ".TH MONBAN 1",
		"doc/monban/copyright":      "License: Apache-2.0",
	} {
		b, err := os.ReadFile(filepath.Join(dir, "usr/share", name))
		if err == nil && strings.HasSuffix(name, ".gz") {
			var z *gzip.Reader
			if z, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
				b, err = io.ReadAll(z)
			}
		}
		if err != nil || !strings.Contains(string(b), word) {
			t.Errorf("%s: %v, no %q", name, err, word)
		}
		if data := "======== gateway/people: common.LICENSE\n"; strings.Contains(name, "THIRD-PARTY") && !strings.Contains(string(b), data) {
			t.Errorf("%s says nothing of data", name)
		}
	}
}

// Each unit of the firmware is in the package or known not to belong there,
// and what is in it asks for nothing that is not.
func TestUnits(t *testing.T) {
	need(t, "dpkg-deb")
	dir := t.TempDir()
	tell(t, "--extract", small(t, "1.2.3", t.TempDir()), dir)
	units := os.DirFS(filepath.Join(dir, "usr/lib/systemd/system"))
	here := func(name string) bool {
		_, err := fs.Stat(units, name)
		return err == nil
	}
	for name, why := range deb.Without {
		if _, err := fs.Stat(image.Units, "systemd/"+name); err == nil && here(name) {
			t.Errorf("%s is in the package although %s", name, why)
		}
	}
	all, err := fs.Glob(units, "monban*.*")
	if err != nil || !slices.Contains(all, "monban.service") {
		t.Fatalf("units %v, %v", all, err)
	}
	for _, name := range all {
		b, err := fs.ReadFile(units, name)
		if err != nil {
			continue // a folder of drop-ins
		}
		for line := range strings.Lines(string(b)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if !slices.Contains([]string{"Requires", "BindsTo", "Also", "Sockets", "Service"}, key) {
				continue
			}
			for _, other := range strings.Fields(value) {
				if strings.HasPrefix(other, "monban") && !here(other) {
					t.Errorf("%s: %s=%s, which is not in the package", name, key, other)
				}
			}
		}
	}
	for _, name := range []string{"monban.service", "monban-net.service", "monban-net-change.service"} {
		b, err := fs.ReadFile(units, name)
		if err != nil || !regexp.MustCompile(`(?m)^ExecStart=.* --sockets-only$`).Match(b) {
			t.Errorf("%s takes the owner's network for the box's: %v\n%s", name, err, b)
		}
	}
	closed, err := fs.ReadFile(units, "monban-closed.service")
	if err != nil || !strings.Contains(string(closed), "\n[Install]\nRequiredBy=systemd-networkd.service networking.service NetworkManager.service\n") {
		t.Errorf("links could come up on a box that cannot close itself:\n%s", closed)
	}
}

// systemd takes every unit as it is in the package.
func TestVerify(t *testing.T) {
	need(t, "dpkg-deb")
	need(t, "systemd-analyze")
	dir := t.TempDir()
	tell(t, "--extract", small(t, "1.2.3", t.TempDir()), dir)
	if err := os.CopyFS(filepath.Join(dir, "usr/lib/systemd/system"), os.DirFS("/lib/systemd/system")); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"lib", "bin"} {
		if err := os.Symlink("usr/"+old, filepath.Join(dir, old)); err != nil {
			t.Fatal(err)
		}
	}
	enable := exec.Command("systemctl", "--root="+dir, "enable", "monban.service")
	if out, err := enable.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, goal := range []string{"monban.service", "multi-user.target"} {
		out, _ := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+dir, goal).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "monban") || strings.Contains(line, "cycle") {
				t.Error(line)
			}
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "etc/systemd/system/systemd-networkd.service.requires/monban-closed.service")); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	good := deb.Options{Version: parse(t, "1.2.3"), Arch: "amd64", Program: "/nonexistent", Source: "../..", Maintainer: "A <a@example>", Made: time.Unix(1, 0), Out: t.TempDir()}
	for name, change := range map[string]func(*deb.Options){
		"version":    func(o *deb.Options) { o.Version = bootslot.Version{} },
		"arch":       func(o *deb.Options) { o.Arch = "riscv64" },
		"maintainer": func(o *deb.Options) { o.Maintainer = "A <a@example>\nDepends: evil>" },
		"time":       func(o *deb.Options) { o.Made = time.Time{} },
		"program":    func(*deb.Options) {},
	} {
		o := good
		change(&o)
		if _, err := deb.Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) && name != "arch" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

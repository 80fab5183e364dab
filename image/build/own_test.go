package build

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/gateway/text"
	"monban/image"
)

// sample is an image that needs no build to be looked at.
func sample(t *testing.T) Image {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	v := version(t, "1.2.3")
	return Image{
		Arch: "amd64", Board: image.UEFI, Version: v, Minimum: v, Key: &k, Trust: []minisign.Key{k.Key()},
		Made: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Notes: bootslot.Notes{JA: "修正", EN: "repairs"},
	}
}

// forTests is the same as a test image.
func forTests(t *testing.T) Image {
	t.Helper()
	i := sample(t)
	i.Test, i.Throwaway = true, true
	i.Version, i.Minimum = version(t, "1.2.4-debug"), version(t, "0.0.1")
	return i
}

func version(t *testing.T, s string) bootslot.Version {
	t.Helper()
	v, err := bootslot.ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A released image has nothing of what test images obey.
func TestReleaseHasNoTestFiles(t *testing.T) {
	i := sample(t)
	released, err := i.own()
	if err != nil {
		t.Fatal(err)
	}
	i.Test = true
	forTests, err := i.own()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range released {
		if strings.Contains(name, "monban-test") || strings.Contains(name, "GWTEST") || strings.Contains(string(f.content), "GWTEST") {
			t.Errorf("a released image has %s", name)
		}
		if path.Base(name) == "sh" || strings.Contains(name, "busybox") {
			t.Errorf("a released image has a shell: %s", name)
		}
	}
	var more []string
	for name := range forTests {
		if _, both := released[name]; !both {
			more = append(more, name)
		}
	}
	slices.Sort(more)
	want := []string{
		`usr/bin/sh`, `usr/lib/systemd/system/dev-disk-by\x2dlabel-GWTEST.device.wants/monban-test.service`,
		`usr/lib/systemd/system/monban-test.service`, `usr/lib/systemd/system/run-monban\x2dtest.mount`,
	}
	if !slices.Equal(more, want) {
		t.Errorf("a test image has beside a released one:\n%s", strings.Join(more, "\n"))
	}
	if !strings.Contains(string(forTests["usr/lib/os-release"].content), "\nIMAGE_ID=monban-test\n") {
		t.Error("a test image does not say that it is one")
	}
	for _, p := range sample(t).rootPackages() {
		if p.Set != "root" {
			t.Errorf("a released image has %s of the set %s", p.Name, p.Set)
		}
	}
}

// The root says what the updater and the loader go by.
func TestOwnFiles(t *testing.T) {
	files, err := sample(t).own()
	if err != nil {
		t.Fatal(err)
	}
	r, err := bootslot.ParseRelease(files[strings.TrimPrefix(bootslot.ReleaseFile, "/")].content)
	if err != nil || r.Product != "monban" || r.Board != "uefi" || r.Arch != "amd64" || r.Version.String() != "1.2.3" {
		t.Errorf("release.json: %+v, %v", r, err)
	}
	for _, line := range []string{"IMAGE_ID=monban\n", "IMAGE_VERSION=1.2.3\n"} {
		if !strings.Contains(string(files["usr/lib/os-release"].content), line) {
			t.Errorf("os-release lacks %s", line)
		}
	}
	keys := 0
	for name, f := range files {
		if path.Ext(name) == ".pub" {
			keys++
			if _, err := minisign.ParseKeyFile(f.content); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if keys != 2 {
		t.Errorf("%d keys", keys)
	}
	for _, name := range []string{"getty@.service", "serial-getty@.service", "emergency.service", "debug-shell.service"} {
		if files["etc/systemd/system/"+name].link != "/dev/null" {
			t.Errorf("%s is not masked", name)
		}
	}
	// What systemd is to enable is there.
	for name, f := range files {
		if path.Ext(name) != ".preset" {
			continue
		}
		for line := range strings.Lines(string(f.content)) {
			unit, ok := strings.CutPrefix(strings.TrimSpace(line), "enable monban")
			if _, have := files["usr/lib/systemd/system/monban"+unit]; ok && !have && !strings.Contains(unit, "*") {
				t.Errorf("%s enables monban%s, which is not in the image", name, unit)
			}
		}
	}
	if n := len(slices.Collect(maps.Keys(files))); n < 40 {
		t.Errorf("only %d files", n)
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, change := range map[string]func(*Image){
		"architecture": func(i *Image) { i.Arch = "riscv64" },
		"board":        func(i *Image) { i.Board = "toaster" },
		"Pi on amd64":  func(i *Image) { i.Board = image.RPi },
		"no key":       func(i *Image) { i.Key, i.Trust = nil, nil },
		"no date":      func(i *Image) { i.Made = time.Time{} },
		"minimum":      func(i *Image) { i.Minimum = version(t, "9.0.0") },
		"no minimum":   func(i *Image) { i.Minimum = bootslot.Version{} },
		"no notes":     func(i *Image) { i.Notes.EN = "" },
		"long notes":   func(i *Image) { i.Notes.JA = strings.Repeat("x", 5<<10) },
		"test":         func(i *Image) { i.Test = true },
		"test, debug":  func(i *Image) { i.Test, i.Version = true, version(t, "1.2.3-debug") },
		"debug":        func(i *Image) { i.Version = version(t, "1.2.3-debug") },
		"throwaway":    func(i *Image) { i.Throwaway = true },
	} {
		i := sample(t)
		change(&i)
		if i.check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, i := range []Image{sample(t), forTests(t)} {
		if err := i.check(); err != nil {
			t.Error(err)
		}
	}
}

// A box of a clinic takes no test image for an update, whoever signed it, nor a
// test image one for clinics; a test image takes the next.
func TestProducts(t *testing.T) {
	verdict := func(running, update Image) string {
		t.Helper()
		files, err := running.own()
		if err != nil {
			t.Fatal(err)
		}
		r, err := bootslot.ParseRelease(files[strings.TrimPrefix(bootslot.ReleaseFile, "/")].content)
		if err != nil {
			t.Fatal(err)
		}
		b, err := update.manifest(bootslot.Piece{Size: block}, bootslot.Piece{Size: block})
		if err != nil {
			t.Fatal(err)
		}
		m, err := bootslot.ParseManifest(b)
		if err != nil {
			t.Fatal(err)
		}
		var f *text.Fault
		if errors.As(bootslot.Verdict(r, m), &f) {
			return f.Code
		}
		return ""
	}
	released, tests := sample(t), forTests(t)
	next, nextTests := released, tests
	next.Version, nextTests.Version = version(t, "2.0.0"), version(t, "2.0.0-debug")
	if got := verdict(released, next) + verdict(tests, nextTests); got != "" {
		t.Errorf("its own next version: %s", got)
	}
	for _, got := range []string{verdict(released, nextTests), verdict(tests, next)} {
		if got != "slot.product" {
			t.Errorf("that of the other: %q", got)
		}
	}
}

// Every line of the lists gives a reason.
func TestListsGiveReasons(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		if _, err := wants(packagesText, arch); err != nil {
			t.Error(err)
		}
	}
	for name, text := range map[string]string{"masks.txt": masksText, "leave.txt": leaveText} {
		for n, line := range data(text) {
			if len(strings.Fields(line)) < 2 {
				t.Errorf("%s, line %d: no reason", name, n)
			}
		}
	}
	if _, err := wants("root systemd\n", "amd64"); err == nil {
		t.Error("a package without a reason was taken")
	}
}

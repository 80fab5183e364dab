package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"monban/image"
	"monban/image/compile"
)

// The list of contents says what shaped the bytes: for a Pi also the compiler.
func TestShapers(t *testing.T) {
	i := sample(t)
	box := &toolbox{dir: t.TempDir()}
	status := filepath.Join(box.dir, "var/lib/dpkg/status")
	if err := os.MkdirAll(filepath.Dir(status), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(names ...string) {
		t.Helper()
		var b strings.Builder
		for _, name := range names {
			b.WriteString("Package: " + name + "\nStatus: install ok installed\nVersion: 1:2-3\n\n")
		}
		if err := os.WriteFile(status, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := func(i Image) string {
		t.Helper()
		all, err := box.versions(i.shapers())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range all {
			if c.Version != "1:2-3" || c.Ref != "tool:"+c.Name {
				t.Errorf("%+v", c)
			}
			names = append(names, c.Name)
		}
		return " " + strings.Join(names, " ") + " "
	}
	pi := i
	pi.Board, pi.Arch = image.RPi, "arm64"
	write(append(pi.shapers(), "gcc-14-aarch64-linux-gnu", "gcc-14-aarch64-linux-gnu-base", "bash")...)
	for _, name := range []string{"squashfs-tools", "zstd", "systemd-ukify"} {
		if got := names(i); !strings.Contains(got, " "+name+" ") || strings.Contains(got, "bash") || strings.Contains(got, "gcc") {
			t.Errorf("%s, which is to have %s", got, name)
		}
	}
	for _, name := range []string{"squashfs-tools", "gcc-aarch64-linux-gnu", "gcc-14-aarch64-linux-gnu", "binutils-aarch64-linux-gnu", "pahole"} {
		if got := names(pi); !strings.Contains(got, " "+name+" ") || strings.Contains(got, "-base ") {
			t.Errorf("%s, which is to have %s", got, name)
		}
	}
	write(i.shapers()[1:]...)
	if _, err := box.versions(i.shapers()); err == nil || !strings.Contains(err.Error(), i.shapers()[0]) {
		t.Errorf("one is missing, and nobody says so: %v", err)
	}
}

// The terms of what is linked into our programs are in the image: of modules,
// and of data, as they are in the Debian package.
func TestLicences(t *testing.T) {
	i, dir := sample(t), t.TempDir()
	i.Source = "../.."
	program := filepath.Join(dir, "program") // a test says nothing of its modules
	if err := compile.Program(t.Context(), i.Source, "./cmd/mkimage", i.Version, i.Arch, program); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{kernelDir, bootDir} {
		if err := put(filepath.Join(dir, from), docDir+"/"+from+"/copyright", file{content: []byte("terms")}, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.addLicences(t.Context(), dir, map[string]string{"": program}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"kernel/copyright", "boot/copyright", "monban/copyright", "go/stdlib/LICENSE", "go/golang.org/x/crypto/LICENSE",
		"monban/dnsfilter/tools/tools.NOTICE", "monban/dnsfilter/tools/tools.LICENSE", "monban/gateway/device/oui-data.LICENSE",
		"monban/gateway/paper/font/OFL.txt", "monban/gateway/people/common.LICENSE",
	} {
		if st, err := os.Stat(filepath.Join(dir, rootDir, docDir, name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

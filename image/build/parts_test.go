package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"monban/gateway/bootslot"
	"monban/gateway/minisign"
	"monban/image/lock"
)

func TestMirror(t *testing.T) {
	for text, want := range map[string]mirror{
		"deb http://a.example/debian trixie main\ndeb http://b.example/debian-security trixie-security main": {"http://a.example/debian", "http://b.example/debian-security"},
		"URIs: http://a.example/debian/\nURIs: http://a.example/debian-security":                             {"http://a.example/debian", "http://a.example/debian-security"},
		"# deb http://a.example/debian x\ndeb [signed-by=/x] https://c.example/debian x main":                {"https://c.example/debian", ""},
		"deb http://other.example/tools x main":                                                              {},
	} {
		var m mirror
		for line := range strings.Lines(text) {
			m.take(line)
		}
		if m != want {
			t.Errorf("%q: %+v", text, m)
		}
	}
	t.Setenv(MirrorEnv, "http://m.example/debian/")
	if m, err := findMirror(""); err != nil || m != (mirror{"http://m.example/debian", "http://m.example/debian-security"}) {
		t.Errorf("%+v, %v", m, err)
	}
}

// A package is taken by its content alone, from the cache first, and a missing
// one says what to do.
func TestFetch(t *testing.T) {
	content := []byte("a package")
	sum := sha256.Sum256(content)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch r.URL.Path {
		case "/debian/pool/good.deb":
			_, _ = w.Write(content)
		case "/debian-security/pool/updates/other.deb":
			_, _ = w.Write([]byte("another package"))
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	m := mirror{server.URL + "/debian", server.URL + "/debian-security"}
	p := lock.Package{Name: "good", Arch: "all", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Path: "pool/good.deb"}
	dir := t.TempDir()
	for range 2 {
		if err := fetch(t.Context(), m, p, dir); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("the mirror was asked %d times", asked)
	}
	// What was altered on this disk is fetched again.
	if err := os.WriteFile(filepath.Join(dir, p.File()), []byte("a pbckage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := fetch(t.Context(), m, p, dir); err != nil || asked != 2 {
		t.Errorf("%v after %d", err, asked)
	}
	wrong := p
	wrong.Name, wrong.Path = "wrong", "pool/updates/other.deb"
	if err := fetch(t.Context(), m, wrong, dir); err == nil || errors.Is(err, errMissing) {
		t.Errorf("other content was taken: %v", err)
	}
	gone := p
	gone.Name, gone.Path = "gone", "pool/gone.deb"
	if err := fetch(t.Context(), m, gone, dir); !errors.Is(err, errMissing) || !strings.Contains(err.Error(), "make lock") {
		t.Errorf("%v", err)
	}
}

func TestModules(t *testing.T) {
	m, err := parseDep(`kernel/fs/vfat.ko.xz: kernel/fs/fat.ko.xz
kernel/fs/fat.ko.xz:
kernel/md/dm-verity.ko.xz: kernel/md/dm-bufio.ko.xz kernel/md/dm-mod.ko.xz
kernel/md/dm-bufio.ko.xz: kernel/md/dm-mod.ko.xz
kernel/md/dm-mod.ko.xz:
kernel/sound/beep.ko.xz:
`)
	if err != nil {
		t.Fatal(err)
	}
	text := "fs/vfat\n[initrd]\nmd/dm-{verity,mod}\nvirtio/pci\nnothing arm64\n"
	root, initrd, err := m.pick(text, "amd64", "kernel/virtio/pci.ko\n")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(root, []string{"kernel/fs/fat.ko.xz", "kernel/fs/vfat.ko.xz"}) {
		t.Errorf("root: %v", root)
	}
	// What is needed comes first.
	if !slices.Equal(initrd, []string{"kernel/md/dm-mod.ko.xz", "kernel/md/dm-bufio.ko.xz", "kernel/md/dm-verity.ko.xz"}) {
		t.Errorf("initrd: %v", initrd)
	}
	if _, _, err := m.pick(text, "arm64", "kernel/virtio/pci.ko"); err == nil || !strings.Contains(err.Error(), "line 5") {
		t.Errorf("a line that matches nothing: %v", err)
	}
	if _, err := parseDep("<html>"); err == nil {
		t.Error("not a modules.dep, and taken")
	}
}

// A driver whose firmware is missing for no stated reason ends the build, and so
// does a reason for what is not missing.
func TestFirmwareMissing(t *testing.T) {
	text := "# why\nnic/old*   needs none\nusb/x.bin:arm64   not for it\n"
	for _, c := range []struct {
		arch, asked, there, want string
	}{
		{"amd64", "nic/a.fw nic/old1.fw nic/old2.fw", "nic/a.fw", ""},
		{"arm64", "nic/old1.fw usb/x.bin", "", ""},
		{"amd64", "nic/a.fw nic/old1.fw", "", "nic/a.fw"},
		{"amd64", "nic/old1.fw usb/x.bin", "", "usb/x.bin"},
		{"amd64", "nic/a.fw", "nic/a.fw", "line 2"},
		{"amd64", "nic/old1.fw", "nic/old1.fw", "line 2"},
		{"arm64", "nic/old1.fw", "", "line 3"},
	} {
		err := firmwareMissing(text, c.arch, strings.Fields(c.asked), strings.Fields(c.there))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s asks for %q and has %q: %v", c.arch, c.asked, c.there, err)
		}
	}
}

// Another program reads the initrd as it is meant.
func TestInitrd(t *testing.T) {
	if _, err := exec.LookPath("cpio"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs cpio: apt-get install cpio")
	}
	program := filepath.Join(t.TempDir(), "init")
	if err := os.WriteFile(program, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := initrd(program, []initrdModule{{"a.ko", []byte("1")}, {"b.ko", []byte("22")}})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("cpio", "--list", "--verbose", "--numeric-uid-gid")
	c.Stdin = bytes.NewReader(b)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"drwxr-xr-x   2 0        0", "5,   1", "1,   3", "1,  11", "init", "modules/a.ko", "modules.load"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !bytes.Contains(b, []byte("/modules/a.ko\n/modules/b.ko\n")) {
		t.Error("the list of modules is not in order")
	}
}

// The updater's own code reads the update that is built.
func TestUpdateIsRead(t *testing.T) {
	i, dir := sample(t), t.TempDir()
	root, boot := bytes.Repeat([]byte("r"), 4096), []byte("boot")
	for name, b := range map[string][]byte{rootFile: root, bootFile: boot} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to, manifest := filepath.Join(dir, "update"), filepath.Join(dir, "manifest")
	if err := i.writeUpdate(dir, to, manifest); err != nil {
		t.Fatal(err)
	}
	u, err := bootslot.NewUpdate(open(t, to), []minisign.Key{i.Key.Key()})
	if err != nil {
		t.Fatal(err)
	}
	if u.Manifest.Version != i.Version || u.Manifest.Root.Size != 4096 || u.Manifest.Boot.SHA256 != sha256.Sum256(boot) {
		t.Errorf("%+v", u.Manifest)
	}
	if err := errors.Join(u.Boot(io.Discard), u.Root(io.Discard)); err != nil {
		t.Error(err)
	}
	if u.Manifest.Product != "monban" || u.Manifest.Board != "uefi" || u.Manifest.Arch != "amd64" {
		t.Errorf("%+v", u.Manifest)
	}
}

// What no box can read is not written.
func TestUpdateIsChecked(t *testing.T) {
	i, dir := sample(t), t.TempDir()
	to := filepath.Join(dir, "update")
	for name, b := range map[string]string{rootFile: "half a sector", bootFile: "boot"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.writeUpdate(dir, to, filepath.Join(dir, "manifest")); err == nil || exists(to) {
		t.Errorf("a root of half a sector: %v", err)
	}
}

// Built without a key and signed elsewhere, an update is the same to the byte;
// before, no box takes it, nor a signature by somebody else.
func TestSeal(t *testing.T) {
	i, dir := sample(t), t.TempDir()
	for _, name := range []string{rootFile, bootFile} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("x"), 4096), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := i.writeUpdate(dir, at("signed"), at("a")); err != nil {
		t.Fatal(err)
	}
	key := *i.Key
	keys := []minisign.Key{key.Key()}
	i.Key, i.Trust = nil, keys
	if err := errors.Join(i.check(), i.writeUpdate(dir, at("unsigned"), at("b"))); err != nil {
		t.Fatal(err)
	}
	if _, err := bootslot.NewUpdate(open(t, at("unsigned")), keys); err == nil {
		t.Error("an unsigned update was taken")
	}
	if err := Seal(at("unsigned"), at("a.minisig"), at("sealed"), keys); err != nil {
		t.Fatal(err)
	}
	same(t, at("signed"), at("sealed"))
	other, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := Seal(at("unsigned"), at("a.minisig"), at("other"), []minisign.Key{other.Key()}); err == nil || exists(at("other")) {
		t.Errorf("a stranger's signature: %v", err)
	}
	// What the signature does not cover word by word it covers by its sum.
	b, err := os.ReadFile(at("unsigned"))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"altered": bytes.Replace(b, []byte("xxxx"), []byte("xxyx"), 1), "cut short": b[:len(b)-3*512-1024],
	} {
		if err := os.WriteFile(at("bad.unsigned"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Seal(at("bad.unsigned"), at("a.minisig"), at("bad"), keys); err == nil || exists(at("bad")) || exists(at("bad.part")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// The list of contents names each package with its content, and Go's modules.
func TestBOM(t *testing.T) {
	i := sample(t)
	var err error
	if i.lock, err = lock.For(i.Arch); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "bom")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := i.writeBOM(to, i.packed(), map[string]string{"": self}, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	var b bom
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	seen := map[string]component{}
	for _, c := range b.Components {
		if _, twice := seen[c.Ref]; twice || c.Version == "" {
			t.Errorf("%s: twice, or without a version", c.Ref)
		}
		seen[c.Ref] = c
	}
	for _, p := range i.packed() {
		ref := "pkg:deb/debian/" + escape(p.Name) + "@" + escape(p.Version) + "?arch=" + p.Arch + "&distro=trixie"
		if c := seen[ref]; len(c.Hashes) != 1 || c.Hashes[0].Content != p.SHA256 {
			t.Errorf("%s is not there as it is locked", ref)
		}
	}
	if len(b.Serial) != len("urn:uuid:")+36 || b.Format != "CycloneDX" || b.Spec != "1.6" {
		t.Errorf("%s %s %s", b.Format, b.Spec, b.Serial)
	}
	if escape("2:1+b~x") != "2%3A1%2Bb~x" {
		t.Error(escape("2:1+b~x"))
	}
}

package build

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Each update is there once, those of servers are not, and the content lies
// where a processor takes it.
func TestMicrocode(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"intel-ucode/06-9a-03": "alder", "intel-ucode/06-9a-04": "alder", "intel-ucode/06-9c-00.initramfs": "jasper",
		"intel-ucode/06-8f-08": "server", "amd-ucode/microcode_amd_fam17h.bin": "zen", "amd-ucode/README": "text",
	} {
		if err := put(filepath.Join(dir, firmwareDir), name, file{content: []byte(content)}, ""); err != nil {
			t.Fatal(err)
		}
	}
	b, err := microcode(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"GenuineIntel.bin": "alderjasper", "AuthenticAMD.bin": "zen"} {
		if at := bytes.Index(b, []byte(want)); at < 0 || at%16 != 0 {
			t.Errorf("%s begins at %d", name, at)
		}
		// Another program reads it as it is meant.
		if _, err := exec.LookPath("cpio"); err != nil && os.Getenv("CI") != "true" {
			continue
		}
		c := exec.Command("cpio", "--extract", "--to-stdout", "--quiet", "kernel/x86/microcode/"+name)
		c.Stdin = bytes.NewReader(b)
		if out, err := c.Output(); err != nil || string(out) != want {
			t.Errorf("%s holds %q, %v", name, out, err)
		}
	}
	if bytes.Contains(b, []byte("server")) {
		t.Error("updates of servers' processors are in it")
	}
	if _, err := microcode(t.TempDir()); err == nil {
		t.Error("packages without microcode were taken")
	}
}

package vm_test

import (
	"os"
	"path/filepath"
	"testing"
)

// hookLabel is that of the disk which a test image obeys; no other image does.
const hookLabel = "GWTEST"

// hookDir is where the box has what is on that disk.
const hookDir = "/run/monban-test"

// The script makes the second serial line a shell of root's.
const hookScript = `tools=/run/test-tools; busybox mkdir -p $tools; busybox --install -s $tools
export PATH=$PATH:$tools HOME=/run
case $(cat /proc/cmdline) in
*console=ttyS0*) tty=/dev/ttyS1 ;;
*) tty=/dev/ttyS0 ;;
esac
exec < $tty > $tty 2>&1
stty -echo -onlcr
while :; do sh; done
`

// hook makes the disk: with the shell, and with files under other names.
func (m *machine) hook(files map[string]string) {
	m.t.Helper()
	dir := m.file("hook")
	if err := os.RemoveAll(dir); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "run.sh"), []byte(hookScript), 0o644); err != nil {
		m.t.Fatal(err)
	}
	size := int64(16 << 20)
	for name, from := range files {
		st, err := os.Stat(from)
		if err != nil {
			m.t.Fatal(err)
		}
		size += st.Size() + 1<<20
		m.tool("cp", from, filepath.Join(dir, name))
	}
	if err := os.WriteFile(m.file("hook.img"), nil, 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Truncate(m.file("hook.img"), size); err != nil {
		m.t.Fatal(err)
	}
	m.tool("mkfs.ext4", "-q", "-F", "-L", hookLabel, "-O", "^has_journal", "-d", dir, m.file("hook.img"))
	_ = os.RemoveAll(dir)
}

// images of the builder, by version.
func built(t *testing.T, arch, version, ext string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(images, "monban-test_"+version+"*_uefi_"+arch+ext))
	if len(found) != 1 {
		t.Fatalf("there is to be one image %s for %s in %s, and there are %d", version, arch, images, len(found))
	}
	return found[0]
}

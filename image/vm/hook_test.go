package vm_test

import (
	"os"
	"path/filepath"
	"testing"
)

// hookLabel is that of the disk which a test image obeys; no other image does.
const hookLabel = "GWTEST"

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

// hook makes the disk.
func (m *machine) hook() {
	m.t.Helper()
	m.pack("hook.img", hookLabel, 16<<20, map[string][]byte{"run.sh": []byte(hookScript)}, nil)
}

// filesDir is where the box has the files it was given.
const filesDir = "/run/monban-files"

// give makes a further disk with files under other names. It may be changed
// while the machine is off or frozen: it is of the same size each time, and the
// box looks at it only when a file is wanted.
func (m *machine) give(files map[string]string) {
	m.t.Helper()
	m.pack("files.img", "files", 1<<30, nil, files)
}

// pack makes a disk image of files given by content and by name.
func (m *machine) pack(name, label string, size int64, content map[string][]byte, files map[string]string) {
	m.t.Helper()
	dir := m.file("pack")
	if err := os.Mkdir(dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, b := range content {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	for name, from := range files {
		m.tool("cp", from, filepath.Join(dir, name))
	}
	_ = os.Remove(m.file(name))
	if err := os.WriteFile(m.file(name), nil, 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Truncate(m.file(name), size); err != nil {
		m.t.Fatal(err)
	}
	m.tool("mkfs.ext4", "-q", "-F", "-L", label, "-O", "^has_journal", "-d", dir, m.file(name))
}

// file is where the box has a file of that name.
func (s *shell) file(name string) string {
	s.m.t.Helper()
	s.run("grep -q " + filesDir + " /proc/mounts || { busybox mkdir -p " + filesDir + " && " +
		"busybox mount -t ext4 -o ro /dev/$(basename $(dirname $(grep -lx files /sys/block/*/serial))) " + filesDir + "; }")
	return filesDir + "/" + name
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

// These tests boot the firmware in QEMU, send real packets through it, update
// it and take its power away. They take minutes to hours and need root (for
// network namespaces and taps), a toolbox and built images: `make test-vm` and
// `make test-vm-all` see to it all. MONBAN_VM says how much is run: 1 for one
// pass through boot, traffic, update and one way back, all for everything.
package vm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

var (
	// toolbox is the folder of a Debian that has QEMU and the tools for FAT and
	// file systems.
	toolbox string
	// images is the folder that the builder left its test images in.
	images string
)

func TestMain(m *testing.M) {
	if os.Getenv("MONBAN_VM") == "" {
		fmt.Println("the firmware is not booted: MONBAN_VM=1 or all (make test-vm) does")
		return
	}
	cache := os.Getenv("MONBAN_IMAGE_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			fmt.Println("there is no cache folder:", err)
			os.Exit(1)
		}
		cache = filepath.Join(dir, "monban-image")
	}
	var err error
	if toolbox, err = filepath.EvalSymlinks(filepath.Join(cache, "toolbox")); err != nil {
		fmt.Println("there is no toolbox; cmd/mkimage makes one:", err)
		os.Exit(1)
	}
	if images = os.Getenv("MONBAN_VM_IMAGES"); images == "" {
		fmt.Println("MONBAN_VM_IMAGES is to name the folder with the built images")
		os.Exit(1)
	}
	if kept, err = os.MkdirTemp("", "monban-vm-"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(kept)
	os.Exit(status)
}

// all skips what only the long run does.
func all(t *testing.T) {
	t.Helper()
	if os.Getenv("MONBAN_VM") != "all" {
		t.Skip("only with MONBAN_VM=all")
	}
}

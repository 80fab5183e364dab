package build

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// ofServers are the Intel processors, by family, model and stepping, that are in
// no mini-PC: patterns of files. Theirs are larger than all the others together.
var ofServers = []string{
	"06-55-*",     // Skylake, Cascade Lake, Cooper Lake
	"06-6[ac]-*",  // Ice Lake
	"06-8f-*",     // Sapphire Rapids
	"06-cf-*",     // Emerald Rapids
	"06-a[def]-*", // Granite Rapids, Sierra Forest
}

// microcode makes the archive from which the kernel loads corrections into x86
// processors before it does anything else (Linux
// Documentation/arch/x86/microcode.rst), out of the packages unpacked in dir.
// The archive holds no folders: so the kernel does not unpack it into memory as
// well when it comes to the initrd.
func microcode(dir string) ([]byte, error) {
	var c cpio
	for _, vendor := range []struct{ files, name string }{
		{"intel-ucode/*", "GenuineIntel.bin"},
		{"amd-ucode/*.bin", "AuthenticAMD.bin"},
	} {
		names, err := filepath.Glob(filepath.Join(dir, firmwareDir, vendor.files))
		if err != nil {
			return nil, err
		}
		content, err := unlike(names)
		if err != nil {
			return nil, err
		}
		if len(content) == 0 {
			return nil, fmt.Errorf("the packages hold no %s", vendor.files)
		}
		c.addAligned("kernel/x86/microcode/"+vendor.name, content)
	}
	return c.end(), nil
}

// unlike returns the contents of files one after the other, each content once:
// one update may be for several processors, and has a file for each.
func unlike(names []string) ([]byte, error) {
	var all bytes.Buffer
	seen := map[[sha256.Size]byte]bool{}
	for _, name := range names {
		if matchesAny(ofServers, filepath.Base(name)) {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(b); !seen[sum] {
			seen[sum] = true
			all.Write(b)
		}
	}
	return all.Bytes(), nil
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

// addAligned appends a file whose content begins at a multiple of 16, where
// Intel's processors ask for it (Software Developer's Manual, volume 3, microcode
// update loader). The kernel puts the archive at the start of a page and takes a
// name up to its first NUL.
func (c *cpio) addAligned(name string, content []byte) {
	const header = 110 // of an entry; the name and its NUL follow
	name += strings.Repeat("\x00", -(c.Len()+header+len(name)+1)&15)
	c.add(name, cpioFile, 0, 0, content)
}

package build

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// A cpio is an archive of the kind that the kernel unpacks as its first file
// system (newc: Linux Documentation/driver-api/early-userspace/buffer-format.rst).
// All belongs to root and has no date.
type cpio struct {
	bytes.Buffer
	inode int
}

// Kinds of entries and their rights.
const (
	cpioDir     = 0o040755
	cpioProgram = 0o100755
	cpioFile    = 0o100644
	cpioDevice  = 0o020600
)

// add appends an entry; major and minor are a device's.
func (c *cpio) add(name string, mode, major, minor int, content []byte) {
	c.inode++
	links := 1
	if mode == cpioDir {
		links = 2
	}
	fmt.Fprintf(c, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		c.inode, mode, 0, 0, links, 0, len(content), 0, 0, major, minor, len(name)+1, 0)
	c.WriteString(name + "\x00")
	c.pad()
	c.Write(content)
	c.pad()
}

func (c *cpio) pad() { c.WriteString(strings.Repeat("\x00", -c.Len()&3)) }

// end closes the archive.
func (c *cpio) end() []byte {
	c.inode = -1 // so that the last entry has 0
	c.add("TRAILER!!!", 0, 0, 0, nil)
	return c.Bytes()
}

// initrd makes the archive of the initrd: /init, its modules and the devices
// that a static program of Go needs to start without a console.
func initrd(program string, modules []initrdModule) ([]byte, error) {
	b, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var c cpio
	c.add("dev", cpioDir, 0, 0, nil)
	c.add("dev/console", cpioDevice, 5, 1, nil)
	c.add("dev/kmsg", cpioDevice, 1, 11, nil)
	c.add("dev/null", cpioDevice, 1, 3, nil)
	c.add("init", cpioProgram, 0, 0, b)
	c.add("modules", cpioDir, 0, 0, nil)
	var list strings.Builder
	for _, m := range modules {
		name := "modules/" + m.name
		c.add(name, cpioFile, 0, 0, m.content)
		fmt.Fprintf(&list, "/%s\n", name)
	}
	c.add("modules.load", cpioFile, 0, 0, []byte(list.String()))
	return c.end(), nil
}

// An initrdModule is a module, not compressed: the initrd as a whole is.
type initrdModule struct {
	name    string
	content []byte
}

package bootslot

import (
	"bytes"
	"debug/pe"
	"errors"
	"fmt"
	"io"

	"monban/image/content"
)

// A Content is how a boot piece names the root it belongs to: by what is in it.
type Content = content.Content

// BlockSize is that of the hash tree.
const BlockSize = content.BlockSize

// MaxCommandLine is how many bytes of a kernel command line are read.
const MaxCommandLine = 8 << 10

// ParseContent finds the content in a kernel command line, as the initrd will:
// what is refused here would not find its root.
func ParseContent(line string) (Content, error) {
	c, err := content.Parse(line)
	if err != nil {
		return Content{}, fmt.Errorf("reading a kernel command line: %w", err)
	}
	return c, nil
}

// ContentOfUKI reads the content from the command line in a unified kernel image
// (UAPI.5, section .cmdline).
func ContentOfUKI(r io.ReaderAt) (Content, error) {
	f, err := pe.NewFile(r)
	if err != nil {
		return Content{}, fmt.Errorf("reading a unified kernel image: %w", err)
	}
	s := f.Section(".cmdline")
	if s == nil || s.Size > MaxCommandLine {
		return Content{}, errors.New("reading a unified kernel image: it has no command line")
	}
	b, err := s.Data()
	if err != nil {
		return Content{}, fmt.Errorf("reading a unified kernel image: %w", err)
	}
	return ParseContent(string(bytes.TrimRight(b, "\x00")))
}

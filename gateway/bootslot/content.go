package bootslot

import (
	"bytes"
	"crypto/sha256"
	"debug/pe"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Content is how a boot piece names the root it belongs to: by what is in it.
// The initrd goes by the same words of the kernel command line.
type Content struct {
	Root   [sha256.Size]byte // root hash of dm-verity: of salt and top block
	Salt   []byte
	Offset int64 // bytes of file system before the top block
}

// BlockSize is that of the hash tree.
const BlockSize = 4096

const maxCommandLine = 8 << 10

// ParseContent finds monban.root, monban.salt and monban.offset in a kernel
// command line.
func ParseContent(line string) (c Content, err error) {
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		var bad error
		switch key {
		case "monban.root":
			var b []byte
			if b, bad = hex.DecodeString(value); len(b) != len(c.Root) {
				bad = errors.New("not a root hash")
			}
			copy(c.Root[:], b)
		case "monban.salt":
			c.Salt, bad = hex.DecodeString(value)
		case "monban.offset":
			c.Offset, bad = strconv.ParseInt(value, 10, 64)
		}
		if bad != nil {
			return Content{}, fmt.Errorf("reading a kernel command line: %s: %w", key, bad)
		}
	}
	if c.Root == [sha256.Size]byte{} || len(c.Salt) == 0 || c.Offset <= 0 || c.Offset%BlockSize != 0 {
		return Content{}, errors.New("reading a kernel command line: it does not say which root it belongs to")
	}
	return c, nil
}

// In says whether root holds the content, by the top block of its tree. What is
// below, the kernel checks when it is read.
func (c Content) In(root io.ReaderAt) (bool, error) {
	top := make([]byte, BlockSize)
	if _, err := root.ReadAt(top, c.Offset); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading the top of a root's hash tree: %w", err)
	}
	return sha256.Sum256(append(bytes.Clone(c.Salt), top...)) == c.Root, nil
}

// ContentOfUKI reads the content from the command line in a unified kernel image
// (UAPI.5, section .cmdline).
func ContentOfUKI(r io.ReaderAt) (Content, error) {
	f, err := pe.NewFile(r)
	if err != nil {
		return Content{}, fmt.Errorf("reading a unified kernel image: %w", err)
	}
	s := f.Section(".cmdline")
	if s == nil || s.Size > maxCommandLine {
		return Content{}, errors.New("reading a unified kernel image: it has no command line")
	}
	b, err := s.Data()
	if err != nil {
		return Content{}, fmt.Errorf("reading a unified kernel image: %w", err)
	}
	return ParseContent(string(bytes.TrimRight(b, "\x00")))
}

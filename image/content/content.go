// Package content is how a boot piece and the root it belongs to know each
// other: by what is in the root, wherever that lies.
//
// The builder writes it, the initrd goes by it, and whoever writes a slot checks
// it by the same rules. It is no more than that, so that the initrd stays small.
package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Content names a root: a file system with its hash tree of dm-verity behind
// it, the tree's top block first.
type Content struct {
	Root   [sha256.Size]byte // root hash: of salt and top block
	Salt   []byte
	Offset int64 // bytes of file system before the top block, whole blocks
}

// BlockSize is that of the data and of the hash tree, in bytes.
const BlockSize = 4096

const (
	maxSalt   = 256 // bytes; the kernel takes no more (dm-verity-target.c)
	maxOffset = 1 << 40
)

// The words of the kernel command line.
const (
	rootWord   = "monban.root"
	saltWord   = "monban.salt"
	offsetWord = "monban.offset"
)

// Parse finds monban.root, monban.salt and monban.offset among the words of a
// kernel command line. Each must be there once.
func Parse(line string) (Content, error) {
	values := map[string]string{}
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case rootWord, saltWord, offsetWord:
			if _, twice := values[key]; twice {
				return Content{}, fmt.Errorf("%s is given twice", key)
			}
			values[key] = value
		}
	}
	var c Content
	var errs [3]error
	root, err := hexBytes(values, rootWord, len(c.Root), len(c.Root))
	copy(c.Root[:], root)
	errs[0] = err
	c.Salt, errs[1] = hexBytes(values, saltWord, 1, maxSalt)
	c.Offset, errs[2] = strconv.ParseInt(values[offsetWord], 10, 64)
	// A tree over a single block has no top block of its own.
	if errs[2] != nil || c.Offset < 2*BlockSize || c.Offset > maxOffset || c.Offset%BlockSize != 0 {
		errs[2] = fmt.Errorf("%s=%.80q is no number of bytes in whole blocks", offsetWord, values[offsetWord])
	}
	if err := errors.Join(errs[:]...); err != nil {
		return Content{}, err
	}
	return c, nil
}

func hexBytes(values map[string]string, key string, least, most int) ([]byte, error) {
	b, err := hex.DecodeString(values[key])
	if err != nil || len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%s=%.80q is not %d to %d bytes in hexadecimal", key, values[key], least, most)
	}
	return b, nil
}

// String is the words that Parse finds.
func (c Content) String() string {
	return fmt.Sprintf("%s=%x %s=%x %s=%d", rootWord, c.Root, saltWord, c.Salt, offsetWord, c.Offset)
}

// In says whether root holds the content: whether the one block at the top of
// its hash tree has the root hash. All other blocks are the kernel's to check,
// when they are read. A root that ends before is another one and no error.
func (c Content) In(root io.ReaderAt) (bool, error) {
	top := make([]byte, BlockSize)
	if n, err := root.ReadAt(top, c.Offset); n < len(top) {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, fmt.Errorf("reading the top of a root's hash tree: %w", err)
	}
	return sha256.Sum256(append(bytes.Clone(c.Salt), top...)) == c.Root, nil
}

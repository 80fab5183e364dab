package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const goodLine = "console=ttyS0 " + goodWords + " panic=5\n"

const goodWords = "monban.root=" + goodRoot + " monban.salt=0011ff monban.offset=1048576"

// What veritysetup 2.7.5 says of the file system that contents makes:
// veritysetup format --no-superblock --salt=0011ff --hash-offset=1048576 --data-blocks=256 f f
const goodRoot = "23a2c07199d4ac8aef6343e741ab43968c3b672ae2c18755dc1a5de98da8d478"

// contents is a file system of 256 blocks, each of its number, with its tree.
func contents() []byte {
	var data []byte
	for i := range 256 {
		data = append(data, bytes.Repeat([]byte{byte(i)}, BlockSize)...)
	}
	return append(data, tree(data, []byte{0, 0x11, 0xff})...)
}

// tree makes a hash tree as the kernel wants it: the level above all others
// first, each filled up to whole blocks.
func tree(data, salt []byte) (all []byte) {
	for level := data; len(level) > BlockSize; {
		var next []byte
		for b := range slices.Chunk(level, BlockSize) {
			sum := sha256.Sum256(append(slices.Clone(salt), b...))
			next = append(next, sum[:]...)
		}
		next = append(next, make([]byte, (BlockSize-len(next)%BlockSize)%BlockSize)...)
		all = append(next, all...)
		level = next
	}
	return all
}

func good(t *testing.T) Content {
	t.Helper()
	c, err := Parse(goodLine)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParse(t *testing.T) {
	c := good(t)
	if hex.EncodeToString(c.Root[:]) != goodRoot || !bytes.Equal(c.Salt, []byte{0, 0x11, 0xff}) || c.Offset != 1<<20 {
		t.Errorf("%+v", c)
	}
	if c.String() != goodWords {
		t.Errorf("%s, want %s", c, goodWords)
	}
	for _, c := range []struct{ old, new, want string }{
		{"monban.root", "root", "monban.root="},
		{goodRoot, goodRoot[2:], "monban.root="},
		{goodRoot, goodRoot + "00", "monban.root="},
		{"23a2", "zzzz", "monban.root="},
		{"0011ff", "", "monban.salt="},
		{"0011ff", "001", "monban.salt="},
		{"0011ff", strings.Repeat("00", 257), "monban.salt="},
		{"1048576", "1048577", "monban.offset="},
		{"1048576", "-4096", "monban.offset="},
		{"1048576", "4096", "monban.offset="},
		{"1048576", "0x100000", "monban.offset="},
		{"1048576", "1099511631872", "monban.offset="},
		{"1048576", "99999999999999999999", "monban.offset="},
		{"panic=5", "monban.salt=0011ff", "monban.salt is given twice"},
		{"panic=5", "monban.root=", "monban.root is given twice"},
	} {
		_, err := Parse(strings.Replace(goodLine, c.old, c.new, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errors.New("bad sector") }

func TestIn(t *testing.T) {
	c, whole := good(t), contents()
	if in, err := c.In(bytes.NewReader(whole)); !in || err != nil {
		t.Error(in, err)
	}
	// The top block holds two hashes and is zeros from there on, so what stands
	// for a missing part must not be zeros.
	for _, length := range []int{0, 1 << 20, 1<<20 + 64, 1<<20 + BlockSize - 1} {
		if in, err := c.In(bytes.NewReader(whole[:length])); in || err != nil {
			t.Errorf("%d bytes: %v, %v", length, in, err)
		}
	}
	whole[1<<20+BlockSize-1] ^= 1
	if in, err := c.In(bytes.NewReader(whole)); in || err != nil {
		t.Error("another root:", in, err)
	}
	if in, err := c.In(broken{}); in || err == nil {
		t.Error("a broken disk:", in, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(goodLine)
	f.Add("monban.root= monban.salt monban.offset=4096")
	f.Fuzz(func(t *testing.T, line string) {
		c, err := Parse(line)
		if err != nil {
			return
		}
		if len(c.Salt) == 0 || len(c.Salt) > maxSalt || c.Offset <= BlockSize || c.Offset > maxOffset || c.Offset%BlockSize != 0 {
			t.Errorf("%q gave %+v", line, c)
		}
		if back, err := Parse("quiet " + c.String()); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%q gave %+v, which is written as %s and read as %+v, %v", line, c, c, back, err)
		}
	})
}

package bootslot

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// testUKI is a program for UEFI that holds no more than a command line: DOS
// header, PE header, one section (PE/COFF specification).
func testUKI(line string) []byte {
	b := make([]byte, 0x200)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x40)
	copy(b[0x40:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[0x44:], 0x8664) // AMD64
	binary.LittleEndian.PutUint16(b[0x46:], 1)      // sections
	section := b[0x58:]
	copy(section, ".cmdline")
	binary.LittleEndian.PutUint32(section[8:], uint32(len(line)))
	binary.LittleEndian.PutUint32(section[16:], uint32((len(line)+511)/512*512))
	binary.LittleEndian.PutUint32(section[20:], 0x200)
	return append(append(b, line...), make([]byte, 512-len(line)%512)...)
}

func TestContent(t *testing.T) {
	salt := []byte("salt")
	root := bytes.Repeat([]byte("x"), 3*BlockSize)
	sum := sha256.Sum256(append(bytes.Clone(salt), root[2*BlockSize:]...))
	line := fmt.Sprintf("console=ttyS0 monban.root=%x monban.salt=%x monban.offset=%d panic=5", sum, salt, 2*BlockSize)
	c, err := ContentOfUKI(bytes.NewReader(testUKI(line)))
	if err != nil {
		t.Fatal(err)
	}
	if in, err := c.In(bytes.NewReader(root)); !in || err != nil {
		t.Error(in, err)
	}
	root[2*BlockSize+7] ^= 1
	if in, err := c.In(bytes.NewReader(root)); in || err != nil {
		t.Error("another root: ", in, err)
	}
	if in, err := c.In(bytes.NewReader(root[:BlockSize])); in || err != nil {
		t.Error("a short root: ", in, err)
	}
	// What the initrd would refuse is refused before it is started.
	for _, bad := range []string{"", "monban.root=00", line + " monban.salt=00", strings.Replace(line, fmt.Sprint(2*BlockSize), fmt.Sprint(BlockSize), 1),
		strings.Replace(line, fmt.Sprint(2*BlockSize), fmt.Sprint(1<<40+BlockSize), 1), strings.Replace(line, fmt.Sprintf("%x", salt), strings.Repeat("00", 257), 1),
		strings.Replace(line, "monban.root=", "monban.root=x", 1), strings.Replace(line, "monban.salt", "salt", 1),
		strings.Replace(line, fmt.Sprint(2*BlockSize), "100", 1), strings.Replace(line, fmt.Sprint(2*BlockSize), "-4096", 1)} {
		if c, err := ContentOfUKI(bytes.NewReader(testUKI(bad))); err == nil {
			t.Errorf("%s: %+v", bad, c)
		}
	}
	if c, err := ContentOfUKI(strings.NewReader("no program")); err == nil {
		t.Errorf("%+v", c)
	}
}

func FuzzContent(f *testing.F) {
	f.Add(testUKI("monban.root=00 monban.salt=00 monban.offset=4096"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ContentOfUKI(bytes.NewReader(b)); err == nil {
			_, _ = c.In(bytes.NewReader(b))
		}
	})
}

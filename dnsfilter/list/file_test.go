package list

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"monban/gateway/text"
)

// reload is l after a way through a file.
func reload(t interface{ Fatal(...any) }, l *List) *List {
	var b bytes.Buffer
	if err := l.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Load(&b)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func compiled(t testing.TB) []byte {
	var all []string
	for _, c := range every {
		all = append(all, c.file)
	}
	var b bytes.Buffer
	if err := build(t, all...).Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What comes out of the file is what went in, apart from spare room.
func TestFile(t *testing.T) {
	for _, l := range []*List{build(t, every[1].file, every[3].file), build(t), build(t, manyLines(50_000), "# none\n")} {
		again := reload(t, l)
		if !reflect.DeepEqual(l, again) {
			t.Errorf("%d names became %d", l.Len(), again.Len())
		}
	}
	if !IsCompiled(compiled(t)) || IsCompiled([]byte("0.0.0.0 a")) || IsCompiled(nil) {
		t.Error("compiled files are not told from others")
	}
	l := build(t, "a.example\n")
	for _, n := range []int{0, 1, 100, 16_000} {
		if err := l.Write(&short{n}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a disk that is full after %d bytes: %v", n, err)
		}
	}
}

type short struct{ left int }

func (s *short) Write(b []byte) (int, error) {
	if len(b) > s.left {
		return s.left, io.ErrShortWrite
	}
	s.left -= len(b)
	return len(b), nil
}

func broken(t *testing.T, what string, r io.Reader) {
	t.Helper()
	l, err := Load(r)
	var f *text.Fault
	if l != nil || !errors.As(err, &f) || f.Code != "list.compiled_broken" {
		t.Errorf("%s: %v", what, err)
	}
}

// Every flipped bit, every place to break off and anything behind is found.
func TestDamagedFile(t *testing.T) {
	file := compiled(t)
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(file); i += step {
		if i == 3<<10 {
			step = 97 // the long run of bucket starts
		}
		for _, bit := range []byte{1, 0x80} {
			file[i] ^= bit
			broken(t, fmt.Sprintf("bit %#x of byte %d", bit, i), bytes.NewReader(file))
			file[i] ^= bit
		}
		broken(t, fmt.Sprintf("cut at %d", i), bytes.NewReader(file[:i]))
	}
	broken(t, "a byte too many", io.MultiReader(bytes.NewReader(file), strings.NewReader("x")))
	broken(t, "a card that fails at the end", io.MultiReader(bytes.NewReader(file), iotest.ErrReader(errors.New("card gone"))))
	if _, err := Load(iotest.OneByteReader(bytes.NewReader(file))); err != nil {
		t.Error(err)
	}
}

// seal makes the checksums of file right, as far as it has room for them, so
// that what stands behind them is tried, too.
func seal(file []byte) {
	if len(file) < len(magic)+8 {
		return
	}
	end := len(magic) + 8 + int(binary.LittleEndian.Uint32(file[len(magic)+4:])%maxHeader)
	if end+8 > len(file) {
		return
	}
	binary.LittleEndian.PutUint32(file[end:], crc32.Checksum(file[:end], castagnoli()))
	body := file[:len(file)-4]
	binary.LittleEndian.PutUint32(file[len(body):], crc32.Checksum(body, castagnoli()))
}

// A forged file is refused or harmless.
func FuzzLoad(f *testing.F) {
	b := NewBuilder(KeyOf([16]byte{1}))
	if _, err := b.Add(Source{Name: "l", Text: strings.NewReader(every[1].file + every[2].file)}); err != nil {
		f.Fatal(err)
	}
	var file bytes.Buffer
	if err := b.Build().Write(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add(file.Bytes()[:100])
	f.Add([]byte(magic + "\x02\x00\x00\x00\x02\x00\x00\x00{}...."))
	f.Fuzz(func(t *testing.T, b []byte) {
		seal(b)
		l, err := Load(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, name := range []string{"", "a", "ads.example", "x.y.good.ads.example", strings.Repeat("a.", 120) + "zip"} {
			q := Query{Name: name, Type: 28, Client: netip.MustParseAddr("192.168.1.2"), Device: "tablet", In: All}
			if e, ok := l.Find(q); ok && e.Line > maxLine {
				t.Fatal(e)
			}
			if e, ok := l.Lookup(name); ok && e.Line > maxLine {
				t.Fatal(e)
			}
		}
		var first, second bytes.Buffer // empty slices may become nil on the way
		if l.Write(&first) != nil || reload(t, l).Write(&second) != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatal("it does not come back from a file")
		}
	})
}

// Whatever a file holds, in whichever format, it is read to its end or refused
// as a whole, and every line is counted at most once.
func FuzzFormats(f *testing.F) {
	for _, c := range every {
		f.Add(uint8(c.format), c.file)
		f.Add(uint8(Auto), c.file)
	}
	f.Fuzz(func(t *testing.T, format uint8, file string) {
		b := NewBuilder(KeyOf([16]byte{}))
		r, err := b.Add(Source{Name: "f", Text: strings.NewReader(file), Format: Format(format % uint8(len(formats))), Limit: 1 << 16})
		l := b.Build()
		if err != nil {
			if l.Len() != 0 || len(l.Sources()) != 0 {
				t.Fatal("a refused source left something")
			}
			return
		}
		if r.Format == Auto || l.Len() > r.Names || r.Exceptions > r.Names || r.Bad+r.Unusable > r.Lines || r.Lines > strings.Count(file, "\n")+1 {
			t.Fatalf("%d names, %+v", l.Len(), r)
		}
		for word := range strings.FieldsFuncSeq(file, func(r rune) bool { return strings.ContainsRune(" \t\r\n/|^,=", r) }) {
			name, err := Canonical(word)
			if err != nil {
				continue
			}
			e, ok := l.Lookup(name)
			if ok && (e.Line < 1 || e.Line > r.Lines || e.At > 0 && name[e.At-1] != '.') {
				t.Fatalf("%s: %+v", name, e)
			}
		}
	})
}

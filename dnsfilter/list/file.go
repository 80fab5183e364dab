package list

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"monban/gateway/text"
)

// A compiled file is magic, version and the length of the header (4 bytes
// each), the header as JSON, the checksum of all so far; start, tails, more and
// where; the checksum of all. Numbers are little-endian, checksums are CRC-32C,
// which processors have an instruction for. They find damage, not forgery: who
// can write the file can write the lists.
const (
	magic       = "monban\x00L"
	fileVersion = 1
	maxHeader   = 1 << 20
	atOnce      = 64 << 10 // bytes decoded at a time
)

// castagnoli is the table of CRC-32C. crc32 makes it once and hands it out.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

type header struct {
	K0, K1      uint64
	Width       uint
	Entries     int
	Classes     []class
	Self, Below depths
	Sources     []Report
}

// IsCompiled says whether a file that begins with head is a compiled one. 8
// bytes suffice.
func IsCompiled(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }

// Write puts l into a file that Load reads, with its key. l is not nil. The
// caller sees to it that a write that breaks off does not take an older file's
// place.
func (l *List) Write(w io.Writer) error {
	head, err := json.Marshal(header{
		K0: l.key.k0, K1: l.key.k1, Width: l.width, Entries: len(l.where),
		Classes: l.classes, Self: l.self, Below: l.below, Sources: l.sources,
	})
	if err == nil && len(head) > maxHeader {
		err = errors.New("header too long")
	}
	if err != nil {
		return fmt.Errorf("writing a compiled list: %w", err)
	}
	sum := crc32.New(castagnoli())
	out := bufio.NewWriterSize(w, atOnce)
	all := io.MultiWriter(out, sum)
	buf := append(make([]byte, 0, atOnce), magic...)
	buf = binary.LittleEndian.AppendUint32(buf, fileVersion)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(head)))
	buf = append(buf, head...)
	all.Write(buf) // out keeps the error for Flush; sum has none
	buf = buf[:0]
	all.Write(binary.LittleEndian.AppendUint32(buf, sum.Sum32()))
	put(all, buf, l.start, binary.LittleEndian.AppendUint32)
	put(all, buf, l.tails, binary.LittleEndian.AppendUint32)
	put(all, buf, l.more, binary.LittleEndian.AppendUint16)
	put(all, buf, l.where, func(b []byte, p place) []byte { return binary.LittleEndian.AppendUint32(b, uint32(p)) })
	out.Write(binary.LittleEndian.AppendUint32(buf, sum.Sum32()))
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing a compiled list: %w", err)
	}
	return nil
}

func put[T any](w io.Writer, buf []byte, s []T, encode func([]byte, T) []byte) {
	for _, v := range s {
		if buf = encode(buf, v); len(buf) > cap(buf)-8 {
			w.Write(buf)
			buf = buf[:0]
		}
	}
	w.Write(buf)
}

// Load reads what Write wrote. Every byte is checked before any is believed:
// a file that is cut short, damaged or made by another version gives a
// *text.Fault list.compiled_broken, and it takes no more memory than the file
// has bytes, apart from a MiB or so.
func Load(r io.Reader) (*List, error) {
	in := &checked{r: r, sum: crc32.New(castagnoli()), buf: make([]byte, atOnce)}
	l, err := in.list()
	if err != nil {
		return nil, text.NewFault("list.compiled_broken").Because(err)
	}
	return l, nil
}

var (
	errNotCompiled = errors.New("not a compiled list, or of another version")
	errChecksum    = errors.New("wrong checksum")
	errShape       = errors.New("contents that no list has")
)

// checked reads a compiled file and sums it up.
type checked struct {
	r   io.Reader
	sum hash.Hash32
	buf []byte
}

// next returns the next n bytes, at most atOnce. They are good until the next
// call.
func (c *checked) next(n int) ([]byte, error) {
	b := c.buf[:n]
	if _, err := io.ReadFull(c.r, b); err != nil {
		return nil, fmt.Errorf("reading a compiled list: %w", err)
	}
	c.sum.Write(b)
	return b, nil
}

func (c *checked) checksum() error {
	want := c.sum.Sum32()
	b, err := c.next(4)
	if err == nil && binary.LittleEndian.Uint32(b) != want {
		err = errChecksum
	}
	return err
}

func (c *checked) list() (*List, error) {
	h, err := c.header()
	if err != nil {
		return nil, err
	}
	l := &List{key: Key{h.K0, h.K1}, width: h.Width, classes: h.Classes, sources: h.Sources, self: h.Self, below: h.Below}
	l.settle()
	if l.start, err = get(c, 1<<h.Width+1, 4, words[uint32]); err != nil {
		return nil, err
	}
	if l.tails, err = get(c, h.Entries, 4, words[uint32]); err != nil {
		return nil, err
	}
	if l.more, err = get(c, h.Entries, 2, halves); err != nil {
		return nil, err
	}
	if l.where, err = get(c, h.Entries, 4, words[place]); err != nil {
		return nil, err
	}
	if err := c.checksum(); err != nil {
		return nil, err
	}
	if n, err := io.ReadFull(c.r, c.buf[:1]); n > 0 || !errors.Is(err, io.EOF) {
		return nil, errShape // something follows
	}
	if !l.sound() {
		return nil, errShape
	}
	return l, nil
}

func (c *checked) header() (header, error) {
	var h header
	b, err := c.next(len(magic) + 8)
	if err != nil {
		return h, err
	}
	n := binary.LittleEndian.Uint32(b[len(magic)+4:])
	if !IsCompiled(b) || binary.LittleEndian.Uint32(b[len(magic):]) != fileVersion || n > maxHeader {
		return h, errNotCompiled
	}
	var head []byte
	for left := int(n); left > 0; left -= min(left, atOnce) {
		if b, err = c.next(min(left, atOnce)); err != nil {
			return h, err
		}
		head = append(head, b...)
	}
	if err := c.checksum(); err != nil {
		return h, err
	}
	if err := json.Unmarshal(head, &h); err != nil {
		return h, fmt.Errorf("reading a compiled list's header: %w", err)
	}
	if h.Width < minWidth || h.Width > lineBits || h.Entries < 0 || h.Entries > maxNames ||
		len(h.Classes) > maxClasses || len(h.Sources) > maxSources {
		return h, errShape
	}
	for _, k := range h.Classes {
		if k.source() >= len(h.Sources) {
			return h, errShape
		}
	}
	return h, nil
}

// get reads n values of size bytes. It makes room as they come: a header can
// say anything.
func get[T any](c *checked, n, size int, decode func([]T, []byte)) ([]T, error) {
	s := make([]T, 0, min(n, 1<<20))
	for len(s) < n {
		if len(s) == cap(s) {
			s = append(make([]T, 0, min(n, 2*len(s))), s...)
		}
		have, more := len(s), min(cap(s)-len(s), atOnce/size)
		b, err := c.next(more * size)
		if err != nil {
			return nil, err
		}
		s = s[:have+more]
		decode(s[have:], b)
	}
	return s, nil
}

func words[T ~uint32](to []T, b []byte) {
	for i := range to {
		to[i] = T(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

func halves(to []uint16, b []byte) {
	for i := range to {
		to[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
}

// sound says whether look-ups stay within l and find all that is in it.
func (l *List) sound() bool {
	if l.start[0] != 0 || l.start[len(l.start)-1] != uint32(len(l.where)) {
		return false
	}
	for k, lo := range l.start[:len(l.start)-1] {
		hi := l.start[k+1]
		if lo > hi || hi > uint32(len(l.where)) {
			return false
		}
		tails, more, where := l.tails[lo:hi], l.more[lo:hi], l.where[lo:hi]
		for i, t := range tails {
			if int(where[i]>>lineBits) >= len(l.classes) {
				return false
			}
			if i > 0 && (tails[i-1] > t || tails[i-1] == t && more[i-1] > more[i]) {
				return false
			}
		}
	}
	return true
}

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
// where; the length of the rules (4 bytes) and the rules as JSON; the checksum
// of all. Numbers are little-endian, checksums are CRC-32C,
// which processors have an instruction for. They find damage, not forgery: who
// can write the file can write the lists.
const (
	magic       = "monban\x00L"
	fileVersion = 2
	maxHeader   = 1 << 20
	maxRules    = 16 << 20
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

// rules are what the file holds of limits and patterns.
type rules struct {
	Limits   []limit   `json:",omitempty"`
	Limited  []limited `json:",omitempty"`
	Patterns []pattern `json:",omitempty"`
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
	said, err2 := json.Marshal(l.rules())
	if err2 == nil && len(said) > maxRules {
		err2 = errors.New("rules too long")
	}
	err = errors.Join(err, err2)
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
	all.Write(binary.LittleEndian.AppendUint32(buf, uint32(len(said))))
	all.Write(said)
	out.Write(binary.LittleEndian.AppendUint32(buf, sum.Sum32()))
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing a compiled list: %w", err)
	}
	return nil
}

func (l *List) rules() rules {
	r := rules{Limits: l.limits, Limited: l.limited}
	if l.patterns != nil {
		r.Patterns = l.patterns.all
	}
	return r
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
// *text.Fault list.compiled_broken, which is ErrVersion in the last case, and
// it takes no more memory than the file has bytes, apart from a few MiB.
func Load(r io.Reader) (*List, error) {
	in := &checked{r: r, sum: crc32.New(castagnoli()), buf: make([]byte, atOnce)}
	l, err := in.list()
	if err != nil {
		return nil, text.NewFault("list.compiled_broken").Because(err)
	}
	return l, nil
}

var (
	// ErrVersion says that another version of this program wrote a file.
	ErrVersion     = errors.New("a compiled list of another version")
	errNotCompiled = errors.New("not a compiled list")
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
	return b, c.fill(b)
}

func (c *checked) fill(b []byte) error {
	if _, err := io.ReadFull(c.r, b); err != nil {
		return fmt.Errorf("reading a compiled list: %w", err)
	}
	c.sum.Write(b)
	return nil
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
	if l.start, err = get[uint32](c, 1<<h.Width+1); err != nil {
		return nil, err
	}
	if l.tails, err = get[uint32](c, h.Entries); err != nil {
		return nil, err
	}
	if l.more, err = get[uint16](c, h.Entries); err != nil {
		return nil, err
	}
	if l.where, err = get[place](c, h.Entries); err != nil {
		return nil, err
	}
	if err := c.rules(l); err != nil {
		return nil, err
	}
	l.settle()
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
	switch {
	case !IsCompiled(b):
		return h, errNotCompiled
	case binary.LittleEndian.Uint32(b[len(magic):]) != fileVersion:
		return h, ErrVersion
	case n > maxHeader:
		return h, errNotCompiled
	}
	head, err := c.bytes(int(n))
	if err != nil {
		return h, err
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

// bytes returns the next n bytes. It makes room as they come.
func (c *checked) bytes(n int) (all []byte, err error) {
	for left := n; left > 0; left -= min(left, atOnce) {
		b, err := c.next(min(left, atOnce))
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return all, nil
}

// rules reads limits and patterns, and the checksum of all before it believes
// them.
func (c *checked) rules(l *List) error {
	b, err := c.next(4)
	if err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(b)
	if n > maxRules {
		return errShape
	}
	said, err := c.bytes(int(n))
	if err != nil {
		return err
	}
	if err := c.checksum(); err != nil {
		return err
	}
	var r rules
	if err := json.Unmarshal(said, &r); err != nil {
		return fmt.Errorf("reading a compiled list's rules: %w", err)
	}
	if len(r.Limited) > lineLimited || len(r.Limits) > lineLimited || len(r.Patterns) > maxPatterns {
		return errShape
	}
	l.limits, l.limited = r.Limits, r.Limited
	if len(r.Patterns) == 0 {
		return nil
	}
	for _, p := range r.Patterns {
		if int(p.At>>lineBits) >= len(l.sources) || int(p.Limit) > len(l.limits) || p.Says&^flags != 0 {
			return errShape
		}
	}
	ps, err := remade(r.Patterns)
	if err != nil {
		return errShape
	}
	l.patterns = &ps
	return nil
}

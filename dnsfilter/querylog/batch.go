package querylog

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/netip"
	"time"
)

// A batch on disk: a header, then a DEFLATE stream of tables and columns.
//
//	magic    4  "MQL1"
//	sum      4  CRC-32C of all that follows
//	size     4  bytes of the stream
//	raw      4  bytes it gives
//	count    4  records
//	first    8  id of the first; the others follow it without gaps
//	from     8  Unix milliseconds of the earliest
//	span     4  milliseconds to the latest
//
// The stream has the clients (owner and address), the names, the outcomes
// (verdict, reason, list, line, alias, tool) and then, column by column, the
// times as differences, client, name, type and outcome of each record. Numbers
// are varints. So one batch is read without any other.
const (
	headSize   = 40
	maxRaw     = 8 << 20
	maxRecords = slots
	hourMillis = 3600 * 1000
)

var (
	magic    = []byte("MQL1")
	errBatch = errors.New("not a whole batch")
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // made once by package crc32

// A head is the header of a batch.
type head struct {
	size, raw, count uint32
	first            uint64
	from, to         int64
}

// end is the id after the last record.
func (h head) end() uint64 { return h.first + uint64(h.count) }

// readHead reads the header of the batch that b begins with, and says how long
// it is with it. The sum is not looked at.
func readHead(b []byte) (head, int, error) {
	if len(b) < headSize || !bytes.Equal(b[:4], magic) {
		return head{}, 0, errBatch
	}
	h := head{size: binary.LittleEndian.Uint32(b[8:]), raw: binary.LittleEndian.Uint32(b[12:]), count: binary.LittleEndian.Uint32(b[16:]),
		first: binary.LittleEndian.Uint64(b[20:]), from: int64(binary.LittleEndian.Uint64(b[28:]))}
	h.to = h.from + int64(binary.LittleEndian.Uint32(b[36:]))
	if h.count == 0 || h.count > maxRecords || h.raw > maxRaw || uint64(h.size) > uint64(len(b)-headSize) || h.first+uint64(h.count) < h.first {
		return head{}, 0, errBatch
	}
	return h, headSize + int(h.size), nil
}

// whole says whether the batch b, header and all, is as it was written.
func whole(b []byte) bool {
	return crc32.Checksum(b[8:], castagnoli()) == binary.LittleEndian.Uint32(b[4:])
}

// An outcome is what many records share.
type outcome struct {
	verdict                 Verdict
	line                    int32
	reason, list, via, tool string
}

// An encoder makes batches. Its tables are used again.
type encoder struct {
	clients  map[netip.Addr]uint32
	names    map[string]uint32
	outcomes map[outcome]uint32
	pairs    map[uint64]uint32 // how often each client, name and outcome came together in an hour
	owners   []string          // by a client's number: whom it is counted for
	texts    []string          // by a name's number
	results  []outcome         // by an outcome's number
	tables   [3][]byte         // the same, as written
	columns  [5][]byte
	out      bytes.Buffer
	z        *flate.Writer
}

func newEncoder() (*encoder, error) {
	z, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	return &encoder{clients: map[netip.Addr]uint32{}, names: map[string]uint32{}, outcomes: map[outcome]uint32{}, pairs: map[uint64]uint32{}, z: z}, err
}

// encode appends the records of b, which has some, to dst, and adds them up in
// sum. owner says whose an address is; nil: nobody's.
func (e *encoder) encode(dst []byte, b *buffer, first uint64, owner func(netip.Addr) string, sum *sums) ([]byte, error) {
	clear(e.clients)
	clear(e.names)
	clear(e.outcomes)
	clear(e.pairs)
	e.owners, e.texts, e.results = e.owners[:0], e.texts[:0], e.results[:0]
	for i := range e.tables {
		e.tables[i] = e.tables[i][:0]
	}
	for i := range e.columns {
		e.columns[i] = e.columns[i][:0]
	}
	from, to := b.slots[0].at, b.slots[0].at
	for i := range b.slots {
		s := &b.slots[i]
		from, to = min(from, s.at), max(to, s.at)
	}
	last := from
	for i := range b.slots {
		s := &b.slots[i]
		client, name, out := e.client(s.client, owner), e.name(b.nameOf(s)), e.outcome(s)
		for j, v := range [...]uint64{client, name, uint64(s.typ), out} {
			e.columns[j+1] = binary.AppendUvarint(e.columns[j+1], v)
		}
		// A number has 13 bits at most, since slots are no more. The hours of a
		// batch are one or two, unless the clock was set.
		hour := min(uint64(s.at/hourMillis-from/hourMillis), 1<<24-1)
		e.pairs[hour<<39|client<<26|name<<13|out]++
		e.columns[0] = binary.AppendVarint(e.columns[0], s.at-last)
		last = s.at
	}
	for k, n := range e.pairs {
		o := &e.results[k&(slots-1)]
		sum.n[Count{Hour: from/hourMillis + int64(k>>39), Device: e.owners[k>>26&(slots-1)], Name: e.texts[k>>13&(slots-1)],
			Verdict: o.verdict, Reason: o.reason}] += uint64(n)
	}
	raw := 0
	e.out.Reset()
	e.z.Reset(&e.out)
	put := func(p []byte) error {
		raw += len(p)
		_, err := e.z.Write(p)
		return err
	}
	var err error
	for i, n := range [...]int{len(e.clients), len(e.names), len(e.outcomes)} {
		err = errors.Join(err, put(binary.AppendUvarint(nil, uint64(n))), put(e.tables[i]))
	}
	for _, c := range e.columns {
		err = errors.Join(err, put(c))
	}
	if err = errors.Join(err, e.z.Close()); err != nil {
		return dst, fmt.Errorf("compressing: %w", err)
	}
	// A clock that was set within a batch makes it seem longer, no more.
	span := min(to-from, 1<<32-1)
	at := len(dst)
	dst = append(dst, magic...)
	for _, v := range [...]uint32{0, uint32(e.out.Len()), uint32(raw), uint32(len(b.slots))} {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	dst = binary.LittleEndian.AppendUint64(dst, first)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(from))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(span))
	dst = append(dst, e.out.Bytes()...)
	binary.LittleEndian.PutUint32(dst[at+4:], crc32.Checksum(dst[at+8:], castagnoli()))
	return dst, nil
}

func appendText(b []byte, s string) []byte {
	s = cut(s)
	return append(append(b, byte(len(s))), s...)
}

func (e *encoder) client(a netip.Addr, owner func(netip.Addr) string) uint64 {
	n, ok := e.clients[a]
	if !ok {
		n = uint32(len(e.clients))
		e.clients[a] = n
		who := ""
		if owner != nil {
			who = owner(a)
		}
		a = a.WithZone("")
		raw := a.AsSlice()
		e.owners = append(e.owners, deviceOf(who, a))
		e.tables[0] = append(append(appendText(e.tables[0], who), byte(len(raw))), raw...)
	}
	return uint64(n)
}

func (e *encoder) name(b []byte) uint64 {
	n, ok := e.names[string(b)] // without allocating
	if !ok {
		n = uint32(len(e.names))
		text := string(b)
		e.names[text], e.texts = n, append(e.texts, text)
		e.tables[1] = append(append(e.tables[1], byte(len(b))), b...)
	}
	return uint64(n)
}

func (e *encoder) outcome(s *slot) uint64 {
	o := outcome{s.verdict, s.line, s.reason, s.list, s.via, s.tool}
	if n := len(e.results); n > 0 && e.results[0] == o { // mostly
		return 0
	}
	n, ok := e.outcomes[o]
	if !ok {
		n = uint32(len(e.outcomes))
		e.outcomes[o], e.results = n, append(e.results, o)
		t := append(e.tables[2], byte(o.verdict))
		t = binary.AppendVarint(t, int64(o.line))
		for _, s := range [...]string{o.reason, o.list, o.via, o.tool} {
			t = appendText(t, s)
		}
		e.tables[2] = t
	}
	return uint64(n)
}

// decode reads the records of the batch b, header and all. What is in it is
// not believed: the sum keeps out a torn write, not somebody who writes files.
func decode(b []byte) ([]Record, error) {
	h, n, err := readHead(b)
	if err != nil || !whole(b[:n]) {
		return nil, errBatch
	}
	z := flate.NewReader(bytes.NewReader(b[headSize:n]))
	raw, err := io.ReadAll(io.LimitReader(z, int64(h.raw)+1))
	if err != nil || len(raw) != int(h.raw) {
		return nil, errBatch
	}
	d := decoder{b: raw}
	type client struct {
		owner string
		addr  netip.Addr
	}
	clients := make([]client, d.count())
	for i := range clients {
		clients[i] = client{d.text(), d.addr()}
	}
	names := make([]string, d.count())
	for i := range names {
		names[i] = d.text()
	}
	outcomes := make([]outcome, d.count())
	for i := range outcomes {
		outcomes[i] = outcome{Verdict(d.byte()), int32(d.varint()), d.text(), d.text(), d.text(), d.text()}
		if v := outcomes[i].verdict; v == 0 || v > lastVerdict {
			d.bad = true
		}
	}
	if d.bad {
		return nil, errBatch
	}
	out := make([]Record, h.count)
	at := h.from
	for i := range out {
		at += d.varint()
		out[i].ID, out[i].At = h.first+uint64(i), time.UnixMilli(at).UTC()
	}
	for i := range out {
		if c := d.index(len(clients)); !d.bad {
			out[i].Client, out[i].Owner = clients[c].addr, clients[c].owner
		}
	}
	for i := range out {
		if n := d.index(len(names)); !d.bad {
			out[i].Name = names[n]
		}
	}
	for i := range out {
		out[i].Type = uint16(d.index(1 << 16))
	}
	for i := range out {
		if n := d.index(len(outcomes)); !d.bad {
			o := outcomes[n]
			out[i].Verdict, out[i].Line, out[i].Reason, out[i].List, out[i].Via, out[i].Tool = o.verdict, int(o.line), o.reason, o.list, o.via, o.tool
		}
	}
	if d.bad || len(d.b) != 0 {
		return nil, errBatch
	}
	return out, nil
}

// A decoder takes values off b until something is wrong.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.b) {
		d.bad = true
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) byte() byte {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.take(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.take(n)
	return v
}

// count is how many entries a table has: no more than records.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > maxRecords {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) index(below int) int {
	n := d.uvarint()
	if n >= uint64(below) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) text() string { return string(d.take(int(d.byte()))) }

func (d *decoder) addr() netip.Addr {
	n := d.byte()
	a, ok := netip.AddrFromSlice(d.take(int(n)))
	if !ok && n != 0 {
		d.bad = true
	}
	return a
}

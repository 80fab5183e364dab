package querylog

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
)

// An outcome is what many records share.
type outcome struct {
	verdict                 Verdict
	reason, list, via, tool string
}

// An encoder makes batches, and adds up what is in them. Its tables are used
// again: those of a batch are cleared for the next, the tally when its owner
// has taken it.
type encoder struct {
	sum *tally

	clients  map[netip.Addr]uint32
	devices  []uint32 // by a client's number: its device's in sum
	names    []uint32 // by a name's number in sum: 1 + its own in this batch, or 0
	named    uint32   // how many have one
	outcomes map[outcome]uint32
	known    []outcome // by number
	results  []uint64  // by an outcome's number: its result's in sum
	latest   uint32    // outcome

	tables  [3][]byte // clients, names and outcomes, as written
	columns [6][]byte
	out     bytes.Buffer
	z       *flate.Writer // nil until the first batch: its tables are large, and a start does not wait for them
}

func newEncoder() *encoder {
	return &encoder{sum: newTally(), clients: map[netip.Addr]uint32{}, outcomes: map[outcome]uint32{}}
}

func (e *encoder) reset() {
	if len(e.names) > e.sum.names.len()+4*slots { // what a flood made big
		e.names = nil
	}
	clear(e.clients)
	clear(e.names)
	clear(e.outcomes)
	clear(e.known)
	e.devices, e.known, e.results, e.named, e.latest = e.devices[:0], e.known[:0], e.results[:0], 0, 0
	for i := range e.tables {
		e.tables[i] = e.tables[i][:0]
	}
	for i := range e.columns {
		e.columns[i] = e.columns[i][:0]
	}
}

// encode appends the records of b, which has some, to dst, and adds them to
// the tally. owner says whose an address is; nil: nobody's.
func (e *encoder) encode(dst []byte, b *buffer, first uint64, owner func(netip.Addr) string) ([]byte, error) {
	e.reset()
	from, to := b.slots[0].at, b.slots[0].at
	var last int64
	hour, number := int64(-1), uint64(0)
	for i := range b.slots {
		s := &b.slots[i]
		from, to = min(from, s.at), max(to, s.at)
		client, out := e.client(s.client, owner), e.outcome(s)
		name, local := e.name(b.nameOf(s))
		for j, v := range [...]uint32{client, local, uint32(s.typ), out, uint32(s.line)} {
			e.columns[j+1] = binary.AppendUvarint(e.columns[j+1], uint64(v))
		}
		if i > 0 {
			e.columns[0] = binary.AppendVarint(e.columns[0], s.at-last)
		}
		last = s.at
		if h := s.at / hourMillis; h != hour {
			hour, number = h, e.sum.hour(h)
		}
		e.sum.add(number, e.devices[client], name, e.results[out])
	}
	raw, err := e.compress(b.slots[0].at - from)
	if err != nil {
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

// compress writes tables and columns to out, and returns how long they were.
// The first record was late milliseconds after the earliest: some, if the
// clock was set.
func (e *encoder) compress(late int64) (raw int, err error) {
	e.out.Reset()
	if e.z == nil {
		if e.z, err = flate.NewWriter(&e.out, flate.BestSpeed); err != nil {
			return 0, err
		}
	}
	e.z.Reset(&e.out)
	put := func(p []byte) {
		raw += len(p)
		_, werr := e.z.Write(p)
		err = errors.Join(err, werr)
	}
	for i, n := range [...]uint64{uint64(len(e.clients)), uint64(e.named), uint64(len(e.known))} {
		put(binary.AppendUvarint(nil, n))
		put(e.tables[i])
	}
	put(binary.AppendVarint(nil, late))
	for _, c := range e.columns {
		put(c)
	}
	return raw, errors.Join(err, e.z.Close())
}

func appendText(b []byte, s string) []byte {
	s = cut(s)
	return append(append(b, byte(len(s))), s...)
}

func (e *encoder) client(a netip.Addr, owner func(netip.Addr) string) uint32 {
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
		e.devices = append(e.devices, e.sum.devices.of([]byte(deviceOf(who, a))))
		e.tables[0] = append(append(appendText(e.tables[0], who), byte(len(raw))), raw...)
	}
	return n
}

// name returns a name's number in sum, and in this batch.
func (e *encoder) name(b []byte) (number, local uint32) {
	number = e.sum.names.of(b)
	if int(number) >= len(e.names) {
		e.names = append(e.names, make([]uint32, max(slots, int(number)+1-len(e.names)))...)
	}
	if e.names[number] == 0 {
		e.named++
		e.names[number] = e.named
		e.tables[1] = append(append(e.tables[1], byte(len(b))), b...)
	}
	return number, e.names[number] - 1
}

func (e *encoder) outcome(s *slot) uint32 {
	o := outcome{s.verdict, s.reason, s.list, s.via, s.tool}
	if len(e.known) > 0 && e.known[e.latest] == o { // mostly
		return e.latest
	}
	n, ok := e.outcomes[o]
	if !ok {
		n = uint32(len(e.known))
		e.outcomes[o], e.known, e.results = n, append(e.known, o), append(e.results, e.sum.result(o.verdict, o.reason))
		t := append(e.tables[2], byte(o.verdict))
		for _, s := range [...]string{o.reason, o.list, o.via, o.tool} {
			t = appendText(t, s)
		}
		e.tables[2] = t
	}
	e.latest = n
	return n
}

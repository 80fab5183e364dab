package querylog

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"net/netip"
	"time"
)

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
		outcomes[i] = outcome{Verdict(d.byte()), d.text(), d.text(), d.text(), d.text()}
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
			out[i].Verdict, out[i].Reason, out[i].List, out[i].Via, out[i].Tool = o.verdict, o.reason, o.list, o.via, o.tool
		}
	}
	for i := range out {
		out[i].Line = d.index(1 << 31)
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

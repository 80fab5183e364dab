package device

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"io"
	"sort"
	"strings"
)

// The table is made from the npm package oui-data (BSD-2-Clause, see
// oui-data.LICENSE). To renew it: `npm pack oui-data@VERSION` in this folder,
// name the version below, `go generate`.
//
//go:generate go run ./ouigen -in oui-data-2.1.9.tgz -out oui.bin

//go:embed oui.bin
var ouiTable string

// Maker returns who had the address block of m assigned (IEEE MA-L, MA-M and
// MA-S registries), as it is written there; empty if nobody known, or if the
// device made the address up. It is a hint: anyone can send any address.
func Maker(m MAC) string {
	if m.Random() {
		return ""
	}
	return Makers(ouiTable).Of(m)
}

// Makers is a table of address blocks in the form ouigen writes:
//
//	"oui1"
//	five uint32: records of 24, 28 and 36 bits, names, names in a block
//	records, each sort ascending: prefix in 3, 4 and 5 bytes, uint16 name
//	uint32 end of each block, counted from the first block's begin
//	blocks: names with a line feed after each, deflated (RFC 1951)
//
// All numbers are big-endian. It is searched as it is: nothing is unpacked
// but the one block that holds the name.
type Makers string

// MakersMagic begins a table.
const MakersMagic = "oui1"

const makersHead = len(MakersMagic) + 5*4

// Of returns the maker of m, empty if unknown or if the table is damaged.
func (t Makers) Of(m MAC) string {
	if len(t) < makersHead || string(t[:len(MakersMagic)]) != MakersMagic {
		return ""
	}
	head := t[len(MakersMagic):makersHead]
	rest := t[makersHead:]
	names, per := int(u32(head[12:])), int(u32(head[16:]))
	found := -1
	for i, bits := range []int{24, 28, 36} {
		n, size := int(u32(head[4*i:])), bits/8+2
		if bits%8 != 0 {
			size++
		}
		if n > len(rest)/size {
			return ""
		}
		// The longest prefix wins: later lists split blocks of earlier ones.
		if name := search(rest[:n*size], size, prefix(m, bits)); name >= 0 {
			found = name
		}
		rest = rest[n*size:]
	}
	if found < 0 || found >= names || per <= 0 {
		return ""
	}
	blocks := (names + per - 1) / per
	if blocks > len(rest)/4 {
		return ""
	}
	ends, data := rest[:4*blocks], rest[4*blocks:]
	begin, end := 0, int(u32(ends[4*(found/per):]))
	if found >= per {
		begin = int(u32(ends[4*(found/per-1):]))
	}
	if begin > end || end > len(data) {
		return ""
	}
	return line(string(data[begin:end]), found%per)
}

// prefix returns the first bits of m, left-aligned in whole bytes.
func prefix(m MAC, bits int) []byte {
	p := bytes.Clone(m[:(bits+7)/8])
	if bits%8 != 0 {
		p[len(p)-1] &= 0xf0
	}
	return p
}

// search returns the name number of key in sorted records, or -1.
func search(records Makers, size int, key []byte) int {
	n := len(records) / size
	at := func(i int) string { return string(records[i*size : i*size+len(key)]) }
	i := sort.Search(n, func(i int) bool { return at(i) >= string(key) })
	if i == n || at(i) != string(key) {
		return -1
	}
	return int(binary.BigEndian.Uint16([]byte(records[i*size+len(key):])))
}

// line returns line n of a deflated block.
func line(block string, n int) string {
	b, err := io.ReadAll(flate.NewReader(strings.NewReader(block)))
	if err != nil {
		return ""
	}
	for s := range strings.Lines(string(b)) {
		if n == 0 {
			return strings.TrimSuffix(s, "\n")
		}
		n--
	}
	return ""
}

func u32(s Makers) uint32 { return binary.BigEndian.Uint32([]byte(s[:4])) }

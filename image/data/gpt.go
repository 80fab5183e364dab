package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"unicode/utf16"
)

// The partition table (UEFI specification, chapter 5) of a disk with sectors of
// 512 bytes: the protective MBR, the header, 128 entries of 128 bytes; the same
// again at the end of the disk, with the header last.
const (
	sector       = 512
	entrySize    = 128
	entries      = 128
	entrySectors = entries * entrySize / sector
	headSectors  = 2 + entrySectors
	align        = 1 << 20 / sector // where partitions begin and end
)

// errSmall is a disk on which nothing can be gained.
var errSmall = errors.New("the partition reaches the end of the disk")

// A write is bytes for a place of the disk, in bytes from its start.
type write struct {
	at    int64
	bytes []byte
}

// An extent is a partition's place in sectors, and its number from 1.
type extent struct {
	number       int
	first, count uint64
}

// grow returns what to write so that the last partition, which must be the one
// of the given name, reaches the end of a disk of so many sectors. head is the
// disk's first headSectors sectors.
//
// The writes are in order, each on the disk before the next begins. The copy at
// the end of the disk comes first. What then changes at the start lies within
// one aligned block of 4 KiB, which is one write, so that a power cut leaves the
// old table or the new one; for a disk that tears even that, the kernel is told
// (gpt on its command line) to take the copy at the end.
func grow(head []byte, sectors uint64, name string) ([]write, extent, error) {
	if len(head) != headSectors*sector {
		return nil, extent{}, fmt.Errorf("a partition table of %d bytes", len(head))
	}
	if err := checkTable(head); err != nil {
		return nil, extent{}, err
	}
	head = bytes.Clone(head)
	header, table := head[sector:2*sector], head[2*sector:]
	last, err := lastEntry(table, name)
	if err != nil {
		return nil, extent{}, err
	}
	entry := table[(last.number-1)*entrySize:]
	// The copy takes entrySectors and its header one.
	usable := sectors - entrySectors - 2
	end := (usable+1)/align*align - 1
	if sectors < headSectors*2 || end < last.first+last.count-1+align {
		return nil, last, errSmall
	}
	last.count = end - last.first + 1
	binary.LittleEndian.PutUint64(entry[40:], end)
	binary.LittleEndian.PutUint64(header[32:], sectors-1) // where the copy is
	binary.LittleEndian.PutUint64(header[48:], usable)
	binary.LittleEndian.PutUint32(header[88:], crc32.ChecksumIEEE(table))
	sign(header)
	// The MBR says how long the disk is, as far as it can count.
	binary.LittleEndian.PutUint32(head[446+12:], uint32(min(sectors-1, 0xffffffff)))

	other := bytes.Clone(header)
	binary.LittleEndian.PutUint64(other[24:], sectors-1)
	binary.LittleEndian.PutUint64(other[32:], 1)
	binary.LittleEndian.PutUint64(other[72:], sectors-1-entrySectors)
	sign(other)
	return []write{
		{int64(sectors-1-entrySectors) * sector, bytes.Clone(table)},
		{int64(sectors-1) * sector, other},
		{0, head[:4096]},
	}, last, nil
}

// sign puts the header's own checksum in.
func sign(header []byte) {
	clear(header[16:20])
	binary.LittleEndian.PutUint32(header[16:], crc32.ChecksumIEEE(header[:92]))
}

// checkTable refuses a table that is damaged or of another form than the
// image's: nobody would know what else a change to it breaks.
func checkTable(head []byte) error {
	le := binary.LittleEndian
	header, table := head[sector:2*sector], head[2*sector:]
	signed := bytes.Clone(header)
	sign(signed)
	switch {
	case head[510] != 0x55 || head[511] != 0xaa || head[446+4] != 0xee:
		return errors.New("the disk has no protective MBR")
	case !bytes.HasPrefix(header, []byte("EFI PART\x00\x00\x01\x00")):
		return errors.New("the disk has no partition table")
	case le.Uint32(header[12:]) != 92 || le.Uint64(header[24:]) != 1 || le.Uint64(header[72:]) != 2 ||
		le.Uint32(header[80:]) != entries || le.Uint32(header[84:]) != entrySize:
		return errors.New("the partition table has another form than the image's")
	case !bytes.Equal(signed, header) || le.Uint32(header[88:]) != crc32.ChecksumIEEE(table):
		return errors.New("the partition table is damaged")
	}
	// The one write at the start carries the first entries only.
	for i := (4096/sector - 2) * sector; i < len(table); i += entrySize {
		if !bytes.Equal(table[i:i+16], make([]byte, 16)) {
			return errors.New("the partition table has more partitions than the image's")
		}
	}
	return nil
}

// lastEntry is the partition of the given name, with nothing behind it.
func lastEntry(table []byte, name string) (found extent, err error) {
	var end uint64
	for i := range entries {
		e := table[i*entrySize:][:entrySize]
		if bytes.Equal(e[:16], make([]byte, 16)) {
			continue
		}
		first, last := binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
		if last < first {
			return extent{}, fmt.Errorf("partition %d ends before it begins", i+1)
		}
		if entryName(e) == name {
			found = extent{number: i + 1, first: first, count: last - first + 1}
		}
		end = max(end, last)
	}
	switch {
	case found.number == 0:
		return extent{}, fmt.Errorf("no partition is called %s", name)
	case found.first+found.count-1 != end:
		return extent{}, fmt.Errorf("%s is not the last partition", name)
	}
	return found, nil
}

func entryName(e []byte) string {
	var u []uint16
	for i := 56; i < entrySize; i += 2 {
		u = append(u, binary.LittleEndian.Uint16(e[i:]))
	}
	if i := slices.Index(u, 0); i >= 0 {
		u = u[:i]
	}
	return string(utf16.Decode(u))
}

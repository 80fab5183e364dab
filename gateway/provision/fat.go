package provision

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
)

var errNoFAT = errors.New("no FAT file system")

// mostRoot bounds what is read of a root directory: its label stands first in
// practice, and who made the stick is unknown.
const mostRoot = 64 << 10

// Label returns the label of a FAT file system, as Windows shows it: the one
// of the root directory, else that of the boot sector (Microsoft's FAT
// specification, chapters 3, 6 and 7). It is what a stick is chosen by before
// anything on it is mounted.
func Label(r io.ReaderAt) (string, error) {
	b := make([]byte, 512)
	if _, err := r.ReadAt(b, 0); err != nil && err != io.EOF {
		return "", err
	}
	word := func(at int) int64 { return int64(binary.LittleEndian.Uint16(b[at:])) }
	long := func(at int) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
	sector, cluster := word(11), int64(b[13])
	if b[510] != 0x55 || b[511] != 0xaa || sector < 512 || sector > 4096 || sector&(sector-1) != 0 ||
		cluster == 0 || cluster&(cluster-1) != 0 || b[16] == 0 {
		return "", errNoFAT
	}
	// FAT12 and FAT16 have a root directory of fixed size, FAT32 a chain of
	// clusters, of which the first is enough here.
	fat, size, label := word(22), word(17)*32, b[43:54]
	at := (word(14) + int64(b[16])*fat) * sector
	if fat == 0 {
		fat, size, label = long(36), cluster*sector, b[71:82]
		at = (word(14) + int64(b[16])*fat + (max(long(44), 2)-2)*cluster) * sector
	}
	root := make([]byte, min(size, mostRoot))
	n, err := r.ReadAt(root, at)
	if err != nil && err != io.EOF {
		return "", err
	}
	const volume, long8 = 0x08, 0x0f // attributes: the label; a part of a long name
	for e := range slices.Chunk(root[:n&^31], 32) {
		if e[0] == 0 {
			break
		}
		if e[0] != 0xe5 && e[11]&long8 == volume {
			label = e[:11]
			break
		}
	}
	return strings.TrimRight(string(label), " \x00"), nil
}

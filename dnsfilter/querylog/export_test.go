package querylog

import (
	"encoding/binary"
	"hash/crc32"
)

// sumOf is the sum a batch should have.
func sumOf(b []byte) (sum [4]byte) {
	binary.LittleEndian.PutUint32(sum[:], crc32.Checksum(b[8:], castagnoli()))
	return sum
}

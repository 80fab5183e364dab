package querylog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A batch on disk: a header, then a DEFLATE stream of tables and columns.
//
//	magic    4  "MQL2"
//	sum      4  CRC-32C of all that follows
//	size     4  bytes of the stream
//	raw      4  bytes it gives
//	count    4  records
//	first    8  id of the first; the others follow it without gaps
//	from     8  Unix milliseconds of the earliest
//	span     4  milliseconds to the latest
//
// The stream has the clients (owner and address), the names, the outcomes
// (verdict, reason, list, alias, tool) and then, column by column, the times as
// differences, client, name, type, outcome and line of each record. Numbers are
// varints. So one batch is read without any other.
const (
	headSize   = 40
	maxRaw     = 8 << 20
	maxRecords = slots
	hourMillis = 3600 * 1000
)

var (
	magic    = []byte("MQL2")
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

package server

import (
	"encoding/binary"
	"unsafe"

	"github.com/miekg/dns"
)

const (
	headerSize = 12
	maxWire    = 255  // octets of a name in wire form, RFC 1035 section 3.1
	ednsSize   = 1232 // largest datagram we send or ask for
	plainSize  = 512  // … to who does not say EDNS, RFC 1035 section 4.2.1
)

// The bits of the second header word.
const (
	bitQR     = 1 << 15
	bitAA     = 1 << 10
	bitTC     = 1 << 9
	bitRD     = 1 << 8
	bitRA     = 1 << 7
	bitAD     = 1 << 5
	bitCD     = 1 << 4
	maskOp    = 0xf << 11
	maskRcode = 0xf
)

// badVersion is BADVERS of RFC 6891: its low four bits are in the header, the
// rest in the OPT record.
const badVersion = 16

// A question is what a packet asks, read by hand: most questions are answered
// from memory, and unpacking one costs more than answering it.
type question struct {
	id, flags uint16
	typ       uint16
	class     uint16
	size      uint16 // of the name in wire form; 0: none was read
	asked     [maxWire]byte
	lower     [maxWire]byte // the same in lower case
	dotted    [maxWire]byte // the same as text from octet 1 on, if plain
	plain     bool          // nothing in it needs to be escaped
	edns, do  bool
	udpSize   uint16 // what the client can take in a datagram
	group     uint8  // whom it goes to, see Zones; not read but picked
}

// A reading is what became of a packet.
type reading int

const (
	ignore reading = -1 // answer nothing
	proper reading = 0  // otherwise the reading is the response code
)

// read fills q from pkt, which anybody may have sent.
func (q *question) read(pkt []byte) reading {
	q.size, q.edns, q.do, q.udpSize = 0, false, false, plainSize
	if len(pkt) < headerSize {
		return ignore
	}
	q.id = binary.BigEndian.Uint16(pkt)
	q.flags = binary.BigEndian.Uint16(pkt[2:])
	if q.flags&bitQR != 0 { // an answer: nobody here asked
		return ignore
	}
	if q.flags&maskOp != 0 {
		return dns.RcodeNotImplemented
	}
	one, none := binary.BigEndian.Uint16(pkt[4:]), binary.BigEndian.Uint32(pkt[6:])
	if one != 1 || none != 0 {
		return dns.RcodeFormatError
	}
	at := q.readName(pkt[headerSize:])
	if at == 0 || len(pkt) < headerSize+at+4 {
		q.size = 0
		return dns.RcodeFormatError
	}
	rest := pkt[headerSize+at:]
	q.typ, q.class = binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	return q.readAdditional(rest[4:], binary.BigEndian.Uint16(pkt[10:]))
}

// readName takes the name at the start of b and returns its length, 0 if it
// is malformed. A question's name has nothing before it to point at, so a
// compressed one is malformed.
func (q *question) readName(b []byte) int {
	at := 0
	q.plain = true
	for {
		if at >= len(b) || b[at] > 63 {
			return 0
		}
		n := int(b[at])
		if at+1+n > len(b) || at+1+n > maxWire {
			return 0
		}
		q.asked[at], q.lower[at], q.dotted[at] = b[at], b[at], '.'
		at++
		if n == 0 {
			q.size = uint16(at)
			return at
		}
		for _, c := range b[at : at+n] {
			q.asked[at] = c
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			} else if odd(c) {
				q.plain = false
			}
			q.lower[at], q.dotted[at] = c, c
			at++
		}
	}
}

// readAdditional looks for the OPT record; others (a signature, say) mean
// nothing here and are stepped over.
func (q *question) readAdditional(b []byte, records uint16) reading {
	version := byte(0)
	for range records {
		at := skipName(b)
		if at == 0 || len(b) < at+10 {
			return dns.RcodeFormatError
		}
		head := b[at : at+10]
		size := int(binary.BigEndian.Uint16(head[8:]))
		if len(b) < at+10+size {
			return dns.RcodeFormatError
		}
		if binary.BigEndian.Uint16(head) == dns.TypeOPT {
			if at != 1 || q.edns || !wholeOptions(b[at+10:at+10+size]) {
				return dns.RcodeFormatError
			}
			q.edns, version, q.do = true, head[5], head[6]&0x80 != 0
			q.udpSize = min(max(binary.BigEndian.Uint16(head[2:]), plainSize), ednsSize)
		}
		b = b[at+10+size:]
	}
	if version != 0 {
		return badVersion
	}
	return proper
}

// skipName returns the length of the possibly compressed name at the start of
// b, 0 if it is malformed.
func skipName(b []byte) int {
	for at := 0; at < len(b) && at < maxWire; {
		switch n := int(b[at]); {
		case n == 0:
			return at + 1
		case n >= 0xc0:
			if at+2 > len(b) {
				return 0
			}
			return at + 2
		case n > 63:
			return 0
		default:
			at += 1 + n
		}
	}
	return 0
}

// wholeOptions says whether b is a run of complete EDNS options.
func wholeOptions(b []byte) bool {
	for len(b) >= 4 {
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

func (q *question) wire() []byte { return q.lower[:q.size] }

// appendText appends q's name as the filter compares it: lower case, dots
// between labels, none at the end. A dot or backslash within a label, and what
// no host name holds, is escaped, so that two names never look alike.
func (q *question) appendText(dst []byte) []byte {
	wire := q.wire()
	for at := 0; wire[at] != 0; {
		n := int(wire[at])
		if at > 0 {
			dst = append(dst, '.')
		}
		for _, c := range wire[at+1 : at+1+n] {
			if odd(c) {
				dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
				continue
			}
			dst = append(dst, c)
		}
		at += 1 + n
	}
	return dst
}

// odd says whether c stands in no host name and is escaped.
func odd(c byte) bool { return c <= ' ' || c >= 0x7f || c == '.' || c == '\\' }

// name is q's name as appendText gives it, good only as long as q stays as it
// is. An odd one is allocated.
func (q *question) name() []byte {
	if q.plain && q.size > 1 {
		return q.dotted[1 : q.size-1]
	}
	return q.appendText(nil)
}

// view is b as a string without a copy. It is only for Decide and Judge, which
// keep no part of a name, and only while b stays as it is.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// ednsSize is the largest datagram we ask for: it crosses every usual link
// unfragmented (DNS flag day 2020).
const ednsSize = 1232

const headerSize = 12

// padTo is the block size that encrypted questions are padded to, so that
// their lengths tell little of the names (RFC 8467 section 4.1).
const padTo = 128

// errUnsendable says that a question cannot be written as a message.
var errUnsendable = errors.New("writing question")

// A query is one message of ours to one server.
type query struct {
	packet   []byte // as sent
	question int    // length of its question section
	edns     bool
	mixed    bool // letter case is random
	cookie   bool // carries a cookie
	sent     time.Time
	heard    bool // something fitting has come
}

// A form is how a query is written.
type form struct {
	edns, mixCase, pad bool
	cookie             string // hex; empty: none
	dice               *dice  // nil: the system's, for where no forger can speak
}

// newQuery writes q with a fresh random id. It is written by hand, octet by
// octet what package dns makes of it: that costs four times as much.
func newQuery(q Question, f form) (*query, error) {
	var name [256]byte
	n, err := dns.PackDomainName(q.Name, name[:], 0, nil, false)
	if n == 0 && err == nil { // of no name it makes nothing, not the root
		err = errors.New("no name")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnsendable, err)
	}
	var random [2 + 32]byte
	if f.dice != nil {
		f.dice.read(random[:])
	} else {
		rand.Read(random[:])
	}
	flags := byte(0)
	if q.CD {
		flags = 0x10
	}
	b := make([]byte, 0, headerSize+n+4+11+4+clientCookie/2+maxServerCookie/2+4+padTo)
	b = append(b, random[0], random[1], 1, flags, 0, 1, 0, 0, 0, 0, 0, 0) // recursion desired, one question
	b = append(b, name[:n]...)
	b = binary.BigEndian.AppendUint16(b, q.Type)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	if f.edns {
		if b, err = appendOPT(b, q.DO, f); err != nil {
			return nil, fmt.Errorf("%w: %w", errUnsendable, err)
		}
	}
	if f.mixCase {
		mix(b[headerSize:headerSize+n], random[2:])
	}
	return &query{packet: b, question: n + 4, edns: f.edns, mixed: f.mixCase, cookie: f.cookie != "", sent: time.Now()}, nil
}

// appendOPT ends the message b with an OPT record (RFC 6891 section 6.1.2).
func appendOPT(b []byte, do bool, f form) ([]byte, error) {
	b[11] = 1
	b = append(b, 0, 0, byte(dns.TypeOPT))
	b = binary.BigEndian.AppendUint16(b, ednsSize)
	b = append(b, 0, 0, 0, 0, 0, 0) // no extended code, version 0, flags, length
	at := len(b) - 2
	if do {
		b[at-2] = 0x80
	}
	if f.cookie != "" {
		b = binary.BigEndian.AppendUint16(b, dns.EDNS0COOKIE)
		b = binary.BigEndian.AppendUint16(b, uint16(len(f.cookie)/2))
		var err error
		if b, err = hex.AppendDecode(b, []byte(f.cookie)); err != nil {
			return nil, err
		}
	}
	if f.pad {
		size := (padTo - (len(b)+4)%padTo) % padTo
		b = binary.BigEndian.AppendUint16(b, dns.EDNS0PADDING)
		b = binary.BigEndian.AppendUint16(b, uint16(size))
		b = append(b, make([]byte, size)...)
	}
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	return b, nil
}

func (y *query) id() uint16      { return binary.BigEndian.Uint16(y.packet) }
func (y *query) setID(id uint16) { binary.BigEndian.PutUint16(y.packet, id) }

// mix flips the case of letters by the bits of random. Length bytes are at
// most 63, below the letters.
func mix(name, random []byte) {
	for i, c := range name {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if letter && random[i/8]>>(i%8)&1 == 1 {
			name[i] = c ^ 0x20
		}
	}
}

// A verdict says what a message is to a query.
type verdict uint8

const (
	foreign verdict = iota // no answer to it: wrong id or question, or no answer at all
	fits                   // the answer
	folded                 // the answer but for the letter case of the name
	broken                 // id and question fit, the rest cannot be read
)

// match compares a message with what was asked, by its header and question
// alone. Anyone may have sent it.
func (y *query) match(raw []byte) verdict {
	const response, opcode = 0x80, 0x78
	if len(raw) < headerSize+y.question || !bytes.Equal(raw[:2], y.packet[:2]) ||
		raw[2]&(response|opcode) != response || raw[4] != 0 || raw[5] != 1 {
		return foreign
	}
	got, want := raw[headerSize:headerSize+y.question], y.packet[headerSize:headerSize+y.question]
	if bytes.Equal(got, want) {
		return fits
	}
	// Folding cannot make a length byte of a letter nor the reverse.
	if !equalFold(got[:len(got)-4], want[:len(want)-4]) || !bytes.Equal(got[len(got)-4:], want[len(want)-4:]) {
		return foreign
	}
	return folded
}

// check is match, and reads the message if it fits.
func (y *query) check(raw []byte) (*dns.Msg, verdict) {
	v := y.match(raw)
	if v == foreign {
		return nil, foreign
	}
	var m dns.Msg
	if m.Unpack(raw) != nil || len(m.Question) != 1 {
		return nil, broken
	}
	return &m, v
}

// equalFold compares ASCII only: Unicode has no case here (RFC 4343).
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		c, d := a[i], b[i]
		if c != d && (c^d != 0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// restoreName undoes what the letter case of the question did to the answer.
func restoreName(m *dns.Msg, name string) {
	m.Question[0].Name = name
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			if h := rr.Header(); strings.EqualFold(h.Name, name) {
				h.Name = name
			}
		}
	}
}

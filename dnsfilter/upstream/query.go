package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
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
}

// newQuery writes q with a fresh random id.
func newQuery(q Question, f form) (*query, error) {
	var m dns.Msg
	m.RecursionDesired = true
	m.CheckingDisabled = q.CD
	m.Question = []dns.Question{{Name: q.Name, Qtype: q.Type, Qclass: dns.ClassINET}}
	random := make([]byte, 2+32)
	rand.Read(random)
	m.Id = binary.BigEndian.Uint16(random)
	if f.edns {
		m.SetEdns0(ednsSize, q.DO)
		opt := m.IsEdns0()
		if f.cookie != "" {
			opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: f.cookie})
		}
		if f.pad {
			full := m.Len() + 4
			opt.Option = append(opt.Option, &dns.EDNS0_PADDING{Padding: make([]byte, (padTo-full%padTo)%padTo)})
		}
	}
	packet, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnsendable, err)
	}
	size := headerSize
	for packet[size] != 0 { // our own writing: one name, never compressed
		size += 1 + int(packet[size])
	}
	y := &query{packet: packet, question: size + 5 - headerSize, edns: f.edns, mixed: f.mixCase, cookie: f.cookie != "", sent: time.Now()}
	if f.mixCase {
		mix(packet[headerSize:size], random[2:])
	}
	return y, nil
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

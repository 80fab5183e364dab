package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// ednsSize is the largest datagram we ask for: it crosses every usual link
// unfragmented (DNS flag day 2020).
const ednsSize = 1232

const headerSize = 12

// newTry writes q for s with a fresh random id.
func newTry(q Question, s *server, edns, mixCase bool) (*try, error) {
	var m dns.Msg
	m.RecursionDesired = true
	m.CheckingDisabled = q.CD
	m.Question = []dns.Question{{Name: q.Name, Qtype: q.Type, Qclass: dns.ClassINET}}
	random := make([]byte, 2+32)
	rand.Read(random)
	m.Id = binary.BigEndian.Uint16(random)
	packet, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("writing question: %w", err)
	}
	t := &try{server: s, question: len(packet) - headerSize, edns: edns, sent: time.Now()}
	if edns {
		m.SetEdns0(ednsSize, q.DO)
		if packet, err = m.Pack(); err != nil {
			return nil, fmt.Errorf("writing question: %w", err)
		}
	}
	t.packet = packet
	if mixCase {
		mix(t.name(), random[2:])
	}
	return t, nil
}

// name is the name in t's question, in wire form.
func (t *try) name() []byte { return t.packet[headerSize : headerSize+t.question-4] }

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

// A verdict says what a message is to a try.
type verdict uint8

const (
	foreign verdict = iota // no answer to it: wrong id or question, or no answer at all
	fits                   // the answer
	folded                 // the answer but for the letter case of the name
	broken                 // id and question fit, the rest cannot be read
)

// check compares a message with what was asked. Anyone may have sent it.
func (t *try) check(raw []byte) (*dns.Msg, verdict) {
	const response, opcode = 0x80, 0x78
	if len(raw) < headerSize+t.question || !bytes.Equal(raw[:2], t.packet[:2]) ||
		raw[2]&(response|opcode) != response || raw[4] != 0 || raw[5] != 1 {
		return nil, foreign
	}
	v := fits
	got, want := raw[headerSize:headerSize+t.question], t.packet[headerSize:headerSize+t.question]
	if !bytes.Equal(got, want) {
		v = folded
		// Folding cannot make a length byte of a letter nor the reverse.
		if !equalFold(got[:len(got)-4], want[:len(want)-4]) || !bytes.Equal(got[len(got)-4:], want[len(want)-4:]) {
			return nil, foreign
		}
	}
	var m dns.Msg
	if m.Unpack(raw) != nil {
		return nil, broken
	}
	return &m, v
}

// equalFold compares ASCII only: Unicode has no case here (RFC 4343).
func equalFold(a, b []byte) bool {
	for i := range a {
		c, d := a[i], b[i]
		if c != d && (c^d != 0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(a) == len(b)
}

func (t *try) noteAnswer(v verdict) {
	if v != foreign && !t.answered {
		t.answered = true
		t.server.answered(time.Since(t.sent))
	}
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

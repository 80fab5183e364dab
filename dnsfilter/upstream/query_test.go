package upstream

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// written is a query as package dns writes it.
func written(t testing.TB, q Question, f form, id uint16) []byte {
	var m dns.Msg
	m.Id, m.RecursionDesired, m.CheckingDisabled = id, true, q.CD
	m.Question = []dns.Question{{Name: q.Name, Qtype: q.Type, Qclass: dns.ClassINET}}
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
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// What is written by hand is what package dns writes, but for id and letter
// case; what that cannot write is not written here either.
func FuzzNewQuery(f *testing.F) {
	for _, name := range []string{"", ".", "www.some-name.example.", `a\.b\200.example.`, "no-dot", "a..b.", strings.Repeat("a", 64) + ".",
		strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61) + ".", strings.Repeat("a.", 128)} {
		for bits := range uint8(32) {
			f.Add(name, uint16(dns.TypeA), bits, "0123456789abcdef")
		}
	}
	f.Fuzz(func(t *testing.T, name string, typ uint16, bits uint8, cookie string) {
		if len(cookie) > clientCookie+maxServerCookie || len(cookie)%2 == 1 {
			return
		}
		q := Question{Name: name, Type: typ, DO: bits&1 != 0, CD: bits&2 != 0}
		form := form{edns: bits&4 != 0, mixCase: bits&8 != 0, pad: bits&16 != 0, cookie: cookie, dice: newDice()}
		y, err := newQuery(q, form)
		if err != nil {
			// Package dns also writes names that are an octet or two too long.
			if want := written(t, q, form, 0); want != nil && name != "" && nameLength(want) <= 255 {
				t.Fatalf("%q: %v, but package dns writes %x", name, err, want)
			}
			return
		}
		want := written(t, q, form, y.id())
		if want == nil {
			t.Fatalf("%q: package dns does not write %x", name, y.packet)
		}
		if form.mixCase {
			end := headerSize + y.question
			if !equalFold(y.packet[headerSize:end], want[headerSize:end]) {
				t.Fatalf("%q: %x", name, y.packet)
			}
			copy(y.packet[headerSize:end], want[headerSize:end])
		}
		if !bytes.Equal(y.packet, want) || y.match(answerTo(want)) != fits {
			t.Fatalf("%q:\n%x, want\n%x", name, y.packet, want)
		}
	})
}

// nameLength is how many octets the name of a question has.
func nameLength(q []byte) int {
	at := headerSize
	for q[at] != 0 {
		at += 1 + int(q[at])
	}
	return at + 1 - headerSize
}

// answerTo makes an answer of a question.
func answerTo(q []byte) []byte {
	b := bytes.Clone(q)
	b[2] |= 0x80
	return b
}

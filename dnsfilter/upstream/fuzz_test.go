package upstream

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func FuzzCheck(f *testing.F) {
	newQuestion := func() *query {
		q, err := newQuery(question, form{edns: true})
		if err != nil {
			f.Fatal(err)
		}
		q.packet[0], q.packet[1] = 0x12, 0x34
		return q
	}
	var asked dns.Msg
	asked.SetQuestion(question.Name, question.Type)
	asked.Id = 0x1234
	f.Add(pack(good(&asked)))
	f.Add(pack(&asked))
	f.Add(pack(good(&asked))[:40])
	q := newQuestion()
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, v := q.check(raw)
		if v != broken && q.match(raw) != v {
			t.Fatal("match and check differ")
		}
		switch v {
		case fits, folded:
			if m == nil || len(m.Question) != 1 || m.Id != 0x1234 || !m.Response ||
				!strings.EqualFold(m.Question[0].Name, question.Name) || m.Question[0].Qtype != question.Type ||
				v == fits && m.Question[0].Name != question.Name {
				t.Fatalf("believed %v", m)
			}
			restoreName(m, question.Name)
		default:
			if m != nil {
				t.Fatal("a message that does not fit is handed on")
			}
		}
	})
}

// The body of an HTTPS reply is believed only if it answers the question, and
// no age makes a time to live longer.
func FuzzBody(f *testing.F) {
	ask := func() *query {
		y, err := newQuery(question, form{edns: true, pad: true})
		if err != nil {
			f.Fatal(err)
		}
		y.setID(0)
		return y
	}
	var asked dns.Msg
	asked.SetQuestion(question.Name, question.Type)
	asked.Id = 0
	f.Add(pack(good(&asked)), mediaType, "10", 200)
	f.Add(pack(good(&asked))[:30], mediaType+"; charset=x", "-1", 200)
	f.Add(pack(&asked), "text/html", "4294967296", 404)
	y := ask()
	f.Fuzz(func(t *testing.T, raw []byte, kind, age string, status int) {
		r := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(raw))}
		got, err := body(r)
		if err != nil {
			return
		}
		if status != 200 || len(got) > dns.MaxMsgSize || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(kind)), mediaType) {
			t.Fatalf("%d bytes of %q with status %d", len(got), kind, status)
		}
		m, err := y.read(got, age)
		if err != nil {
			return
		}
		if m.Id != 0 || !m.Response || m.Truncated || len(m.Question) != 1 || m.Question[0].Qtype != question.Type ||
			!strings.EqualFold(m.Question[0].Name, question.Name) {
			t.Fatalf("believed %v", m)
		}
		var fresh dns.Msg
		if fresh.Unpack(got) != nil {
			t.Fatal("read what cannot be read")
		}
		for i, rr := range m.Answer {
			if rr.Header().Ttl > fresh.Answer[i].Header().Ttl {
				t.Fatalf("age %q makes %v of %v", age, rr, fresh.Answer[i])
			}
		}
		restoreName(m, question.Name)
	})
}

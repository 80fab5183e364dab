package server

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// A param is one parameter of a service record, as on the wire.
type param struct {
	key   uint16
	value []byte
}

func packParams(ps []param) []byte {
	var b []byte
	for _, p := range ps {
		b = binary.BigEndian.AppendUint16(b, p.key)
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.value)))
		b = append(b, p.value...)
	}
	return b
}

// serviceAnswer is an upstream's message with one service record.
func serviceAnswer(t interface{ Fatal(...any) }, q *dns.Msg, typ uint16, rdata []byte) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	b[7] = 1
	b = append(b, 0xc0, 0x0c)
	b = binary.BigEndian.AppendUint16(b, typ)
	b = append(b, 0, 1, 0, 0, 1, 0x2c)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rdata)))
	b = append(b, rdata...)
	var out dns.Msg
	if err := out.Unpack(b); err != nil {
		t.Fatal(err)
	}
	return &out
}

// rdataOf returns the RDATA of the first record of an answer of ours.
func rdataOf(b []byte) []byte {
	at := headerSize + skipName(b[headerSize:]) + 4
	at += skipName(b[at:]) + 8
	return b[at+2 : at+2+int(binary.BigEndian.Uint16(b[at:]))]
}

// Of all parameters a record may have, ech alone is missing from what goes
// out, and all else is the same octet by octet.
func TestOnlyHelloIsRemoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom([]uint16{dns.TypeHTTPS, dns.TypeSVCB}).Draw(t, "type")
		values := map[uint16][]byte{1: []byte("\x02h2\x02h3"), 3: {0x20, 0xfb}, 4: {203, 0, 113, 1}, 6: append([]byte{0x20, 1}, make([]byte, 14)...)}
		var in, want []param
		for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]uint16{1, 3, 4, 5, 6, 9, 10, 667, 32768, 65280, 65534}), 0, 11, rapid.ID[uint16]).Draw(t, "keys") {
			value, known := values[key]
			if !known {
				value = rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "value")
			}
			in = append(in, param{key, value})
		}
		slices.SortFunc(in, func(a, b param) int { return int(a.key) - int(b.key) })
		hello := slices.ContainsFunc(in, func(p param) bool { return p.key == 5 })
		var must, mustWant []byte
		for _, p := range in {
			named := rapid.Bool().Draw(t, "mandatory")
			if named {
				must = binary.BigEndian.AppendUint16(must, p.key)
			}
			if p.key == 5 {
				continue
			}
			want = append(want, p)
			if named {
				mustWant = binary.BigEndian.AppendUint16(mustWant, p.key)
			}
		}
		if must != nil {
			in = slices.Insert(in, 0, param{0, must})
		}
		if mustWant != nil {
			want = slices.Insert(want, 0, param{0, mustWant})
		}
		head := []byte("\x00\x01\x03svc\x07example\x00")
		asked := ask("_x.svc.example.", typ)
		packed, _ := asked.Pack()
		q := new(question)
		if q.read(packed) != proper {
			t.Fatal("question")
		}
		e, err := tidy(serviceAnswer(t, asked, typ, append(slices.Clone(head), packParams(in)...)), q)
		if err != nil {
			t.Fatal(err)
		}
		got := rdataOf(e.wire)
		if !bytes.Equal(got, append(slices.Clone(head), packParams(want)...)) {
			t.Fatalf("%x\nwant %x after the head", got, packParams(want))
		}
		if said := e.extra.code == dns.ExtendedErrorCodeForgedAnswer; said != hello {
			t.Fatalf("extended error %+v", e.extra)
		}
	})
}

// Signatures go with the set they no longer fit; those of other sets stay.
func TestHelloAndSignatures(t *testing.T) {
	r := newResolver()
	sig := func(name, typ string) string {
		return name + " 300 IN RRSIG " + typ + " 13 2 300 20300101000000 20200101000000 1 example. aaaa"
	}
	r.set("www.example.", "www.example. 300 IN HTTPS 1 . alpn=h2 ech=AAAA", sig("www.example.", "HTTPS"))
	r.set("plain.example.", "plain.example. 300 IN HTTPS 1 . alpn=h2", sig("plain.example.", "HTTPS"))
	r.set("alias.example.", "alias.example. 300 IN CNAME www.example.", sig("alias.example.", "CNAME"))
	s := bench(t, r)
	defer settle(s)
	for name, want := range map[string][]uint16{
		"www.example.":   {dns.TypeHTTPS},
		"plain.example.": {dns.TypeHTTPS, dns.TypeRRSIG},
		"alias.example.": {dns.TypeCNAME, dns.TypeHTTPS},
	} {
		q := new(dns.Msg).SetQuestion(name, dns.TypeHTTPS)
		q.SetEdns0(1232, true)
		for range 2 {
			m := put(t, s, q)
			var got []uint16
			for _, rr := range m.Answer {
				got = append(got, rr.Header().Rrtype)
			}
			if !slices.Equal(got, want) || m.AuthenticatedData {
				t.Errorf("%v", m)
			}
			if code, text, ok := ede(m); ok == (name == "plain.example.") || ok && (code != dns.ExtendedErrorCodeForgedAnswer || text != "ech removed") {
				t.Errorf("%v", m)
			}
		}
	}
	// The record asked for by its own type, too, and no other word is lost.
	two := []dns.RR{}
	for _, text := range []string{"a.example. 300 IN SVCB 1 . mandatory=alpn,ech alpn=h2 ech=AAAA", sig("a.example.", "SVCB"), sig("a.example.", "A")} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		two = append(two, rr)
	}
	out, changed := openHello(two)
	if !changed || len(out) != 2 || out[1].(*dns.RRSIG).TypeCovered != dns.TypeA {
		t.Errorf("%v", out)
	}
}

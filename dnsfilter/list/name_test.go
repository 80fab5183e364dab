package list

import (
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"Example.JP":                    "example.jp",
		"example.jp.":                   "example.jp",
		" example.jp ":                  "example.jp",
		"日本語。jp":                        "xn--wgv71a119e.jp",
		"EXAMPLE.jp":                    "example.jp",
		"か\u3099っこう.jp":                 "xn--p8jlv7d.jp",
		"がっこう.jp":                       "xn--p8jlv7d.jp",
		"_dns.resolver.arpa":            "_dns.resolver.arpa",
		"a--b.example":                  "a--b.example",
		"xn--wgv71a119e.jp":             "xn--wgv71a119e.jp",
		"localhost":                     "localhost",
		"1.0.0.10.in-addr.arpa":         "1.0.0.10.in-addr.arpa",
		strings.Repeat("a", 63) + ".jp": strings.Repeat("a", 63) + ".jp",
	} {
		if got, err := Canonical(in); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", ".", "..", "a..b", ".a", "a b", "a/b", "192.0.2.1", "a\x00b", "a:b", "日本\x00.jp", "\xff\xfe.jp",
		strings.Repeat("a", 64) + ".jp", strings.Repeat("a.", 127) + "jp", strings.Repeat("語", 100) + ".jp",
	} {
		if got, err := Canonical(in); err == nil {
			t.Errorf("%q is taken as %q", in, got)
		}
	}
}

// The first and the sixteenth of the reference vectors of SipHash-2-4, and
// one of a whole block.
func TestSipHash(t *testing.T) {
	var key [16]byte
	input := make([]byte, 16)
	for i := range 16 {
		key[i], input[i] = byte(i), byte(i)
	}
	k := KeyOf(key)
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5} {
		if got := sip(k, input[:n]); got != want {
			t.Errorf("of %d bytes: %#x, want %#x", n, got, want)
		}
	}
	if a, b := NewKey(), NewKey(); a == b {
		t.Error("keys are not random")
	}
}

func FuzzHosts(f *testing.F) {
	f.Add("0.0.0.0 ads.example\n# c\n::1 日本。jp Second.EXAMPLE. # x\r\n")
	f.Add("\ufeff0 a\n\n127.0.0.1\n<html>\n0.0.0.0 0.0.0.0")
	f.Fuzz(func(t *testing.T, file string) {
		b := NewBuilder(KeyOf([16]byte{}))
		r, err := b.AddHosts(Source{Name: "f", Text: strings.NewReader(file), Limit: 1 << 16})
		l := b.Build()
		if err != nil {
			if l.Len() != 0 {
				t.Fatal("a refused source left names")
			}
			return
		}
		if l.Len() > r.Names || r.Bad > r.Lines || r.Lines > strings.Count(file, "\n")+1 {
			t.Fatalf("%d names, %+v", l.Len(), r)
		}
		// Every word of a plain line is found under its canonical form, on
		// this line or an earlier one.
		for i, line := range strings.Split(file, "\n") {
			words := strings.Fields(line)
			if len(words) != 2 || words[0] != "0.0.0.0" || strings.ContainsAny(line, "#\v\f\u0085\u00a0") || len(line) >= maxBytesOfLine {
				continue
			}
			name, ok := appendName(nil, []byte(words[1]))
			if ownName(words[1]) || !ok {
				continue
			}
			if e, found := l.Lookup(string(name)); !found || e.Line > i+1 {
				t.Fatalf("line %d: %q: %v %v", i+1, words[1], e, found)
			}
		}
	})
}

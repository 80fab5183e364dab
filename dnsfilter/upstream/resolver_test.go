package upstream

import (
	"errors"
	"strings"
	"testing"
)

const pin = "#sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.53":                                  "192.0.2.53:53",
		"udp://192.0.2.53:5353":                       "192.0.2.53:5353",
		"2001:db8::53":                                "[2001:db8::53]:53",
		"[2001:db8::53]":                              "[2001:db8::53]:53",
		"udp://[2001:db8::53]:53":                     "[2001:db8::53]:53",
		"tls://192.0.2.53":                            "tls://192.0.2.53:853",
		"tls://dns.example@192.0.2.53":                "tls://dns.example@192.0.2.53:853",
		"tls://dns.example@[2001:db8::53]:8853" + pin: "tls://dns.example@[2001:db8::53]:8853" + pin,
		"tls://192.0.2.53" + pin + pin:                "tls://192.0.2.53:853" + pin + pin,
		"https://dns.example/dns-query@192.0.2.53":    "https://dns.example/dns-query@192.0.2.53:443",
		"https://dns.example/@2001:db8::53" + pin:     "https://dns.example/@[2001:db8::53]:443" + pin,
	} {
		v, err := Parse(in)
		if err != nil || v.String() != want {
			t.Errorf("%s: %s, %v", in, v, err)
			continue
		}
		if back, err := Parse(v.String()); err != nil || !back.Equal(v) {
			t.Errorf("%s read again: %v, %v", v, back, err)
		}
	}
	for in, want := range map[string]error{
		"":                                          ErrAddress,
		"dns.example":                               ErrAddress,
		"192.0.2.53:0":                              ErrAddress,
		"0.0.0.0":                                   ErrAddress,
		"224.0.0.251":                               ErrAddress,
		"::ffff:192.0.2.53":                         ErrAddress,
		"fe80::1%eth0":                              ErrAddress,
		"192.0.2.53" + pin:                          ErrAddress,
		"quic://192.0.2.53":                         ErrForm,
		"https://192.0.2.53/dns-query":              ErrForm,
		"udp://dns.example@192.0.2.53":              ErrAddress,
		"tls://@192.0.2.53":                         ErrName,
		"tls://dns example@192.0.2.53":              ErrName,
		"tls://DNS.example@192.0.2.53":              ErrName,
		"tls://a@b@192.0.2.53":                      ErrName,
		"https:///dns-query@192.0.2.53":             ErrName,
		"https://user@dns.example/q@192.0.2.53":     ErrName,
		"https://dns.example:444/q@192.0.2.53":      ErrName,
		"https://dns.example@192.0.2.53":            ErrPath,
		"https://dns.example/q?a=b@192.0.2.53":      ErrPath,
		"tls://192.0.2.53#sha256/AAAA":              ErrPin,
		"tls://192.0.2.53#md5/AAAA":                 ErrPin,
		"tls://192.0.2.53#":                         ErrPin,
		"tls://192.0.2.53" + strings.Repeat(pin, 5): ErrPin,
	} {
		if v, err := Parse(in); !errors.Is(err, want) {
			t.Errorf("%s: %v, %v, want %v", in, v, err, want)
		}
	}
}

// What is read can be written and read again, and is fit for New.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"192.0.2.53", "tls://dns.example@[2001:db8::53]:853" + pin, "https://dns.example/dns-query@192.0.2.53", "tls://@#@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Parse(s)
		if err != nil {
			return
		}
		if back, err := Parse(v.String()); err != nil || !back.Equal(v) {
			t.Fatalf("%q is %v, read again %v, %v", s, v, back, err)
		}
		if _, err := New(Options{Servers: []Server{v}}); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

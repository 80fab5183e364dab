package device_test

import (
	"testing"

	"monban/gateway/device"
)

func TestParseMAC(t *testing.T) {
	for _, c := range []struct {
		in, out string
		random  bool
	}{
		{"00:1B:21:aa:bb:CC", "00:1b:21:aa:bb:cc", false},
		{"00-1b-21-aa-bb-cc", "00:1b:21:aa:bb:cc", false},
		{"001b.21aa.bbcc", "00:1b:21:aa:bb:cc", false},
		{"001b21aabbcc", "00:1b:21:aa:bb:cc", false},
		{"da:a1:19:00:00:01", "da:a1:19:00:00:01", true},
		{in: ""}, {in: "00:1b:21:aa:bb"}, {in: "00:1b:21:aa:bb:cc:dd"}, {in: "00:1b:21:aa:bb:cg"},
		{in: "0:1b:21:aa:bb:cc"}, {in: "::::::001b21aabbcc"}, {in: "00 1b 21 aa bb cc"},
		{in: "00:00:00:00:00:00"}, {in: "ff:ff:ff:ff:ff:ff"}, {in: "01:00:5e:00:00:01"}, {in: "33:33:00:00:00:01"},
	} {
		m, err := device.ParseMAC(c.in)
		if (err == nil) != (c.out != "") {
			t.Errorf("%q: error %v", c.in, err)
			continue
		}
		if err == nil && (m.String() != c.out || m.Random() != c.random) {
			t.Errorf("%q: %v, random %v", c.in, m, m.Random())
		}
	}
}

func FuzzParseMAC(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		m, err := device.ParseMAC(s)
		if err != nil {
			return
		}
		if !m.Single() {
			t.Errorf("%q: %v is no single device", s, m)
		}
		if again, err := device.ParseMAC(m.String()); err != nil || again != m {
			t.Errorf("%q: %v read back as %v, %v", s, m, again, err)
		}
	})
}

package device_test

import (
	"os"
	"strings"
	"testing"

	"monban/gateway/device"
)

func TestMaker(t *testing.T) {
	for _, c := range []struct{ mac, begins string }{
		{"00:00:0c:12:34:56", "Cisco"},
		{"00:00:48:12:34:56", "Seiko Epson"},
		{"00:00:00:00:00:01", "XEROX"},
		{"c8:5c:e2:7a:bc:de", "SYNERGY SYSTEMS"}, // 28 bits of a block split among many
		{"02:00:0c:12:34:56", ""},                // made up by the device
		{"c8:5c:e2:ff:bc:de", ""},                // a part of a split block nobody holds
	} {
		m, err := device.ParseMAC(c.mac)
		if err != nil {
			t.Fatal(err)
		}
		if got := device.Maker(m); !strings.HasPrefix(got, c.begins) || (got == "") != (c.begins == "") {
			t.Errorf("%s: %q, want %q…", c.mac, got, c.begins)
		}
	}
}

func TestTableIsSmall(t *testing.T) {
	fi, err := os.Stat("oui.bin")
	if err != nil {
		t.Fatal(err)
	}
	if fi.Size() > 600_000 {
		t.Errorf("oui.bin has %d bytes", fi.Size())
	}
}

// A table cut short anywhere knows less but never breaks.
func TestDamagedTable(t *testing.T) {
	b, err := os.ReadFile("oui.bin")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(b); n += 9973 {
		device.Makers(b[:n]).Of(device.MAC{0, 0, 0x0c, 1, 2, 3})
		device.Makers(b[:n]).Of(device.MAC{0xfc, 0xff, 0xaa, 1, 2, 3})
	}
}

func BenchmarkMaker(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		device.Maker(device.MAC{0, 0, 0x48, 1, 2, 3})
	}
}

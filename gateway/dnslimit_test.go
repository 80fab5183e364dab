package gateway

import (
	"net/netip"
	"testing"
	"time"

	"monban/gateway/device"
)

// A device that asks too much is one line an hour, whichever of its addresses
// it asks from; who invents devices fills no log.
func TestNamesLimited(t *testing.T) {
	b := newBox(t).start()
	b.seen(rececom, "192.168.10.31", "2001:db8:10::31")
	four, six, other := netip.MustParseAddr("192.168.10.31"), netip.MustParseAddr("2001:db8:10::31"), netip.MustParseAddr("192.168.10.99")
	for range 3 {
		for _, a := range []netip.Addr{four, six, other} {
			b.SeeLimited(NamesLimited{Client: a, Dropped: 1234})
		}
	}
	b.keepOnce(t.Context())
	if n := b.lines("dns.limited"); n != 2 {
		t.Errorf("%d lines in an hour, of one device and one unknown", n)
	}
	b.time.pass(time.Hour)
	b.SeeLimited(NamesLimited{Client: six, Dropped: 1})
	b.keepOnce(t.Context())
	if n := b.lines("dns.limited"); n != 3 {
		t.Errorf("%d lines after an hour", n)
	}
	for i := range 2 * limitedLines {
		a := netip.AddrFrom4([4]byte{192, 168, 10, byte(100 + i)})
		b.seen(device.MAC{2, 0, 0, 0, 0, byte(i)}, a.String())
		b.SeeLimited(NamesLimited{Client: a, Dropped: 1})
	}
	b.keepOnce(t.Context())
	if n := b.lines("dns.limited"); n > 3+limitedLines {
		t.Errorf("%d lines", n)
	}
}

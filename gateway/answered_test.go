package gateway

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/device"
)

// What a device under answered-only egress was told at an address does not
// serve the next one that has it, asked or not. Its other addresses keep theirs,
// and so does the owner when somebody only passes by.
func TestAnswersDoNotMove(t *testing.T) {
	b := newBox(t)
	b.edit(`place = "撮影室"`, `place = "撮影室"
egress = "answered"`)
	xray := device.MAC{0x00, 0x20, 0x6b, 0, 0, 0x41}
	b.start()
	four, six := netip.MustParseAddr("192.168.10.32"), netip.MustParseAddr("2001:db8:10::32")
	portal4, portal6 := netip.MustParseAddr("203.0.113.80"), netip.MustParseAddr("2001:db8:0:9::80")
	other := netip.MustParseAddr("203.0.113.90")
	tell := func(a netip.Addr, to ...netip.Addr) error {
		return b.Admit(t.Context(), a, "", to, time.Minute)
	}
	holds := func(when string, want ...firewall.Gate) {
		t.Helper()
		if !slices.Equal(b.fw.admitted, want) {
			t.Errorf("%s the kernel admits %v", when, b.fw.admitted)
		}
	}
	b.seen(ehr, four.String(), six.String())
	if err := tell(four, portal4, portal6); err != nil {
		t.Fatal(err)
	}
	mine4, mine6 := firewall.Gate{Device: four, Target: portal4}, firewall.Gate{Device: six, Target: portal6}
	slices.SortFunc(b.fw.admitted, func(a, b firewall.Gate) int { return a.Device.Compare(b.Device) })
	holds("at first", mine4, mine6)

	b.seen(rececom, four.String()) // any other device reaches what it likes
	b.keepOnce(t.Context())
	b.seen(ehr, four.String())
	b.keepOnce(t.Context())
	holds("after somebody passed by", mine4, mine6)

	b.seen(xray, four.String())
	b.keepOnce(t.Context())
	holds("before the next one asks", mine6)

	b.seen(ehr, four.String()) // it moves back, and nobody looked before it asks
	if err := tell(four, portal4); err != nil {
		t.Fatal(err)
	}
	b.seen(xray, four.String())
	b.fw.set(func() { b.fw.fail["Unadmit"] = errors.New("busy") })
	if err := tell(four, other); err == nil {
		t.Error("told, with what another device was told in force")
	}
	b.fw.set(func() { delete(b.fw.fail, "Unadmit") })
	if err := tell(four, other); err != nil {
		t.Fatal(err)
	}
	b.keepOnce(t.Context())
	holds("when the next one asked", mine6, firewall.Gate{Device: four, Target: other})
	if n := b.fw.called("Unadmit"); n != 4 {
		t.Errorf("taken back %d times", n)
	}
}

package gateway

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"monban/gateway/device"
)

// An address that went on to another device takes nothing along that was meant
// for the first: no zone, no way to a vendor, no group, and not the rule that
// what it asks for must be put into the kernel first.
func TestMovedAddress(t *testing.T) {
	c := example(t, `must_work = ["www.lab.example"]`, `must_work = ["www.lab.example"]
zone = [{ name = "closed.example", upstreams = ["192.0.2.53"], devices = ["ehr"] }]
group = [{ name = "doctors", devices = ["ehr"], lists = [] }]`)
	for _, x := range []struct {
		later time.Duration // when the others were seen there
		moved bool
	}{{time.Minute, true}, {-time.Minute, false}} {
		first := []device.Device{known(ehr, "192.168.10.32", "fe80::32"), known(rececom, "192.168.10.31", "192.168.10.33")}
		guest, other := known(device.MAC{2, 0, 0, 0, 0, 1}, "192.168.10.32"), known(device.MAC{2, 0, 0, 0, 0, 2}, "192.168.10.31")
		guest.Addrs[0].Seen, other.Addrs[0].Seen = noon.Add(x.later), noon.Add(x.later)
		d, _, err := Plan(c, append(first, guest, other), nil, ways, nil)
		if err != nil {
			t.Fatal(err)
		}
		zone, a := "map[ehr:[192.168.10.32 fe80::32]]", netip.MustParseAddr("192.168.10.32")
		if x.moved {
			zone = "map[ehr:[fe80::32]]"
		}
		if got := fmt.Sprint(d.Devices); got != zone {
			t.Errorf("moved %v: zones are for %s", x.moved, got)
		}
		if d.Names.Answered[a] == x.moved || (d.Names.Members[a] == 0) != x.moved || (d.Names.Devices[a] == "") != x.moved {
			t.Errorf("moved %v: %+v", x.moved, d.Names)
		}
		if !d.Names.Answered[netip.MustParseAddr("fe80::32")] {
			t.Error("its own address is not under the rule")
		}
		rules := d.Rules.String()
		if strings.Contains(rules, "192.168.10.31 . 198.51.100.10 . tcp") == x.moved || !strings.Contains(rules, "192.168.10.33 . 198.51.100.10 . tcp") {
			t.Errorf("moved %v: the way to the vendor is another's in\n%s", x.moved, rules)
		}
	}
}

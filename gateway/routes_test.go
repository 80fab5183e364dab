package gateway

import (
	"fmt"
	"testing"

	"monban/gateway/device"
)

// A zone of some devices is for the addresses these have now, and its answers
// may be private.
func TestPlanRoutes(t *testing.T) {
	c := example(t, `must_work = ["www.lab.example"]`, `must_work = ["www.lab.example"]
zone = [
  { name = "closed.example", upstreams = ["192.0.2.53"], devices = ["xray", "ehr"] },
  { name = "vendor.example", upstreams = ["tls://dns.example@192.0.2.54"] },
]`)
	known := []device.Device{
		known(device.MAC{0x00, 0x20, 0x6b, 0, 0, 0x41}, "192.168.10.41", "fe80::41"),
		known(device.MAC{0x00, 0x00, 0x4c, 0, 0, 0x21}, "192.168.10.21"),
	}
	d, _, err := Plan(c, known, nil, ways, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Devices); got != "map[xray:[192.168.10.41 fe80::41]]" {
		t.Error(got)
	}
	if len(d.Routes.Servers) != 2 || len(d.Routes.Zones) != 2 || d.Routes.Zones[1].Servers[0].String() != "tls://dns.example@192.0.2.54:853" {
		t.Errorf("%+v", d.Routes)
	}
	if !d.Names.Private.Has("www.closed.example") || d.Names.Private.Has("www.example") {
		t.Error("private answers are not as the zones say")
	}
}

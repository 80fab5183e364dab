package control

import (
	"net/netip"

	"monban/gateway/device"
)

// rececom is the example's receipt computer as an earlier run stored it.
func rececom() []device.Device {
	return []device.Device{{MAC: device.MAC{0x00, 0x1b, 0x8b, 0, 0, 0x31}, Iface: "lan0", FirstSeen: noon, LastSeen: noon,
		Addrs: []device.Address{{Addr: netip.MustParseAddr("192.168.10.31"), Seen: noon}}}}
}

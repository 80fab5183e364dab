package device_test

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"monban/gateway/device"
)

// The whole inventory stays small even when every device shows as many
// addresses as are kept: this is the box's memory, and a stranger's frames
// fill it.
func TestMemoryIsBounded(t *testing.T) {
	measure := func(addrs int) uint64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		v := device.NewInventory(nil)
		for i := range 50_000 {
			for j := range addrs {
				a := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 10: byte(j), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
				v.See(device.Sighting{At: t0.Add(time.Duration(i)), MAC: mac(i), Addr: a})
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(v)
		return after.HeapAlloc - before.HeapAlloc
	}
	for _, c := range []struct {
		addrs int
		limit uint64
	}{{1, 4 << 20}, {device.MaxAddrs, 24 << 20}} {
		got := measure(c.addrs)
		t.Logf("50,000 invented devices with %d addresses: %d KiB, %d bytes a device kept", c.addrs, got>>10, got/device.MaxUnnamed)
		if got > c.limit {
			t.Errorf("%d addresses each: %d bytes, limit %d", c.addrs, got, c.limit)
		}
	}
}

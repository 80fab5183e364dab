package device_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/gateway/device"
)

var t0 = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

func mac(n int) device.MAC {
	m := device.MAC{0x02, 0x42}
	binary.BigEndian.PutUint32(m[2:], uint32(n))
	return m
}

func see(m device.MAC, addr string, after time.Duration) device.Sighting {
	s := device.Sighting{At: t0.Add(after), MAC: m, Iface: "lan0", Source: device.FromARP}
	if addr != "" {
		s.Addr = netip.MustParseAddr(addr)
	}
	return s
}

func TestSeeMerges(t *testing.T) {
	v := device.NewInventory(nil)
	printer := device.MAC{0, 0, 0x48, 1, 2, 3}
	steps := []struct {
		s              device.Sighting
		fresh, changed bool
		addrs          []string
	}{
		{see(printer, "", 0), true, true, nil},
		{see(printer, "192.168.1.9", time.Second), false, true, []string{"192.168.1.9"}},
		{see(printer, "192.168.1.9", 2*time.Second), false, false, []string{"192.168.1.9"}},
		{see(printer, "fe80::1%lan0", 3*time.Second), false, true, []string{"fe80::1", "192.168.1.9"}},
		{see(printer, "192.168.1.9", 4*time.Second), false, false, []string{"192.168.1.9", "fe80::1"}},
		{see(printer, "::ffff:192.168.1.9", 5*time.Second), false, false, []string{"192.168.1.9", "fe80::1"}},
		{see(printer, "0.0.0.0", 6*time.Second), false, false, []string{"192.168.1.9", "fe80::1"}},
		{see(printer, "255.255.255.255", 6*time.Second), false, false, []string{"192.168.1.9", "fe80::1"}},
		{see(printer, "ff02::1", 6*time.Second), false, false, []string{"192.168.1.9", "fe80::1"}},
	}
	for i, st := range steps {
		d, fresh, changed := v.See(st.s)
		if fresh != st.fresh || changed != st.changed {
			t.Errorf("step %d: fresh %v, changed %v, want %v, %v", i, fresh, changed, st.fresh, st.changed)
		}
		var got []string
		for _, a := range d.Addrs {
			got = append(got, a.Addr.String())
		}
		if !slices.Equal(got, st.addrs) {
			t.Errorf("step %d: addresses %v, want %v", i, got, st.addrs)
		}
		if !d.FirstSeen.Equal(t0) || !d.LastSeen.Equal(st.s.At) {
			t.Errorf("step %d: seen %v to %v", i, d.FirstSeen, d.LastSeen)
		}
	}
	for _, m := range []device.MAC{{}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x01, 0, 0x5e, 0, 0, 1}} {
		if d, fresh, _ := v.See(see(m, "192.168.1.8", 0)); d != nil || fresh {
			t.Errorf("%v counts as a device", m)
		}
	}
	if d, ok := v.ByAddr(netip.MustParseAddr("fe80::1%lan0"), t0); !ok || d.MAC != printer {
		t.Errorf("fe80::1 belongs to %v, %v", d, ok)
	}
	if d, _ := v.ByMAC(printer, t0.Add(device.Grace+7*time.Second)); d.Present {
		t.Error("present after the grace")
	}
}

func TestAddressMovesToTheLastWhoUsedIt(t *testing.T) {
	v := device.NewInventory(nil)
	a := netip.MustParseAddr("192.168.1.9")
	v.See(see(mac(1), "192.168.1.9", 0))
	if _, _, changed := v.See(see(mac(2), "192.168.1.9", 1)); !changed {
		t.Error("a taken address is no news")
	}
	if d, _ := v.ByAddr(a, t0); d.MAC != mac(2) {
		t.Errorf("address belongs to %v", d.MAC)
	}
	if _, _, changed := v.See(see(mac(1), "192.168.1.9", 2)); !changed {
		t.Error("an address taken back is no news")
	}
}

func TestAddressesAreBounded(t *testing.T) {
	v := device.NewInventory(nil)
	for i := range 1000 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		v.See(device.Sighting{At: t0.Add(time.Duration(i)), MAC: mac(1), Addr: a})
	}
	d, _ := v.ByMAC(mac(1), t0)
	if len(d.Addrs) != device.MaxAddrs || d.Addrs[0].Addr != netip.MustParseAddr("10.0.3.231") {
		t.Errorf("%d addresses, newest %v", len(d.Addrs), d.Addrs[0])
	}
	if _, ok := v.ByAddr(netip.MustParseAddr("10.0.0.1"), t0); ok {
		t.Error("a forgotten address still has a holder")
	}
}

// A clinic's own devices, named or only long there, survive any number of
// invented ones, and none of these wears out the disk.
func TestInventedDevicesAreHarmless(t *testing.T) {
	v := device.NewInventory(nil)
	v.Name(mac(1), "xray", "site.toml")
	v.See(see(mac(2), "192.168.1.2", -time.Hour)) // unnamed, but stays
	v.See(see(mac(2), "192.168.1.2", 0))
	v.See(see(mac(3), "192.168.1.3", -20*time.Minute)) // quiet for a while
	v.See(see(mac(3), "192.168.1.3", -5*time.Minute))
	put, _ := v.Changes(t0)
	if len(put) != 3 {
		t.Fatalf("%d devices to store, want 3", len(put))
	}
	stored := 0
	for i := range 50_000 {
		v.See(device.Sighting{At: t0.Add(time.Duration(i) * time.Millisecond), MAC: mac(1000 + i),
			Addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})})
		if i%5000 == 4999 {
			put, gone := v.Changes(t0)
			stored += len(put) + len(gone)
		}
	}
	all, unnamed := v.Len()
	if unnamed > device.MaxUnnamed || all > unnamed+1 {
		t.Errorf("%d devices, %d unnamed", all, unnamed)
	}
	if stored != 0 {
		t.Errorf("%d invented devices went to the store", stored)
	}
	for i := 1; i <= 3; i++ {
		if _, ok := v.ByMAC(mac(i), t0); !ok {
			t.Errorf("device %d was forgotten", i)
		}
	}
	if _, ok := v.ByAddr(netip.MustParseAddr("10.0.0.1"), t0); ok {
		t.Error("a forgotten device still holds its address")
	}
}

func TestStoredButForgottenIsTold(t *testing.T) {
	var known []device.Device
	for i := range device.MaxUnnamed + 2 {
		known = append(known, device.Device{ID: int64(i + 1), MAC: mac(i), LastSeen: t0.Add(time.Duration(i)), FirstSeen: t0})
	}
	v := device.NewInventory(known)
	_, gone := v.Changes(t0)
	if len(gone) != 2 || gone[0].ID != 1 || gone[1].ID != 2 {
		t.Errorf("gone: %v", gone)
	}
}

// Whatever is seen, the limits hold, nobody named is lost, and each address
// leads to a device that lists it.
func TestInventoryHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := device.NewInventory(nil)
		named := map[device.MAC]bool{}
		at := t0
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			m := mac(rapid.IntRange(0, 20).Draw(t, "mac"))
			at = at.Add(time.Duration(rapid.IntRange(-60, 900).Draw(t, "seconds")) * time.Second)
			if rapid.IntRange(0, 9).Draw(t, "act") == 0 {
				v.Name(m, "pc", "staff")
				named[m] = true
				continue
			}
			a := netip.AddrFrom4([4]byte{192, 168, 0, byte(rapid.IntRange(0, 40).Draw(t, "addr"))})
			v.See(device.Sighting{At: at, MAC: m, Addr: a})
			d, ok := v.ByAddr(a, at)
			if !ok || d.MAC != m || d.Addrs[0].Addr != a || len(d.Addrs) > device.MaxAddrs {
				t.Fatalf("%v at %v: found %+v, %v", m, a, d, ok)
			}
		}
		for m := range named {
			if _, ok := v.ByMAC(m, at); !ok {
				t.Fatalf("%v was named and is lost", m)
			}
		}
		for _, d := range v.All(at) {
			if d.LastSeen.Before(d.FirstSeen) {
				t.Fatalf("%v was last seen before it was first", d.MAC)
			}
		}
	})
}

// The cost of one remembered device, and of a sighting when the limit is
// reached and each new address pushes one out.
func BenchmarkSeeInvented(b *testing.B) {
	v := device.NewInventory(nil)
	b.ReportAllocs()
	for i := range b.N {
		v.See(device.Sighting{At: t0.Add(time.Duration(i)), MAC: mac(i), Iface: "lan0",
			Addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})})
	}
}

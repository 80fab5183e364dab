package gateway

import (
	"fmt"
	"slices"
	"testing"

	"monban/gateway/device"
)

var stranger = device.MAC{0x02, 0x12, 0x34, 0x56, 0x78, 0x9a}

// number is the ledger's number of a device.
func (b *box) number(mac device.MAC) int64 {
	b.t.Helper()
	b.putDevices(b.t.Context())
	d, ok := b.deviceWhere(func(d device.Device) bool { return d.MAC == mac })
	if !ok || d.ID == 0 {
		b.t.Fatalf("no device %s", mac)
	}
	return d.ID
}

// Those nobody named come first.
func TestLedger(t *testing.T) {
	b := running(t)
	b.seen(stranger, "192.168.10.200", "192.168.10.150")
	ds, err := b.Devices(t.Context(), inspector)
	if err != nil || len(ds) != 6 { // five of site.toml, one nobody knows
		t.Fatal(len(ds), err)
	}
	if d := ds[0]; d.MAC != stranger.String() || d.Name != "" || !d.Random || !d.Present || d.ID == 0 || len(d.Addrs) != 2 || d.Addrs[0].String() != "192.168.10.150" {
		t.Errorf("first: %+v", d)
	}
	i := slices.IndexFunc(ds, func(d Device) bool { return d.MAC == rececom.String() })
	if d := ds[i]; d.Name != "rececom" || d.Label != "レセコン" || d.NamedBy != "site.toml" || d.Maker == "" || !d.FirstSeen.Equal(noon) {
		t.Errorf("%+v", d)
	}
	b.time.pass(device.Grace + 1)
	ds, _ = b.Devices(t.Context(), inspector)
	for _, d := range ds {
		if d.Present {
			t.Errorf("%s still counts as present", d.MAC)
		}
	}
}

func TestNaming(t *testing.T) {
	b := running(t)
	b.seen(stranger, "192.168.10.200")
	id := b.number(stranger)
	fails(t, b.NameDevice(t.Context(), staff, 999, "x"), "device.unknown")
	if err := b.NameDevice(t.Context(), staff, id, " \t"); err == nil {
		t.Error("named nothing")
	}
	// A name that means something else could open a window to the wrong device.
	for _, name := range []string{"#1", "ehr", "192.168.10.31", "2001:db8:10::31", rececom.String(), "001b8b000031"} {
		fails(t, b.NameDevice(t.Context(), staff, id, name), "device.name_misleads")
	}
	if err := b.NameDevice(t.Context(), staff, id, " 院長の 電話 "); err != nil {
		t.Fatal(err)
	}
	fails(t, b.NameDevice(t.Context(), staff, b.number(rececom), "院長の 電話"), "device.name_taken")
	if b.lines("device.named") != 1 {
		t.Error("not on record")
	}
	for _, l := range b.log() {
		if l.Code == "device.named" && (l.Args["name"] != "院長の 電話" || l.Args["mac"] != stranger.String() || l.Who != staff.Name) {
			t.Errorf("line %+v", l)
		}
	}
	b.kill().start()
	if d, err := b.findDevice(t.Context(), "院長の 電話"); err != nil || d.MAC != stranger || d.NamedBy != staff.Name {
		t.Errorf("after a restart: %+v, %v", d, err)
	}
	// What a person named keeps its name, and what site.toml called it still finds it.
	if err := b.NameDevice(t.Context(), staff, b.number(rececom), "会計"); err != nil {
		t.Fatal(err)
	}
	b.Reload(t.Context())
	for _, s := range []string{"会計", "rececom"} {
		if d, err := b.findDevice(t.Context(), s); err != nil || d.MAC != rececom || d.Name != "会計" {
			t.Errorf("%s: %+v, %v", s, d, err)
		}
	}
}

func TestFindDevice(t *testing.T) {
	b := running(t)
	b.seen(stranger, "192.168.10.200", "2001:db8:10::200")
	for s, mac := range map[string]device.MAC{
		"rececom": rececom, rececom.String(): rececom, "00-1B-8B-00-00-31": rececom, "192.168.10.31": rececom,
		"2001:db8:10::200": stranger, "2001:DB8:10:0::200": stranger, stranger.String(): stranger,
		fmt.Sprintf("#%d", b.number(stranger)): stranger, "ehr": ehr, // named by site.toml, never seen
	} {
		if d, err := b.findDevice(t.Context(), s); err != nil || d.MAC != mac {
			t.Errorf("%q is %v, %v; want %v", s, d.MAC, err, mac)
		}
	}
	for _, s := range []string{"", "#0", "#999", "nobody", "192.168.10.99", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", fmt.Sprint(b.number(stranger))} {
		if d, err := b.findDevice(t.Context(), s); err == nil {
			t.Errorf("%q is %+v", s, d)
		} else {
			fails(t, err, "device.unknown")
		}
	}
}

// Somebody who invents addresses does not make the card write.
func TestFlood(t *testing.T) {
	b := running(t)
	b.putDevices(t.Context())
	for n := range device.Flood + 200 {
		b.see(device.Sighting{At: noon, MAC: device.MAC{2, 0, 0, 0, byte(n >> 8), byte(n)}, Iface: "lan0", Source: device.FromARP})
	}
	b.putDevices(t.Context())
	kept, err := b.db().Devices(t.Context())
	if err != nil || len(kept) != 5 {
		t.Errorf("%d on disk, %v", len(kept), err)
	}
	if d, err := b.findDevice(t.Context(), "rececom"); err != nil || d.MAC != rececom {
		t.Error(d, err)
	}
}

package gateway

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/gateway/device"
)

// ledger makes a device as the ledger has it, seen ago before noon.
func ledger(last byte, name, by string, ago time.Duration, addrs ...string) device.Device {
	d := device.Device{ID: int64(last), MAC: device.MAC{2, 0, 0, 0, 0, last}, Name: name, NamedBy: by, LastSeen: noon.Add(-ago)}
	for _, a := range addrs {
		d.Addrs = append(d.Addrs, device.Address{Addr: netip.MustParseAddr(a), Seen: noon.Add(-ago)})
	}
	return d
}

// Devices answer to their names in the ledger and in site.toml, both ways: no
// other names, no name twice, no address outside the LAN or of somebody else.
func TestLocalNames(t *testing.T) {
	c := example(t)
	dev, _ := c.Device("rececom")
	mac, _ := device.MACFrom(dev.MAC)
	site := ledger(1, "rececom", fromSite, time.Minute, "192.168.10.31", "fdc1:1c:10::31", "fe80::31", "203.0.113.99")
	site.MAC = mac
	all := []device.Device{site,
		ledger(2, "Reception-PC", "院長", time.Minute, "192.168.10.20"),
		ledger(3, "受付PC", "院長", time.Minute, "192.168.10.21"),
		ledger(4, "xray", "院長", 2*time.Hour, "192.168.10.22"), // its address is another's by now
		ledger(5, "ct", "院長", time.Hour, "192.168.10.22"),
		ledger(6, "twin", "院長", time.Hour, "192.168.10.26"), ledger(7, "twin", "院長", time.Hour, "192.168.10.27"),
		ledger(8, "gone", "院長", 4*24*time.Hour, "192.168.10.28"),
		ledger(9, "", "", time.Hour, "192.168.10.29"),
		ledger(10, "reception", "院長", time.Hour, "192.168.10.30"), // site.toml's name of another device
		ledger(11, "a.b", "院長", time.Hour, "192.168.10.32"), ledger(12, "-x", "院長", time.Hour, "192.168.10.33"),
		ledger(13, strings.Repeat("x", 64), "院長", time.Hour, "192.168.10.34"),
	}
	var p dnsfilter.Policy
	addLocal(&p, c, all, noon)
	var got []string
	for name, addrs := range p.Local {
		got = append(got, fmt.Sprint(strings.TrimSuffix(name, ".monban.home.arpa"), addrs))
	}
	slices.Sort(got)
	if want := []string{"ct[192.168.10.22]", "rececom[192.168.10.31 fdc1:1c:10::31]", "reception-pc[192.168.10.20]"}; !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for reverse, want := range map[string]string{
		"31.10.168.192.in-addr.arpa": "rececom.monban.home.arpa", "22.10.168.192.in-addr.arpa": "ct.monban.home.arpa",
		"1.3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.c.1.0.0.1.c.d.f.ip6.arpa": "rececom.monban.home.arpa",
		"29.10.168.192.in-addr.arpa": "", "30.10.168.192.in-addr.arpa": "", "26.10.168.192.in-addr.arpa": "",
	} {
		if d := p.Decide(dnsfilter.Ask{Name: reverse, Type: 12}); d.Host != want {
			t.Errorf("%s is %q, want %q", reverse, d.Host, want)
		}
	}
	// A new name takes the place of the old one; who has left has none.
	all[1].Name = "kiosk"
	var next dnsfilter.Policy
	addLocal(&next, c, append(slices.Clone(all[:1]), all[1]), noon)
	if next.Local["reception-pc.monban.home.arpa"] != nil || next.Local["ct.monban.home.arpa"] != nil || next.Local["kiosk.monban.home.arpa"] == nil {
		t.Errorf("%v", next.Local)
	}
	// The ledger's own name answers for the address, also beside site.toml's.
	all[0].Name, all[0].NamedBy = "receipt", "院長"
	var both dnsfilter.Policy
	addLocal(&both, c, all[:1], noon)
	if both.Local["rececom.monban.home.arpa"] == nil || both.Hosts[netip.MustParseAddr("192.168.10.31")] != "receipt.monban.home.arpa" {
		t.Errorf("%v, %v", both.Local, both.Hosts)
	}
}

func BenchmarkLocalNames(b *testing.B) {
	var all []device.Device
	for i := range 200 {
		all = append(all, ledger(byte(i), fmt.Sprintf("pc-%d", i), "院長", time.Hour, fmt.Sprintf("192.168.10.%d", 20+i), fmt.Sprintf("fdc1:1c:10::%d", 20+i)))
	}
	c := example(&testing.T{})
	for b.Loop() {
		var p dnsfilter.Policy
		addLocal(&p, c, all, noon)
		if len(p.Local) != 200 {
			b.Fatal(len(p.Local))
		}
	}
}

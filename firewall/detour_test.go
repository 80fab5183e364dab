package firewall_test

import (
	"net/netip"
	"testing"

	"monban/firewall"
)

// What may go on when DNS past the box is refused from now on: all but DNS, and
// DNS that the box answers itself.
func TestPermitsDNS(t *testing.T) {
	p := good()
	p.Resolvers = append(p.Resolvers, pfx("203.0.113.53/32"))
	p.Vendors = []firewall.Vendor{{Name: "v", Sources: []netip.Prefix{pfx("198.51.100.8/29")}}}
	rs, err := firewall.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if !rs.RefusesDNS() {
		t.Error("it does not refuse")
	}
	p.ObserveDNS = true
	if rs, err := firewall.Compile(p); err != nil || rs.RefusesDNS() {
		t.Error("observing refuses", err)
	}
	const pc, box = "192.168.10.20", "192.168.10.1"
	for _, x := range []struct {
		source, dialled, reached string
		proto                    firewall.Proto
		want                     bool
	}{
		{pc, "203.0.113.5:443", "203.0.113.5", firewall.TCP, true},
		{pc, "203.0.113.53:443", "203.0.113.53", firewall.TCP, false},
		{pc, "203.0.113.53:443", "203.0.113.53", firewall.UDP, false},
		{pc, "203.0.113.53:80", "203.0.113.53", firewall.TCP, true},
		{pc, "203.0.113.5:853", "203.0.113.5", firewall.TCP, false},
		{pc, "203.0.113.5:53", "203.0.113.5", firewall.UDP, false},
		{pc, "203.0.113.5:53", box, firewall.UDP, true}, // captured
		{pc, "203.0.113.53:443", "203.0.113.53", firewall.ICMP, true},
		{pc, "198.51.100.9:853", "198.51.100.9", firewall.TCP, true}, // for Permits to say
		{"198.51.100.1", "203.0.113.53:443", "203.0.113.53", firewall.TCP, true},
	} {
		if got := rs.PermitsDNS(netip.MustParseAddr(x.source), netip.MustParseAddrPort(x.dialled), netip.MustParseAddr(x.reached), x.proto); got != x.want {
			t.Errorf("%+v: %t", x, got)
		}
	}
}

package gateway

import (
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"monban/firewall"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/window"
)

// example is the shipped configuration with changes.
func example(t *testing.T, pairs ...string) config.Config {
	t.Helper()
	s := string(config.Example)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			t.Fatalf("the example has no %q", pairs[i])
		}
		s = strings.Replace(s, pairs[i], pairs[i+1], 1)
	}
	c, err := config.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func known(mac device.MAC, addrs ...string) device.Device {
	d := device.Device{ID: 1, MAC: mac}
	for _, a := range addrs {
		d.Addrs = append(d.Addrs, device.Address{Addr: netip.MustParseAddr(a), Seen: noon})
	}
	return d
}

// has says whether the set covers the address.
func has(t *testing.T, rs firewall.Ruleset, set string, value []byte) bool {
	t.Helper()
	s, ok := rs.Set(set)
	if !ok {
		t.Fatalf("no set %s in\n%s", set, rs)
	}
	for _, e := range s.Elems {
		if len(e.Key) == 1 && e.Key[0].Has(firewall.Value(value)) {
			return true
		}
	}
	return false
}

func ip(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// What the shipped example means, fact by fact.
func TestPlanExample(t *testing.T) {
	c := example(t, `must_work = ["www.lab.example"]`,
		"must_work = [\"www.lab.example\"]\nexempt = [\"xray\", \"02:00:00:00:00:99\"]")
	d, notes, err := Plan(c, []device.Device{known(rececom, "192.168.10.31", "2001:db8:10::31", "fe80::31")}, nil, ways, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(notes) != 0 {
		t.Errorf("findings: %v", notes)
	}
	rs := d.Rules
	for _, x := range []struct {
		set   string
		value []byte
		in    bool
	}{
		{"vendor4", ip("198.51.100.8"), true},
		{"vendor4", ip("198.51.100.15"), true},
		{"vendor4", ip("198.51.100.16"), false},
		{"vendor6", ip("2001:db8:0:2::77"), true},
		{"vendor6", ip("2001:db8:0:3::77"), false},
		{"lan4", ip("192.168.10.200"), true},
		{"dns_exempt", []byte{0x00, 0x20, 0x6b, 0, 0, 0x41}, true},
		{"dns_exempt", []byte{2, 0, 0, 0, 0, 0x99}, true},
		{"dns_exempt", rececom[:], false},
		{"bogon4", ip("192.168.10.77"), true}, // nobody outside is on our LAN
		{"bogon6", ip("2001:db8:10::77"), true},
		{"bogon4", ip("10.1.2.3"), true}, // our WAN address is a public one
	} {
		if got := has(t, rs, x.set, x.value); got != x.in {
			t.Errorf("%s holds %v: %v", x.set, x.value, got)
		}
	}
	if d.Names.Local[config.PageName] == nil || !d.Names.MustWork.Has("www.lab.example") {
		t.Errorf("names: %+v", d.Names)
	}
	if !slices.Contains(d.Names.Inside, netip.MustParsePrefix("192.168.10.0/24")) {
		t.Errorf("inside: %v", d.Names.Inside)
	}
	// The permitted update service, from the device by its IPv4 address alone:
	// the vendor's end is an IPv4 one.
	text := rs.String()
	if n := strings.Count(text, "192.168.10.31 . 198.51.100.10 . tcp . 443"); n != 1 {
		t.Errorf("the device's way to its vendor stands %d times in\n%s", n, text)
	}
	if strings.Contains(text, "2001:db8:10::31") || strings.Contains(text, "fe80::31") {
		t.Error("an address of the wrong kind is let out")
	}
}

// The compiled plan with a window in it lets the vendor to the device's port
// and nobody else anywhere.
func TestPlanAndPasses(t *testing.T) {
	d := known(rececom, "192.168.10.31", "2001:db8:10::31")
	plan, _, err := Plan(example(t), []device.Device{d}, nil, ways, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := example(t)
	w := window.Window{Sources: c.Vendors[0].Sources, Ports: []window.Port{{Proto: window.TCP, Port: 3389, WAN: 13389}}}
	world := firewall.World{
		Box: []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("192.168.10.1"), netip.MustParseAddr("2001:db8:10::1")},
		Routes: []firewall.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Iface: "wan0"}, {To: netip.MustParsePrefix("::/0"), Iface: "wan0"},
			{To: netip.MustParsePrefix("192.168.10.0/24"), Iface: "lan0"}, {To: netip.MustParsePrefix("2001:db8:10::/64"), Iface: "lan0"}},
	}
	opening := firewall.Opening{Mark: 7, For: 1 << 40, Passes: passes(w, d)}
	for _, x := range []struct {
		from, to string
		port     uint16
		in       bool
	}{
		{"198.51.100.10", "203.0.113.10", 13389, true},
		{"198.51.100.10", "203.0.113.10", 3389, false}, // the device's port is not the WAN's
		{"198.51.100.16", "203.0.113.10", 13389, false},
		{"2001:db8:0:2::5", "2001:db8:10::31", 3389, true},
		{"2001:db8:0:2::5", "2001:db8:10::31", 13389, false},
		{"2001:db8:0:2::5", "2001:db8:10::32", 3389, false},
		{"2001:db8:0:3::5", "2001:db8:10::31", 3389, false},
	} {
		p := firewall.Packet{In: "wan0", Source: netip.MustParseAddr(x.from), Target: netip.MustParseAddr(x.to),
			Proto: firewall.TCP, SourcePort: 40000, Port: x.port, Flags: firewall.FlagSYN, HopLimit: 60}
		if dec := plan.Rules.Decide(p, world); dec.Verdict == firewall.Accept {
			t.Errorf("without a window: %s to %s %d: %+v", x.from, x.to, x.port, dec)
		}
		open := world
		open.Open = []firewall.Opening{opening}
		if dec := plan.Rules.Decide(p, open); (dec.Verdict == firewall.Accept) != x.in {
			t.Errorf("with a window: %s to %s %d: %+v", x.from, x.to, x.port, dec)
		}
	}
}

// The same facts in another order are the same rules.
func TestPlanOrder(t *testing.T) {
	a, _, err := Plan(example(t), []device.Device{known(rececom, "192.168.10.41", "192.168.10.31")}, nil, ways, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := Plan(example(t), []device.Device{known(ehr), known(rececom, "192.168.10.31", "192.168.10.41")}, nil, ways, nil)
	if err != nil || a.Rules.String() != b.Rules.String() {
		t.Error("the order of what was seen changes the rules", err)
	}
}

func TestPlanWANGlobal(t *testing.T) {
	for _, x := range []struct {
		addresses string
		private   bool // private sources outside are forged
	}{
		{`addresses = ["203.0.113.10/24", "2001:db8:0:1::10/64"]`, true},
		{`addresses = ["172.16.5.2/24"]`, false},                    // behind a home gateway
		{`addresses = ["100.64.1.2/10"]`, false},                    // behind a carrier's
		{`addresses = ["203.0.113.10/24", "172.16.5.2/24"]`, false}, // one private is enough
		{`addresses = ["2001:db8:0:1::10/64"]`, false},              // nothing known of IPv4
		{`# addresses by DHCP`, false},
	} {
		c := example(t, `addresses = ["203.0.113.10/24", "2001:db8:0:1::10/64"]`, x.addresses)
		d, _, err := Plan(c, nil, nil, ways, nil)
		if err != nil {
			t.Fatal(x.addresses, err)
		}
		if got := has(t, d.Rules, "bogon4", ip("10.1.2.3")); got != x.private {
			t.Errorf("%s: private sources refused: %v", x.addresses, got)
		}
	}
}

// A device that was never seen has no address to permit; people are told.
func TestPlanFindings(t *testing.T) {
	for _, seen := range [][]device.Device{nil, {known(ehr, "192.168.10.32")}, {known(rececom)}, {known(rececom, "2001:db8:10::31")}} {
		d, notes, err := Plan(example(t), seen, nil, ways, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(notes) != 1 || notes[0].Code != "gateway.outbound_unseen" || notes[0].Args["device"] != "レセコン" || notes[0].Link != "/devices" {
			t.Errorf("%v: findings %v", seen, notes)
		}
		if strings.Contains(d.Rules.String(), "198.51.100.10 . tcp . 443") {
			t.Errorf("%v: something is let out", seen)
		}
	}
}

func TestPasses(t *testing.T) {
	v4, v6 := netip.MustParsePrefix("198.51.100.8/29"), netip.MustParsePrefix("2001:db8:0:2::/64")
	rdp := window.Port{Proto: window.TCP, Port: 3389, WAN: 13389}
	dicom := window.Port{Proto: window.UDP, Port: 104, WAN: 104}
	at := netip.MustParseAddrPort
	d := known(rececom, "192.168.10.31", "192.168.10.99", "fdc1:1c:10::31", "2001:db8:10::31", "fe80::31", "2001:db8:10::a")
	for _, x := range []struct {
		name    string
		sources []netip.Prefix
		ports   []window.Port
		d       device.Device
		want    []firewall.Pass
	}{
		{"IPv4 by the WAN port to the newest address", []netip.Prefix{v4}, []window.Port{rdp}, d,
			[]firewall.Pass{{Source: v4, Proto: firewall.TCP, WANPort: 13389, Inside: at("192.168.10.31:3389")}}},
		{"IPv6 to each global address, never translated", []netip.Prefix{v6}, []window.Port{rdp}, d,
			[]firewall.Pass{{Source: v6, Proto: firewall.TCP, Inside: at("[2001:db8:10::a]:3389")},
				{Source: v6, Proto: firewall.TCP, Inside: at("[2001:db8:10::31]:3389")}}},
		{"every source by every port", []netip.Prefix{v4, v6}, []window.Port{rdp, dicom}, known(rececom, "192.168.10.31", "2001:db8:10::31"),
			[]firewall.Pass{{Source: v4, Proto: firewall.TCP, WANPort: 13389, Inside: at("192.168.10.31:3389")},
				{Source: v4, Proto: firewall.UDP, WANPort: 104, Inside: at("192.168.10.31:104")},
				{Source: v6, Proto: firewall.TCP, Inside: at("[2001:db8:10::31]:3389")},
				{Source: v6, Proto: firewall.UDP, Inside: at("[2001:db8:10::31]:104")}}},
		{"a device without IPv4", []netip.Prefix{v4}, []window.Port{rdp}, known(rececom, "2001:db8:10::31"), nil},
		{"a device with private IPv6 only", []netip.Prefix{v6}, []window.Port{rdp}, known(rececom, "192.168.10.31", "fdc1:1c:10::31", "fe80::1"), nil},
		{"a device never seen", []netip.Prefix{v4, v6}, []window.Port{rdp}, known(rececom), nil},
	} {
		got := passes(window.Window{Sources: x.sources, Ports: x.ports}, x.d)
		if !reflect.DeepEqual(got, x.want) {
			t.Errorf("%s:\n got %v\nwant %v", x.name, got, x.want)
		}
	}
}

// A way in leads only into the LAN's own networks, and never to the box.
func TestOnLAN(t *testing.T) {
	b := newBox(t).start()
	d := b.onLAN(known(rececom, "192.168.10.31", "192.168.10.1", "203.0.113.77", "10.0.0.5", "2001:db8:10::31",
		"2001:db8:10::1", "2001:db8:99::31", "fdc1:1c:10::1"))
	var got []string
	for _, a := range d.Addrs {
		got = append(got, a.Addr.String())
	}
	if want := []string{"192.168.10.31", "2001:db8:10::31"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestExampleMACs(t *testing.T) {
	c := example(t)
	for name, mac := range map[string]device.MAC{"rececom": rececom, "ehr": ehr} {
		if d, ok := c.Device(name); !ok || !slices.Equal(d.MAC, net.HardwareAddr(mac[:])) {
			t.Errorf("%s is %v", name, d.MAC)
		}
	}
}

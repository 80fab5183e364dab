package firewall_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"monban/firewall"
)

func pfx(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func good() firewall.Policy {
	return firewall.Policy{WAN: []string{"wan0"}, LAN: []string{"lan0"}, LAN4: netip.MustParseAddr("192.168.10.1"),
		LANPrefixes: []netip.Prefix{pfx("192.168.10.0/24")}, PagePorts: []uint16{443}, ServeDNS: true}
}

func TestPolicyFaults(t *testing.T) {
	for want, spoil := range map[string]func(*firewall.Policy){
		"":                      func(p *firewall.Policy) {},
		"cannot be WAN and LAN": func(p *firewall.Policy) { p.WAN = append(p.WAN, "lan0") },
		"no LAN interface":      func(p *firewall.Policy) { p.LAN = nil },
		"no WAN interface":      func(p *firewall.Policy) { p.WAN = nil },
		"no LAN address":        func(p *firewall.Policy) { p.LAN4 = netip.Addr{} },
		"is the box itself":     func(p *firewall.Policy) { p.LAN = []string{"lo"} },
		`interface "eth*"`:      func(p *firewall.Policy) { p.WAN = []string{"eth*"} },
		"not an IPv4 host":      func(p *firewall.Policy) { p.LAN4 = netip.MustParseAddr("fd00::1") },
		"not an IPv6 host":      func(p *firewall.Policy) { p.LAN6 = netip.MustParseAddr("fe80::1%eth0") },
		"page port 0":           func(p *firewall.Policy) { p.PagePorts = []uint16{0} },
		"is for DNS":            func(p *firewall.Policy) { p.PagePorts = []uint16{53} },
		"vendor x: no source":   func(p *firewall.Policy) { p.Vendors = []firewall.Vendor{{Name: "x"}} },
		"too wide": func(p *firewall.Policy) {
			p.Vendors = []firewall.Vendor{{Name: "x", Sources: []netip.Prefix{pfx("0.0.0.0/0")}}}
		},
		"lies in the LAN": func(p *firewall.Policy) {
			p.Vendors = []firewall.Vendor{{Name: "x", Sources: []netip.Prefix{pfx("192.168.0.0/16")}}}
		},
		"block set: 0.0.0.0/0":                   func(p *firewall.Policy) { p.Blocked = []netip.Prefix{pfx("0.0.0.0/0")} },
		"resolvers: 0.0.0.0/1: too wide":         func(p *firewall.Policy) { p.Resolvers = []netip.Prefix{pfx("0.0.0.0/1")} },
		"resolvers: 192.168.10.53/32 lies":       func(p *firewall.Policy) { p.Resolvers = []netip.Prefix{pfx("192.168.10.53/32")} },
		"LAN: invalid":                           func(p *firewall.Policy) { p.LANPrefixes = append(p.LANPrefixes, netip.Prefix{}) },
		`exempt device "01:02": not an Ethernet`: func(p *firewall.Policy) { p.DNSExempt = []net.HardwareAddr{{1, 2}} },
		"answered-only device":                   func(p *firewall.Policy) { p.Answered = []net.HardwareAddr{{1, 2}} },
		"it would reach nothing": func(p *firewall.Policy) {
			p.DNSExempt = []net.HardwareAddr{{2, 0, 0, 0, 0, 1}}
			p.Answered = []net.HardwareAddr{{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1}}
		},
		"nobody answers it": func(p *firewall.Policy) {
			p.ServeDNS, p.Answered = false, []net.HardwareAddr{{2, 0, 0, 0, 0, 1}}
		},
		"lan0: cannot be a tunnel": func(p *firewall.Policy) { p.Tunnels = []string{"wg0", "lan0"} },
		"wan0: cannot be a tunnel": func(p *firewall.Policy) { p.Tunnels = []string{"wan0"} },
		`interface "w g"`:          func(p *firewall.Policy) { p.Tunnels = []string{"w g"} },
		"of the other family": func(p *firewall.Policy) {
			p.Outbound = []firewall.Outbound{{Device: netip.MustParseAddr("192.168.10.9"), To: pfx("2001:db8::/32"), Proto: firewall.TCP, Port: 1}}
		},
		"neither TCP nor UDP": func(p *firewall.Policy) {
			p.Outbound = []firewall.Outbound{{Device: netip.MustParseAddr("192.168.10.9"), To: pfx("203.0.113.0/24"), Port: 1}}
		},
	} {
		p := good()
		spoil(&p)
		_, err := firewall.Compile(p)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	p := good()
	p.WAN, p.PagePorts = nil, []uint16{0}
	if _, err := firewall.Compile(p); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("not every fault at once: %v", err)
	}
}

// The order of a policy's lists, and what they say twice, changes nothing.
func TestCompileIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := sanePolicy(t)
		a, err := firewall.Compile(p)
		if err != nil {
			return
		}
		p.WAN, p.Blocked, p.Vendors, p.Outbound, p.PagePorts = slices.Clone(p.WAN), slices.Clone(p.Blocked), slices.Clone(p.Vendors), slices.Clone(p.Outbound), slices.Clone(p.PagePorts)
		slices.Reverse(p.WAN)
		slices.Reverse(p.Vendors)
		slices.Reverse(p.PagePorts)
		p.Answered = append(slices.Clone(p.Answered), p.Answered...)
		slices.Reverse(p.Answered)
		p.Tunnels = append(slices.Clone(p.Tunnels), p.Tunnels...)
		p.Blocked = append(p.Blocked, p.Blocked...)
		p.Resolvers = append(slices.Clone(p.Resolvers), p.Resolvers...)
		slices.Reverse(p.Resolvers)
		p.Outbound = append(p.Outbound, p.Outbound...)
		b, err := firewall.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != b.String() {
			t.Fatal("differ")
		}
	})
}

// A set of ranges holds what the prefixes hold, and nothing else.
func TestPermits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := good()
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			a := netip.AddrFrom4([4]byte{20, 0, rapid.Byte().Draw(t, "c"), rapid.Byte().Draw(t, "d")})
			p.Blocked = append(p.Blocked, netip.PrefixFrom(a, rapid.IntRange(20, 32).Draw(t, "bits")))
		}
		rs, err := firewall.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrFrom4([4]byte{20, 0, rapid.Byte().Draw(t, "c"), rapid.Byte().Draw(t, "d")})
		blocked := slices.ContainsFunc(p.Blocked, func(b netip.Prefix) bool { return b.Contains(to) })
		if got := rs.Permits(netip.MustParseAddr("192.168.10.9"), netip.AddrPortFrom(to, 1), firewall.TCP); got == blocked {
			t.Fatalf("%s permitted %t", to, got)
		}
		if !rs.Permits(netip.MustParseAddr("203.0.113.1"), netip.AddrPortFrom(to, 1), firewall.TCP) {
			t.Fatal("not from the LAN, not ours to cut")
		}
	})
}

func TestClosed(t *testing.T) {
	rs := firewall.Closed()
	if err := rs.Check(); err != nil {
		t.Error(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		p, w := drawPacket(t), drawWorld(t)
		if d := rs.Decide(p, w); d.Verdict == firewall.Accept && p.In != "lo" && !(p.In == "" && p.Out == "") {
			t.Fatalf("%+v: %+v", p, d)
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	p := good()
	for i := range 1000 {
		p.Blocked = append(p.Blocked, netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(i >> 6), byte(i << 2), 0}), 24))
	}
	for b.Loop() {
		if _, err := firewall.Compile(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	rs, err := firewall.Compile(good())
	if err != nil {
		b.Fatal(err)
	}
	p := firewall.Packet{In: "wan0", Source: netip.MustParseAddr("198.51.100.1"), Target: netip.MustParseAddr("192.168.10.9"), Proto: firewall.TCP, Port: 22, Flags: firewall.FlagSYN}
	w := firewall.World{Routes: []firewall.Route{{To: pfx("0.0.0.0/0"), Iface: "wan0"}}}
	for b.Loop() {
		rs.Decide(p, w)
	}
}

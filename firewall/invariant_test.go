package firewall_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/firewall"
)

// Random policies, sane and insane, from few values so that they collide.

func drawAddr(t *rapid.T, label string) netip.Addr {
	return netip.MustParseAddr(rapid.SampledFrom([]string{"192.168.10.1", "192.168.10.20", "192.168.11.9", "198.51.100.1", "198.51.100.10",
		"203.0.113.5", "10.0.0.1", "0.0.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.1", "::", "::1", "fe80::1", "2001:db8:10::1", "2001:db8:10::20",
		"2001:db8:99::5", "ff02::1", "::ffff:192.168.10.1"}).Draw(t, label))
}

func drawPrefix(t *rapid.T, label string) netip.Prefix {
	a := drawAddr(t, label)
	return netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, label+" bits"))
}

func some[T any](t *rapid.T, label string, draw func(*rapid.T, string) T) []T {
	var out []T
	for range rapid.IntRange(0, 3).Draw(t, label+" count") {
		out = append(out, draw(t, label))
	}
	return out
}

func drawIface(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"wan0", "wan1", "lan0", "lan1", "wg0", "lo", "", "e\"x", "eth*", "averyveryverylongname"}).Draw(t, label)
}

func drawPort(t *rapid.T, label string) uint16 {
	return rapid.SampledFrom([]uint16{0, 22, 53, 67, 68, 80, 443, 500, 546, 547, 853, 3389, 13389, 50000}).Draw(t, label)
}

func drawProto(t *rapid.T, label string) firewall.Proto {
	return firewall.Proto(rapid.SampledFrom([]uint8{0, 1, 6, 6, 6, 17, 17, 47, 58}).Draw(t, label))
}

func drawMAC(t *rapid.T, label string) net.HardwareAddr {
	return append(net.HardwareAddr{2, 0, 0, 0, 0}, rapid.SliceOfN(rapid.ByteRange(1, 3), 0, 2).Draw(t, label)...)
}

func drawPolicy(t *rapid.T) firewall.Policy {
	p := firewall.Policy{
		WAN: some(t, "wan", drawIface), LAN: some(t, "lan", drawIface), LANPrefixes: some(t, "lan prefix", drawPrefix),
		WANGlobal: rapid.Bool().Draw(t, "global"), PagePorts: some(t, "page port", drawPort), ServeDNS: rapid.Bool().Draw(t, "dns"),
		Blocked: some(t, "blocked", drawPrefix), Masquerade: rapid.Bool().Draw(t, "masquerade"), SetUp: rapid.IntRange(0, 9).Draw(t, "set-up") == 0,
		Vendors: some(t, "vendor", func(t *rapid.T, l string) firewall.Vendor {
			return firewall.Vendor{Name: "v", Sources: some(t, l, drawPrefix)}
		}),
		Outbound: some(t, "outbound", func(t *rapid.T, l string) firewall.Outbound {
			return firewall.Outbound{Device: drawAddr(t, l), To: drawPrefix(t, l), Proto: drawProto(t, l), Port: drawPort(t, l)}
		}),
		DNSExempt: some(t, "exempt", drawMAC), Answered: some(t, "answered", drawMAC), Tunnels: some(t, "tunnel", drawIface),
		Resolvers: some(t, "resolver", drawPrefix), ObserveDNS: rapid.IntRange(0, 3).Draw(t, "observe") == 0,
	}
	if rapid.Bool().Draw(t, "lan4") {
		p.LAN4 = drawAddr(t, "lan4")
	}
	if rapid.Bool().Draw(t, "lan6") {
		p.LAN6 = drawAddr(t, "lan6")
	}
	return p
}

// sanePolicy is drawn so that Compile mostly takes it.
func sanePolicy(t *rapid.T) firewall.Policy {
	p := drawPolicy(t)
	bad := func(i string) bool { return i == "" || i == "lo" || strings.ContainsAny(i, "\"*") || len(i) > 15 }
	p.WAN = slices.DeleteFunc(append(p.WAN, "wan0"), func(i string) bool { return bad(i) || strings.HasPrefix(i, "lan") })
	p.LAN = slices.DeleteFunc(append(p.LAN, "lan0"), func(i string) bool { return bad(i) || strings.HasPrefix(i, "wan") })
	wide := func(p netip.Prefix) bool { return p.Addr().Is4In6() || p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16 }
	p.LAN4, p.LAN6 = netip.MustParseAddr("192.168.10.1"), netip.MustParseAddr("2001:db8:10::1")
	p.LANPrefixes = slices.DeleteFunc(p.LANPrefixes, wide)
	p.Blocked = slices.DeleteFunc(p.Blocked, wide)
	p.Resolvers = slices.DeleteFunc(p.Resolvers, func(r netip.Prefix) bool { return wide(r) || slices.ContainsFunc(p.LANPrefixes, r.Overlaps) })
	p.PagePorts = slices.DeleteFunc(p.PagePorts, func(n uint16) bool { return n == 0 || n == 53 })
	for i := range p.Vendors {
		p.Vendors[i].Sources = slices.DeleteFunc(p.Vendors[i].Sources, func(s netip.Prefix) bool {
			return wide(s) || slices.ContainsFunc(p.LANPrefixes, s.Overlaps)
		})
	}
	p.Vendors = slices.DeleteFunc(p.Vendors, func(v firewall.Vendor) bool { return len(v.Sources) == 0 })
	p.Tunnels = slices.DeleteFunc(append(p.Tunnels, "wg0"), func(i string) bool { return bad(i) || slices.Contains(p.WAN, i) || slices.Contains(p.LAN, i) })
	p.DNSExempt = slices.DeleteFunc(p.DNSExempt, func(m net.HardwareAddr) bool { return len(m) != 6 })
	p.Answered = slices.DeleteFunc(p.Answered, func(m net.HardwareAddr) bool {
		return !p.ServeDNS || len(m) != 6 || slices.ContainsFunc(p.DNSExempt, func(e net.HardwareAddr) bool { return slices.Equal(e, m) })
	})
	p.Outbound = slices.DeleteFunc(p.Outbound, func(o firewall.Outbound) bool {
		_, err := firewall.Compile(firewall.Policy{WAN: []string{"w"}, LAN: []string{"l"}, LAN4: p.LAN4, Outbound: []firewall.Outbound{o}})
		return err != nil
	})
	return p
}

func drawPacket(t *rapid.T) firewall.Packet {
	return firewall.Packet{
		In: drawIface(t, "in"), Source: drawAddr(t, "source"), Target: drawAddr(t, "target"), Proto: drawProto(t, "proto"),
		SourcePort: drawPort(t, "sport"), Port: drawPort(t, "port"), Flags: rapid.Byte().Draw(t, "flags"),
		Kind: rapid.SampledFrom([]uint8{0, 3, 8, 128, 130, 133, 134, 135, 136}).Draw(t, "kind"), HopLimit: rapid.SampledFrom([]uint8{1, 255}).Draw(t, "hops"),
		State: rapid.SampledFrom([]uint32{0, 1, 2, 4, 8, 64, 255}).Draw(t, "state"), Reply: rapid.Bool().Draw(t, "reply"), Begun: rapid.Bool().Draw(t, "begun"),
		Mark:        rapid.SampledFrom([]uint32{0, 7, 0x10007, 0x10008, 0xffffffff}).Draw(t, "mark"),
		EtherSource: drawMAC(t, "mac"), Several: rapid.Bool().Draw(t, "multicast"),
	}
}

func drawGate(t *rapid.T, l string) firewall.Gate {
	return firewall.Gate{Device: drawAddr(t, l), Target: drawAddr(t, l)}
}

func drawWorld(t *rapid.T) firewall.World {
	return firewall.World{
		Answered: some(t, "told", drawGate), Gates: map[firewall.Mark][]firewall.Gate{0: some(t, "gate", drawGate), 7: some(t, "gate", drawGate)},
		Box: some(t, "box", drawAddr), Probes: some(t, "probe", drawIface),
		Routes: some(t, "route", func(t *rapid.T, l string) firewall.Route {
			return firewall.Route{To: drawPrefix(t, l), Iface: drawIface(t, l)}
		}),
		Open: some(t, "window", func(t *rapid.T, l string) firewall.Opening {
			return firewall.Opening{Mark: firewall.Mark(rapid.SampledFrom([]uint16{0, 7, 8}).Draw(t, l)),
				For: time.Duration(rapid.Int64Range(-1, int64(10*time.Hour)).Draw(t, l)),
				Passes: some(t, l, func(t *rapid.T, l string) firewall.Pass {
					return firewall.Pass{Source: drawPrefix(t, l), Proto: drawProto(t, l), WANPort: drawPort(t, l), Direct: rapid.Bool().Draw(t, l),
						Inside: netip.AddrPortFrom(drawAddr(t, l), drawPort(t, l))}
				}),
				Outer: some(t, l, func(t *rapid.T, l string) firewall.Outer {
					return firewall.Outer{Source: drawPrefix(t, l), Box: netip.AddrPortFrom(drawAddr(t, l), drawPort(t, l))}
				}),
				Egress: some(t, l, drawAddr), ByName: rapid.Bool().Draw(t, l),
				OutPasses: some(t, l, func(t *rapid.T, l string) firewall.OutPass {
					return firewall.OutPass{Device: drawAddr(t, l), Proto: drawProto(t, l), To: netip.AddrPortFrom(drawAddr(t, l), drawPort(t, l))}
				})}
		}),
	}
}

// Whatever the policy: a packet that comes from no LAN interface and begins
// something is accepted only through an open window, or as what DHCP and IPv6
// need of the box; so the page never answers it. A window's way into the box is
// for UDP alone, and not for DNS.
func checkOutside(t *rapid.T, rs firewall.Ruleset, lan []string, p firewall.Packet, w firewall.World) {
	d := rs.Decide(p, w)
	if d.Told && (d.Verdict == firewall.Accept || p.In != "" && !slices.Contains(lan, p.In)) {
		t.Fatalf("%+v: told %+v", p, d)
	}
	if d.Verdict != firewall.Accept || p.In == "" || slices.Contains(lan, p.In) || p.In == "lo" {
		return
	}
	answer := p.State&(firewall.StateEstablished|firewall.StateRelated) != 0
	served := p.Proto == firewall.UDP && (p.Port == 68 || p.Port == 546) || p.Proto == firewall.ICMPv6
	governed := d.Mark&firewall.Governed != 0 && d.Chain == "governed"
	if !answer && !served && !governed {
		t.Fatalf("%+v came in: %+v", p, d)
	}
	if governed && !answer && slices.Contains(w.Box, d.Target.Addr()) && (p.Proto != firewall.UDP || p.Port == 53) {
		t.Fatalf("%+v came to the box by a window: %+v", p, d)
	}
	if governed && !answer {
		open := slices.ContainsFunc(w.Open, func(o firewall.Opening) bool {
			_, err := o.Elements()
			return err == nil && o.Mark.ConntrackMark() == d.Mark
		})
		if !open {
			t.Fatalf("%+v came in by no window: %+v", p, d)
		}
	}
}

func TestNothingFromOutside(t *testing.T) {
	drawn, taken := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		drawn++
		p := sanePolicy(t)
		rs, err := firewall.Compile(p)
		if err != nil {
			return
		}
		taken++
		w := drawWorld(t)
		w.Box = append(w.Box, p.LAN4, p.LAN6)
		for range 20 {
			checkOutside(t, rs, p.LAN, drawPacket(t), w)
		}
	})
	if taken < drawn/2 {
		t.Errorf("only %d of %d policies were sane enough", taken, drawn)
	}
}

// No policy makes Compile panic, and what it takes holds the invariants.
func TestAnyPolicy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs, err := firewall.Compile(drawPolicy(t))
		if err != nil {
			return
		}
		if err := rs.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

// A ruleset that breaks an invariant is refused, however it came about.
func TestCheckRefuses(t *testing.T) {
	rs, err := firewall.Compile(firewall.Policy{WAN: []string{"wan0"}, LAN: []string{"lan0"}, LAN4: netip.MustParseAddr("192.168.10.1"), PagePorts: []uint16{443}, ServeDNS: true})
	if err != nil {
		t.Fatal(err)
	}
	accept := firewall.Rule{Do: []firewall.Action{{Do: firewall.DoAccept}}}
	mark := func(set string, key ...firewall.Field) firewall.Rule {
		return firewall.Rule{Do: []firewall.Action{{Do: firewall.DoMarkFrom, Name: set, Fields: key}, {Do: firewall.DoGoto, Name: "governed"}}}
	}
	for name, spoil := range map[string]func(c *firewall.Chain){
		"page from outside": func(c *firewall.Chain) {
			if c.Name == "wan_box" {
				c.Rules = slices.Insert(c.Rules, 0, firewall.Rule{Match: []firewall.Match{{Fields: []firewall.Field{firewall.TargetPort},
					In: []firewall.Range{firewall.One("\x01\xbb")}}}, Do: accept.Do})
			}
		},
		"accept in forward": func(c *firewall.Chain) {
			if c.Name == "forward" {
				c.Rules = append([]firewall.Rule{accept}, c.Rules...)
			}
		},
		"policy accept": func(c *firewall.Chain) {
			if c.Name == "input" {
				c.Hook = &firewall.Hook{Type: "filter", At: "input", Policy: firewall.Accept}
			}
		},
		"jump to nowhere": func(c *firewall.Chain) {
			if c.Name == "fresh" {
				c.Rules = append(c.Rules, firewall.Rule{Do: []firewall.Action{{Do: firewall.DoJump, Name: "nowhere"}}})
			}
		},
		"loop": func(c *firewall.Chain) {
			if c.Name == "fresh" {
				c.Rules = append(c.Rules, firewall.Rule{Do: []firewall.Action{{Do: firewall.DoJump, Name: "fresh"}}})
			}
		},
		"gate for the WAN": func(c *firewall.Chain) {
			if c.Name == "wan_lan" {
				c.Rules = slices.Insert(c.Rules, 0, mark("gate4", firewall.Source4, firewall.Target4))
			}
		},
		"egress for everybody": func(c *firewall.Chain) {
			if c.Name == "forward" {
				c.Rules = slices.Insert(c.Rules, 0, mark("egress4", firewall.Source4))
			}
		},
		"egress to the box": func(c *firewall.Chain) {
			if c.Name == "lan_box" {
				c.Rules = slices.Insert(c.Rules, 0, mark("egress4", firewall.Source4))
			}
		},
		"mark for whom a stranger dials": func(c *firewall.Chain) {
			if c.Name == "wan_lan" {
				c.Rules = slices.Insert(c.Rules, 0, mark("egress4", firewall.Target4))
			}
		},
		"goes on, from anywhere": func(c *firewall.Chain) {
			if c.Name == "forward" { // without the LAN before it
				r := c.Rules[2]
				r.Match = r.Match[1:]
				c.Rules = slices.Insert(c.Rules, 2, r)
			}
		},
		"tunnel by TCP": func(c *firewall.Chain) {
			if c.Name == "wan_box" {
				c.Rules = slices.Insert(c.Rules, 0, mark("outer4", firewall.Source4, firewall.Target4, firewall.L4Proto, firewall.TargetPort))
			}
		},
		"way by the sender's port": func(c *firewall.Chain) {
			if c.Name == "wan_lan" {
				c.Rules = slices.Insert(c.Rules, 0, mark("win4", firewall.Source4, firewall.Target4, firewall.L4Proto, firewall.SourcePort))
			}
		},
		"mark without end": func(c *firewall.Chain) {
			if c.Name == "lan_out" {
				c.Rules = slices.Insert(c.Rules, 0, mark("allow4", firewall.Source4, firewall.Target4, firewall.L4Proto, firewall.TargetPort))
			}
		},
		"the outside is told": func(c *firewall.Chain) {
			if c.Name == "wan_lan" {
				c.Rules = append(c.Rules, firewall.Rule{Do: []firewall.Action{{Do: firewall.DoReject}}})
			}
		},
		"answered from a tunnel": func(c *firewall.Chain) {
			if c.Name == "tunnel_lan" {
				c.Rules = append(c.Rules, firewall.Rule{Do: []firewall.Action{{Do: firewall.DoGoto, Name: "answered"}}})
			}
		},
		"lan_box for the WAN": func(c *firewall.Chain) {
			if c.Name == "wan_box" {
				c.Rules = append(c.Rules, firewall.Rule{Do: []firewall.Action{{Do: firewall.DoGoto, Name: "lan_out"}}})
			}
		},
	} {
		bad := rs
		bad.Chains = slices.Clone(rs.Chains)
		for i := range bad.Chains {
			c := bad.Chains[i]
			c.Rules = slices.Clone(c.Rules)
			spoil(&c)
			bad.Chains[i] = c
		}
		if err := bad.Check(); err == nil {
			t.Errorf("%s: not seen", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

// Rubbish in, drop out: no ruleset and no packet makes Decide panic.
func FuzzDecide(f *testing.F) {
	f.Add([]byte("wan0"))
	f.Add(make([]byte, 4096))
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		rs, err := firewall.Compile(sanePolicy(t))
		if err != nil {
			rs = firewall.Closed()
		}
		// Break it: Decide must take any ruleset.
		for range rapid.IntRange(0, 3).Draw(t, "breaks") {
			c := rapid.IntRange(0, len(rs.Chains)-1).Draw(t, "chain")
			r := firewall.Rule{
				Match: []firewall.Match{{Fields: []firewall.Field{firewall.Field(rapid.Byte().Draw(t, "field"))}, Set: rapid.SampledFrom([]string{"", "win4", "none", "lan_if"}).Draw(t, "set"),
					Mask: firewall.Value(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "mask")), Not: rapid.Bool().Draw(t, "not")}},
				Do: []firewall.Action{{Do: firewall.Verb(rapid.Byte().Draw(t, "verb")), Name: rapid.SampledFrom([]string{"", "input", "fresh", "dnat4", "win4"}).Draw(t, "name"),
					Fields: []firewall.Field{firewall.Field(rapid.Byte().Draw(t, "key"))}}},
			}
			rules := slices.Clone(rs.Chains[c].Rules)
			rs.Chains[c].Rules = append([]firewall.Rule{r}, rules...)
		}
		_ = rs.String()
		_ = rs.Check()
		rs.Decide(drawPacket(t), drawWorld(t))
		if d := (firewall.Ruleset{}).Decide(drawPacket(t), drawWorld(t)); d.Verdict != firewall.Drop {
			t.Fatalf("no rules accepted: %+v", d)
		}
	}))
}

// Compile takes or refuses anything, and what it takes holds the invariants.
func FuzzCompile(f *testing.F) {
	f.Add([]byte("lan0"))
	f.Add(make([]byte, 4096))
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		p := drawPolicy(t)
		rs, err := firewall.Compile(p)
		if err == nil {
			checkOutside(t, rs, p.LAN, drawPacket(t), drawWorld(t))
		}
	}))
}

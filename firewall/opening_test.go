package firewall_test

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/firewall"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func outer(source, box string) func(*firewall.Opening, *firewall.Pass) {
	return func(o *firewall.Opening, _ *firewall.Pass) {
		o.Outer = []firewall.Outer{{Source: pfx(source), Box: netip.MustParseAddrPort(box)}}
	}
}

func TestOpeningFaults(t *testing.T) {
	way := firewall.Pass{Source: pfx("198.51.100.8/29"), Proto: firewall.TCP, WANPort: 3389, Inside: netip.MustParseAddrPort("192.168.10.20:3389")}
	for want, spoil := range map[string]func(o *firewall.Opening, p *firewall.Pass){
		"":                     func(*firewall.Opening, *firewall.Pass) {},
		"without mark":         func(o *firewall.Opening, _ *firewall.Pass) { o.Mark = 0 },
		"open for 999":         func(o *firewall.Opening, _ *firewall.Pass) { o.For = 999 * time.Microsecond },
		"open for -1s":         func(o *firewall.Opening, _ *firewall.Pass) { o.For = -time.Second },
		"open for 8h0m0.001s":  func(o *firewall.Opening, _ *firewall.Pass) { o.For = 8*time.Hour + time.Millisecond },
		"too wide":             func(_ *firewall.Opening, p *firewall.Pass) { p.Source = pfx("0.0.0.0/0") },
		"not a range":          func(_ *firewall.Opening, p *firewall.Pass) { p.Source = netip.Prefix{} },
		"neither TCP nor UDP":  func(_ *firewall.Opening, p *firewall.Pass) { p.Proto = firewall.ICMP },
		"not a port of a host": func(_ *firewall.Opening, p *firewall.Pass) { p.Inside = netip.MustParseAddrPort("0.0.0.0:1") },
		"no port on the WAN":   func(_ *firewall.Opening, p *firewall.Pass) { p.WANPort = 0 },
		"of another family":    func(_ *firewall.Opening, p *firewall.Pass) { p.Inside = netip.MustParseAddrPort("[2001:db8::1]:1") },
		"direct, but by":       func(_ *firewall.Opening, p *firewall.Pass) { p.Direct = true },
		"port of a host that": func(o *firewall.Opening, _ *firewall.Pass) {
			o.OutPasses = []firewall.OutPass{{Device: addr("192.168.10.20"), To: netip.MustParseAddrPort("[2001:db8::1]:1"), Proto: firewall.TCP}}
		},
		"tunnel at 198.51.100.1:53":     outer("198.51.100.8/29", "198.51.100.1:53"),
		"tunnel at 198.51.100.1:0":      outer("198.51.100.8/29", "198.51.100.1:0"),
		"tunnel at 127.0.0.1:51820":     outer("198.51.100.8/29", "127.0.0.1:51820"),
		"tunnel at [2001:db8::1]:51820": outer("198.51.100.8/29", "[2001:db8::1]:51820"),
		"source 2000::/3: too wide":     outer("2000::/3", "[2001:db8::1]:51820"),
		"device 0.0.0.0: not a host":    func(o *firewall.Opening, _ *firewall.Pass) { o.Egress = []netip.Addr{addr("0.0.0.0")} },
		"device invalid IP: not a host": func(o *firewall.Opening, _ *firewall.Pass) { o.Egress = []netip.Addr{{}} },
		"the same or overlap in egress4": func(o *firewall.Opening, _ *firewall.Pass) {
			o.Egress = []netip.Addr{addr("10.0.0.1"), addr("10.0.0.1")}
		},
		"overlap": func(o *firewall.Opening, p *firewall.Pass) {
			o.Passes = append(o.Passes, *p)
			p.Source = pfx("198.51.100.9/32")
		},
	} {
		o := firewall.Opening{Mark: 1, For: time.Hour}
		p := way
		spoil(&o, &p)
		o.Passes = append(o.Passes, p)
		_, err := o.Elements()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := (firewall.Opening{Mark: 1, For: time.Hour}).Elements(); err == nil {
		t.Error("opened nothing")
	}
	els, err := firewall.Opening{Mark: 1, For: time.Hour, ByName: true}.Elements()
	if err != nil || len(els) != 1 || len(els["win_live"]) != 1 {
		t.Errorf("a tool window: %v, %v", els, err)
	}
}

// What an opening puts into the kernel can be read as the same opening.
func TestWaysOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live := map[string][]firewall.Elem{}
		want := map[firewall.Mark]firewall.Opening{}
		for m := firewall.Mark(1); m < 4; m++ {
			o := firewall.Opening{Mark: m, For: time.Hour}
			for i := range rapid.IntRange(1, 3).Draw(t, "ways") {
				a := netip.AddrFrom4([4]byte{198, byte(m), byte(i), 0})
				o.Passes = append(o.Passes, firewall.Pass{Source: netip.PrefixFrom(a, rapid.IntRange(24, 32).Draw(t, "bits")), Proto: firewall.TCP,
					WANPort: uint16(rapid.IntRange(1, 65535).Draw(t, "port")), Inside: netip.AddrPortFrom(netip.MustParseAddr("192.168.10.20"), uint16(i+1))})
				o.OutPasses = append(o.OutPasses, firewall.OutPass{Device: netip.MustParseAddr("2001:db8::5"), Proto: firewall.UDP,
					To: netip.AddrPortFrom(netip.MustParseAddr("2001:db8::6"), uint16(m)<<8+uint16(i))})
				o.Outer = append(o.Outer, firewall.Outer{Source: netip.PrefixFrom(a, 32), Box: netip.AddrPortFrom(addr("198.51.100.1"), 51820)})
				o.Egress = append(o.Egress, netip.AddrFrom4([4]byte{192, 168, byte(m), byte(i)}))
				o.Passes = append(o.Passes, firewall.Pass{Source: netip.PrefixFrom(a, 32), Proto: firewall.UDP, Direct: true,
					Inside: netip.AddrPortFrom(addr("192.168.10.20"), uint16(i+1))})
			}
			els, err := o.Elements()
			if err != nil {
				t.Fatal(err)
			}
			for n, es := range els {
				live[n] = append(live[n], es...)
			}
			want[m] = o
		}
		if odd := firewall.Odd(live); len(odd) > 0 {
			t.Fatalf("what was opened is odd: %+v", odd)
		}
		ways := firewall.WaysOf(live)
		for m, o := range want {
			w := ways[m]
			slices.SortStableFunc(o.Passes, func(a, b firewall.Pass) int { return map[bool]int{true: 1}[a.Direct] - map[bool]int{true: 1}[b.Direct] })
			if !slices.Equal(w.Passes, o.Passes) || !slices.Equal(w.OutPasses, o.OutPasses) || !slices.Equal(w.Outer, o.Outer) || !slices.Equal(w.Egress, o.Egress) {
				t.Fatalf("%d: got %+v, want %+v", m, w, o)
			}
		}
	})
}

// What no opening puts into the kernel is odd, and only that.
func TestOdd(t *testing.T) {
	good := firewall.Opening{Mark: 3, For: time.Hour, Egress: []netip.Addr{addr("192.168.10.20")},
		Passes:    []firewall.Pass{{Source: pfx("198.51.100.8/29"), Proto: firewall.TCP, WANPort: 22, Inside: netip.MustParseAddrPort("192.168.10.20:22")}},
		OutPasses: []firewall.OutPass{{Device: addr("192.168.10.20"), To: netip.MustParseAddrPort("203.0.113.9:4500"), Proto: firewall.UDP}},
		Outer:     []firewall.Outer{{Source: pfx("2001:db8:f::/64"), Box: netip.MustParseAddrPort("[2001:db8::1]:51820")}}}
	gates, err := firewall.Mark(3).GateElems([]firewall.Gate{{Device: addr("192.168.10.20"), Target: addr("203.0.113.5")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(e *firewall.Elem){
		"win4":    func(e *firewall.Elem) { e.Key[0].To = e.Key[0].From[:3] + "\x0e" },
		"outer6":  func(e *firewall.Elem) { e.Key[0].From = e.Key[0].From[:15] + "\x01" },
		"out4":    func(e *firewall.Elem) { e.Key[3].To = "\xff\xff" },
		"egress4": func(e *firewall.Elem) { e.Data[0] = "\x00\x00\x00\x03" },
		"gate4":   func(e *firewall.Elem) { e.Data[0] = "\x00\x09\x00\x03" },
	} {
		els, err := good.Elements()
		if err != nil {
			t.Fatal(err)
		}
		delete(els, "win_live")
		maps.Copy(els, gates)
		whole := els[name][0]
		odd := firewall.Elem{Key: slices.Clone(whole.Key), Data: slices.Clone(whole.Data)}
		spoil(&odd)
		els[name] = append(slices.Clone(els[name]), odd)
		if got := firewall.Odd(els); len(got) != 1 || len(got[name]) != 1 || !got[name][0].Equal(odd) {
			t.Errorf("%s: odd are %+v", name, got)
		}
	}
}

// Names lead where the network says; only what can be dialled becomes a gate.
func TestGateElems(t *testing.T) {
	four, six := addr("192.168.10.20"), addr("2001:db8::20")
	gs := []firewall.Gate{{four, addr("203.0.113.5")}, {six, addr("2001:db8::5")}, {four, addr("203.0.113.5")},
		{four, addr("2001:db8::5")}, {six, addr("203.0.113.5")}, {four, addr("0.0.0.0")}, {four, addr("127.0.0.1")},
		{six, addr("::")}, {six, addr("::ffff:203.0.113.5")}, {six, addr("ff02::1")}, {four, netip.Addr{}}, {netip.Addr{}, four}}
	els, err := firewall.Mark(7).GateElems(gs)
	if err != nil || len(els["gate4"]) != 1 || len(els["gate6"]) != 1 || len(els) != 2 {
		t.Errorf("%v, %v", els, err)
	}
	if got := firewall.GatesOf(els); len(got) != 1 || !slices.Equal(got[7], gs[:2]) {
		t.Errorf("read as %v", got)
	}
	if _, err := firewall.Mark(0).GateElems(gs); err == nil {
		t.Error("gates without mark")
	}
	var to []netip.Addr
	for _, g := range gs[:len(gs)-1] {
		to = append(to, g.Target)
	}
	if els, err = firewall.AnsweredElems(four, to); err != nil || len(els) != 1 || len(els["answered4"]) != 1 {
		t.Errorf("%v, %v", els, err)
	}
	if els, err = firewall.AnsweredElems(addr("0.0.0.0"), to); err == nil {
		t.Errorf("told nobody: %v", els)
	}
}

// An old flow stands in the way of a window exactly if one of its ways would
// have let it begin.
func TestMeets(t *testing.T) {
	ap := netip.MustParseAddrPort
	o := firewall.Opening{
		Passes: []firewall.Pass{{Source: pfx("198.51.100.8/29"), Proto: firewall.TCP, WANPort: 13389, Inside: ap("192.168.10.20:3389")},
			{Source: pfx("10.77.0.2/32"), Proto: firewall.TCP, Inside: ap("192.168.10.21:22"), Direct: true}},
		OutPasses: []firewall.OutPass{{Device: addr("192.168.10.22"), To: ap("203.0.113.9:4500"), Proto: firewall.UDP}},
		Outer:     []firewall.Outer{{Source: pfx("198.51.100.8/29"), Box: ap("198.51.100.1:51820")}},
		Egress:    []netip.Addr{addr("192.168.10.23")},
	}
	for _, x := range []struct {
		source, wan, target string
		proto               firewall.Proto
		want                bool
	}{
		{"198.51.100.10:4000", "198.51.100.1:13389", "192.168.10.9:3389", firewall.TCP, true},
		{"198.51.100.10:4000", "198.51.100.1:13390", "192.168.10.20:3389", firewall.TCP, true},
		{"198.51.100.10:4000", "198.51.100.1:13389", "192.168.10.20:3389", firewall.UDP, false},
		{"198.51.100.66:4000", "198.51.100.1:13389", "192.168.10.20:3389", firewall.TCP, false},
		{"10.77.0.2:4000", "192.168.10.21:22", "192.168.10.21:22", firewall.TCP, true},
		{"10.77.0.2:4000", "192.168.10.21:0", "192.168.10.21:0", firewall.TCP, false},
		{"192.168.10.22:4500", "203.0.113.9:4500", "203.0.113.9:4500", firewall.UDP, true},
		{"192.168.10.22:4500", "203.0.113.9:500", "203.0.113.9:500", firewall.UDP, false},
		{"198.51.100.10:4000", "198.51.100.1:51820", "198.51.100.1:51820", firewall.UDP, true},
		{"198.51.100.1:51820", "198.51.100.10:4000", "198.51.100.10:4000", firewall.UDP, true},
		{"198.51.100.1:51821", "198.51.100.10:4000", "198.51.100.10:4000", firewall.UDP, false},
		{"198.51.100.66:4000", "198.51.100.1:51820", "198.51.100.1:51820", firewall.UDP, false},
		{"192.168.10.23:4000", "203.0.113.1:443", "203.0.113.1:443", firewall.TCP, true},
		{"192.168.10.24:4000", "203.0.113.1:443", "203.0.113.1:443", firewall.TCP, false},
	} {
		f := firewall.Flow{Proto: x.proto, Source: ap(x.source), WAN: ap(x.wan), Target: ap(x.target)}
		if o.Meets(f) != x.want {
			t.Errorf("%+v: meets %t", x, !x.want)
		}
	}
	g := firewall.Gate{Device: addr("192.168.10.24"), Target: addr("203.0.113.1")}
	f := firewall.Flow{Proto: firewall.TCP, Source: ap("192.168.10.24:4000"), WAN: ap("203.0.113.1:443")}
	if !g.Meets(f) {
		t.Error("not through its gate")
	}
	if f.Source = ap("192.168.10.25:4000"); g.Meets(f) {
		t.Error("through another's gate")
	}
}

// What an opening puts into the kernel is shown as nft would be told it. (That
// nft takes it is tested in package kernel.)
func TestOpeningString(t *testing.T) {
	o := firewall.Opening{Mark: 7, For: 90*time.Minute + 250*time.Millisecond,
		Passes: []firewall.Pass{{Source: pfx("198.51.100.8/29"), Proto: firewall.TCP, WANPort: 13389, Inside: netip.MustParseAddrPort("192.168.10.20:3389")}},
		Egress: []netip.Addr{addr("2001:db8::20")}}
	want := `add element inet monban dnat4 { 198.51.100.8/29 . tcp . 13389 timeout 5400s250ms : 192.168.10.20 . 3389 }
add element inet monban egress6 { 2001:db8::20 timeout 5400s250ms : 0x00010007 }
add element inet monban win4 { 198.51.100.8/29 . 192.168.10.20 . tcp . 3389 timeout 5400s250ms : 0x00010007 }
add element inet monban win_live { 0x00010007 timeout 5400s250ms }
`
	if got := o.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	o.For, o.Egress = 0, []netip.Addr{{}}
	if got := o.String(); !strings.HasPrefix(got, "# window 7: cannot be open for 0s") {
		t.Errorf("got %q", got)
	}
	o.For, o.Egress = time.Hour, []netip.Addr{{}, {}}
	for line := range strings.Lines(o.String()) {
		if !strings.HasPrefix(line, "# ") {
			t.Errorf("line %q is no comment", line)
		}
	}
}

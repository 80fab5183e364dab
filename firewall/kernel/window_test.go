package kernel_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
)

// way4 and way6 are the windows of these tests: 3389 on the device, for IPv4
// by port 13389 of the WAN address.
func way(proto firewall.Proto, v6 bool) firewall.Pass {
	if v6 {
		return firewall.Pass{Source: netip.MustParsePrefix(vendor6 + "/128"), Proto: proto, Inside: netip.MustParseAddrPort("[" + dev6 + "]:3389")}
	}
	return firewall.Pass{Source: netip.MustParsePrefix("198.51.100.8/29"), Proto: proto, WANPort: 13389, Inside: netip.MustParseAddrPort(dev4 + ":3389")}
}

func ends(v6 bool) (vendor, stranger, to string) {
	if v6 {
		return vendor6, stranger6, "[" + dev6 + "]:3389"
	}
	return vendor4, stranger4, wan4 + ":13389"
}

var kinds = []struct {
	name  string
	proto firewall.Proto
	v6    bool
}{{"tcp4", firewall.TCP, false}, {"udp4", firewall.UDP, false}, {"tcp6", firewall.TCP, true}, {"udp6", firewall.UDP, true}}

func each(t *testing.T, f func(c *clinic, network string, proto firewall.Proto, v6 bool)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			f(newClinic(t), k.proto.String(), k.proto, k.v6)
		})
	}
}

func (c *clinic) open(m firewall.Mark, d time.Duration, ps ...firewall.Pass) (end time.Time) {
	c.Helper()
	l, err := c.k.OpenWindow(firewall.Opening{Mark: m, For: d, Passes: ps})
	end = time.Now().Add(l.Left)
	if err != nil {
		c.Fatal(err)
	}
	if len(l.Passes) != len(ps) {
		c.Fatalf("opened %+v, want ways %+v", l, ps)
	}
	return end
}

// A session lives while its window is open and is cut at the end in both
// directions by the kernel alone, whoever keeps talking; the next window lets
// the same 5-tuple in again.
func TestWindowEndsByItself(t *testing.T) {
	each(t, func(c *clinic, network string, proto firewall.Proto, v6 bool) {
		inside := c.lan.serve(c, map[bool]string{true: "[" + dev6 + "]:3389", false: dev4 + ":3389"}[v6])
		vendor, stranger, to := ends(v6)
		from := netip.AddrPortFrom(netip.MustParseAddr(vendor), 4500).String()
		for round := range firewall.Mark(2) {
			length := 500 * time.Millisecond
			if round > 0 && proto == firewall.TCP {
				length = 2 * time.Second // the device first answers for the old connection; SYN is sent again after 1 s
			}
			end := c.open(7+round, length, way(proto, v6))
			s, conn, err := c.out.dial(c, network, from, to)
			if err != nil {
				c.Fatalf("round %d: vendor: %v", round, err)
			}
			eventually(c, fmt.Sprintf("round %d: data flows", round), func() bool { return s.n.Load() > 5 && inside.n.Load() > 5 })
			if k, _, err := c.out.dial(c, network, stranger, to); err == nil {
				time.Sleep(30 * time.Millisecond)
				if k.n.Load() > 0 {
					c.Fatal("the stranger got in")
				}
			}
			time.Sleep(time.Until(end) + 200*time.Millisecond)
			for who, k := range map[string]*talker{"vendor": s, "device": inside} {
				// Early is what a busy machine makes of it.
				if late := k.at().Sub(end); late > 50*time.Millisecond || late < -250*time.Millisecond {
					c.Errorf("round %d: %s last heard %s after the end", round, who, late)
				} else {
					c.Logf("round %d: %s last heard %s after the end", round, who, late)
				}
			}
			counts, err := c.k.Counts()
			if err != nil {
				c.Fatal(err)
			}
			if counts.Passed[7+round].Packets == 0 || counts.Dead[7+round].Packets == 0 {
				c.Errorf("round %d: passed %+v, dead %+v", round, counts.Passed, counts.Dead)
			}
			if k, _, err := c.out.dial(c, network, vendor, to); err == nil {
				time.Sleep(30 * time.Millisecond)
				if k.n.Load() > 0 {
					c.Error("a new session got in after the end")
				}
			}
			// The vendor's program starts anew on the same port; the inside never stops.
			if tcp, ok := conn.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			conn.Close()
		}
	})
}

// Closing early cuts at once and says how many flows it cut.
func TestCloseEarly(t *testing.T) {
	each(t, func(c *clinic, network string, proto firewall.Proto, v6 bool) {
		inside := c.lan.serve(c, map[bool]string{true: "[" + dev6 + "]:3389", false: dev4 + ":3389"}[v6])
		vendor, _, to := ends(v6)
		c.open(9, time.Minute, way(proto, v6))
		s, _, err := c.out.dial(c, network, vendor, to)
		if err != nil {
			c.Fatal(err)
		}
		eventually(c, "data flows", func() bool { return s.n.Load() > 5 && inside.n.Load() > 5 })
		cut, err := c.k.CloseWindow(9)
		closed := time.Now()
		if err != nil || cut != 1 {
			c.Fatalf("cut %d, %v", cut, err)
		}
		time.Sleep(100 * time.Millisecond)
		if late := s.at().Sub(closed); late > 5*time.Millisecond {
			c.Errorf("vendor heard %s after the close", late)
		}
		if late := inside.at().Sub(closed); late > 5*time.Millisecond {
			c.Errorf("device heard %s after the close", late)
		}
		if l, err := c.k.Live(); err != nil || len(l) != 0 {
			c.Errorf("live after close: %v, %v", l, err)
		}
		if cut, err := c.k.CloseWindow(9); err != nil || cut != 0 {
			c.Errorf("closing again: %d, %v", cut, err)
		}
	})
}

// Two windows cannot have the same way, and a window cannot be opened twice;
// the refused one leaves nothing.
func TestTaken(t *testing.T) {
	c := newClinic(t)
	c.open(3, time.Minute, way(firewall.TCP, false), way(firewall.TCP, true))
	_, err := c.k.OpenWindow(firewall.Opening{Mark: 3, For: time.Minute, Passes: []firewall.Pass{way(firewall.UDP, false)}})
	if !errors.Is(err, kernel.ErrOpen) {
		t.Errorf("same mark: %v", err)
	}
	other := way(firewall.TCP, false)
	other.Source = netip.MustParsePrefix(vendor4 + "/32")
	other.Inside = netip.MustParseAddrPort("192.168.10.21:22")
	if _, err = c.k.OpenWindow(firewall.Opening{Mark: 4, For: time.Minute, Passes: []firewall.Pass{other}}); !errors.Is(err, kernel.ErrTaken) {
		t.Errorf("same WAN port: %v", err)
	}
	c.mustOpen(firewall.Opening{Mark: 10, For: time.Minute, Egress: []netip.Addr{netip.MustParseAddr(dev4)},
		Outer: []firewall.Outer{{Source: netip.MustParsePrefix("198.51.100.8/29"), Box: netip.MustParseAddrPort(wan4 + ":51820")}}})
	for name, o := range map[string]firewall.Opening{
		"same device": {Egress: []netip.Addr{netip.MustParseAddr(dev6), netip.MustParseAddr(dev4)}},
		"same tunnel": {Outer: []firewall.Outer{{Source: netip.MustParsePrefix(vendor4 + "/32"), Box: netip.MustParseAddrPort(wan4 + ":51820")}}},
	} {
		o.Mark, o.For = 4, time.Minute
		if _, err = c.k.OpenWindow(o); !errors.Is(err, kernel.ErrTaken) {
			t.Errorf("%s: %v", name, err)
		}
		c.mustOpen(firewall.Opening{Mark: 4, For: time.Minute, ByName: true})
		if err := c.k.AddWays(o); !errors.Is(err, kernel.ErrTaken) {
			t.Errorf("%s, added: %v", name, err)
		}
		if _, err := c.k.CloseWindow(4); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.k.CloseWindow(10); err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, time.Microsecond, -time.Second, 9 * time.Hour} {
		if _, err = c.k.OpenWindow(firewall.Opening{Mark: 5, For: d, Passes: []firewall.Pass{way(firewall.UDP, false)}}); err == nil {
			t.Errorf("opened for %s", d)
		}
	}
	l, err := c.k.Live()
	if err != nil || len(l) != 1 || l[0].Mark != 3 || len(l[0].Passes) != 2 {
		t.Errorf("live: %+v, %v", l, err)
	}
	if err := c.k.AddWays(firewall.Opening{Mark: 3, Passes: []firewall.Pass{way(firewall.UDP, true), way(firewall.TCP, true)}}); err != nil {
		t.Error(err)
	}
	if err := c.k.AddWays(firewall.Opening{Mark: 4, Passes: []firewall.Pass{way(firewall.UDP, false)}}); err == nil {
		t.Error("added to a window that is not open")
	}
	if l, _ = c.k.Live(); len(l) != 1 || len(l[0].Passes) != 3 {
		t.Errorf("live: %+v", l)
	}
}

// A flow from the inside that ran before its target was a vendor, or blocked,
// ends when the rules say so, though the inside keeps talking; others go on.
func TestNewRulesCutOldFlows(t *testing.T) {
	c := newClinic(t)
	for _, network := range []string{"udp", "tcp"} {
		for name, change := range map[string]func(*firewall.Policy, netip.Prefix){
			"vendor": func(p *firewall.Policy, s netip.Prefix) {
				p.Vendors = append(p.Vendors, firewall.Vendor{Name: "new", Sources: []netip.Prefix{s}})
			},
			"blocked": func(p *firewall.Policy, s netip.Prefix) { p.Blocked = append(p.Blocked, s) },
		} {
			for from, to := range map[string]string{dev4: stranger4, dev6: stranger6} {
				c.apply(policy())
				target := netip.AddrPortFrom(netip.MustParseAddr(to), 8080)
				outside := c.out.serve(t, target.String())
				s, _, err := c.lan.dial(t, network, from, target.String())
				if err != nil {
					t.Fatal(err)
				}
				eventually(t, "data flows", func() bool { return s.n.Load() > 3 && outside.n.Load() > 3 })
				c.apply(policy()) // nothing changed, nothing happens
				p := policy()
				p.PagePorts = []uint16{443}
				c.apply(p)
				n := s.n.Load()
				eventually(t, "data still flows", func() bool { return s.n.Load() > n+3 })
				change(&p, netip.PrefixFrom(target.Addr(), target.Addr().BitLen()))
				c.apply(p)
				time.Sleep(20 * time.Millisecond) // what was under way
				n, m := s.n.Load(), outside.n.Load()
				time.Sleep(60 * time.Millisecond)
				if s.n.Load() != n || outside.n.Load() != m {
					t.Errorf("%s %s %s: heard %d and %d more", network, name, to, s.n.Load()-n, outside.n.Load()-m)
				}
				outside.close()
			}
		}
	}
}

package kernel_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
)

// Extending a window moves its end and nothing else: a flow running through it
// loses no packet, what begins after the first end gets in by every kind of way,
// and the new end cuts all.
func TestExtendWindow(t *testing.T) {
	c := newClinic(t)
	c.answeredOnly()
	peer := c.tunnel()
	first := c.open(11, 3*time.Second, way(firewall.UDP, false))
	conn, seen := c.numbered(t, wan4+":13389")
	defer conn.Close()
	inward := lines(c.out, c.lan, vendor4, wan4, vendor6, dev6)[:2]
	inward[0].to, inward[1].to = wan4+":13391", "["+dev6+"]:3391"
	c.lan.serve(t, dev4+":3391")
	c.lan.serve(t, "["+dev6+"]:3391")
	ls := append(lines(c.lan, c.out, dev4, vendor4, dev6, stranger6), lines(c.out, c.gw, vendor4, wan4, vendor6, wan6)[2:]...)
	ls = append(ls, lines(peer, c.lan, tunPeer4, dev4, tunPeer6, dev6)...)
	gated := lines(c.lan, c.out, dev4, other4, dev6, other6)
	c.answer(append(ls, gated...))
	o := firewall.Opening{Mark: 11, Egress: []netip.Addr{netip.MustParseAddr(dev6)},
		OutPasses: []firewall.OutPass{{Device: netip.MustParseAddr(dev4), To: netip.MustParseAddrPort(vendor4 + ":3389"), Proto: firewall.TCP},
			{Device: netip.MustParseAddr(dev4), To: netip.MustParseAddrPort(vendor4 + ":3390"), Proto: firewall.UDP}},
		Outer: []firewall.Outer{{Source: netip.MustParsePrefix(vendor4 + "/32"), Box: netip.MustParseAddrPort(wan4 + ":3390")},
			{Source: netip.MustParsePrefix(vendor6 + "/128"), Box: netip.MustParseAddrPort("[" + wan6 + "]:3390")}},
		Passes: []firewall.Pass{{Source: netip.MustParsePrefix(vendor4 + "/32"), Proto: firewall.TCP, WANPort: 13391, Inside: netip.MustParseAddrPort(dev4 + ":3391")},
			{Source: netip.MustParsePrefix(vendor6 + "/128"), Proto: firewall.TCP, Inside: netip.MustParseAddrPort("[" + dev6 + "]:3391")}}}
	for _, l := range ls[6:] {
		from, to := l.ends()
		o.Passes = append(o.Passes, firewall.Pass{Source: netip.PrefixFrom(from.Addr(), from.Addr().BitLen()), Proto: l.proto(), Inside: to, Direct: true})
	}
	if err := c.k.AddWays(o); err != nil {
		t.Fatal(err)
	}
	if err := c.k.AddGates(11, gates(dev4, other4, dev6, other6)); err != nil {
		t.Fatal(err)
	}
	before, err := c.k.Live()
	if err != nil || len(before) != 1 {
		t.Fatalf("live: %+v, %v", before, err)
	}
	var sent uint32
	extended := 0
	for time.Until(first) > 500*time.Millisecond { // each time to the same end
		for range 20 {
			sent++
			if _, err := conn.Write(binary.BigEndian.AppendUint32(nil, sent)); err != nil {
				t.Fatal(err)
			}
		}
		extended++
		if _, err := c.k.ExtendWindow(11, time.Until(first)+3*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	end := c.endOf(11)
	if late := end.Sub(first); extended < 5 || late < 2900*time.Millisecond || late > 3100*time.Millisecond {
		t.Errorf("extended %d times, end moved by %s", extended, late)
	}
	eventually(t, "every packet came", func() bool { return seen.Load() == int64(sent) })
	after, err := c.k.Live()
	if err != nil || len(after) != 1 || !sameWays(before[0], after[0]) {
		t.Errorf("live was %+v, is %+v, %v", before, after, err)
	}
	time.Sleep(time.Until(first) + 50*time.Millisecond)
	calls := dialAll(t, anew(append(append(inward, ls...), gated...)))
	for _, s := range calls {
		if s.err != nil {
			t.Fatalf("after the first end: %s %s: %v", s.network, s.to, s.err)
		}
		eventually(t, s.network+" "+s.to+": data flows after the first end", func() bool { return s.n.Load() > 2 })
	}
	c.over(11, end)
	for _, s := range calls {
		if late := s.at().Sub(end); late > 200*time.Millisecond {
			t.Errorf("%s %s: heard %s after the end", s.network, s.to, late)
		}
	}
	if _, err := c.k.ExtendWindow(11, time.Minute); !errors.Is(err, kernel.ErrNotOpen) {
		t.Errorf("extending what is over: %v", err)
	}
	if l, err := c.k.Live(); err != nil || len(l) != 0 {
		t.Errorf("live: %+v, %v", l, err)
	}
}

func sameWays(a, b kernel.Live) bool {
	key := func(l kernel.Live) string {
		s := firewall.Opening{Mark: l.Mark, For: time.Hour, Passes: l.Passes, OutPasses: l.OutPasses, Outer: l.Outer, Egress: l.Egress, ByName: true}.String()
		for _, g := range l.Gates {
			s += g.Device.String() + " " + g.Target.String() + "\n"
		}
		return strings.Join(sorted(strings.Split(s, "\n")), "\n")
	}
	return key(a) == key(b)
}

// An extension cannot be longer than an opening, nor open anything.
func TestExtendFaults(t *testing.T) {
	k := open(t)
	if _, err := k.ExtendWindow(1, time.Minute); !errors.Is(err, kernel.ErrNotOpen) {
		t.Errorf("without a table: %v", err)
	}
	if err := k.Apply(compile(t, policy())); err != nil {
		t.Fatal(err)
	}
	if _, err := k.ExtendWindow(1, time.Minute); !errors.Is(err, kernel.ErrNotOpen) {
		t.Errorf("not open: %v", err)
	}
	if _, err := k.OpenWindow(firewall.Opening{Mark: 1, For: time.Minute, Passes: []firewall.Pass{way(firewall.TCP, false)}}); err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, -time.Second, time.Microsecond, firewall.MaxOpen + 1} {
		if _, err := k.ExtendWindow(1, d); err == nil {
			t.Errorf("extended to %s", d)
		}
	}
	l, err := k.ExtendWindow(1, firewall.MaxOpen)
	if err != nil || l.Left < firewall.MaxOpen-time.Second || l.Left > firewall.MaxOpen+20*time.Millisecond || len(l.Passes) != 1 {
		t.Errorf("extended: %+v, %v", l, err)
	}
	if err := k.AddGates(2, gates(dev4, other4)); !errors.Is(err, kernel.ErrNotOpen) {
		t.Errorf("gates of no window: %v", err)
	}
	if err := k.AddWays(firewall.Opening{Mark: 2, Egress: []netip.Addr{netip.MustParseAddr(dev4)}}); !errors.Is(err, kernel.ErrNotOpen) {
		t.Errorf("ways of no window: %v", err)
	}
}

// A way that is taken away ends its flows, though both sides keep talking;
// the others go on, and it can be given back.
func TestRemoveWays(t *testing.T) {
	each(t, func(c *clinic, network string, proto firewall.Proto, v6 bool) {
		vendor, _, to := ends(v6)
		a := way(proto, v6)
		b := a
		if b.Inside = netip.AddrPortFrom(a.Inside.Addr(), 3390); !v6 {
			b.WANPort = 13390
		}
		inside := c.lan.serve(c, a.Inside.String())
		c.lan.serve(c, b.Inside.String())
		c.open(6, time.Minute, a, b)
		from := netip.AddrPortFrom(netip.MustParseAddr(vendor), 4500).String()
		s, _, err := c.out.dial(c, network, from, to)
		if err != nil {
			c.Fatal(err)
		}
		other, _, err := c.out.dial(c, network, vendor, strings.Replace(to, "3389", "3390", 1))
		if err != nil {
			c.Fatal(err)
		}
		eventually(c, "data flows", func() bool { return s.n.Load() > 3 && inside.n.Load() > 3 && other.n.Load() > 3 })
		if err := c.k.RemoveWays(firewall.Opening{Mark: 6, Passes: []firewall.Pass{a}}); err != nil {
			c.Fatal(err)
		}
		goesOn(c, "the other session goes on", other, s, inside)
		if l, err := c.k.Live(); err != nil || len(l) != 1 || len(l[0].Passes) != 1 || l[0].Passes[0] != b {
			c.Errorf("live: %+v, %v", l, err)
		}
		if err := c.k.RemoveWays(firewall.Opening{Mark: 6, Passes: []firewall.Pass{a}}); err != nil {
			c.Errorf("again: %v", err)
		}
		if err := c.k.RemoveWays(firewall.Opening{Mark: 7, Passes: []firewall.Pass{b}}); err != nil {
			c.Errorf("another window's: %v", err)
		}
		if l, err := c.k.Live(); err != nil || len(l) != 1 || len(l[0].Passes) != 1 {
			c.Errorf("live: %+v, %v", l, err)
		}
		if err := c.k.AddWays(firewall.Opening{Mark: 6, Passes: []firewall.Pass{a}}); err != nil {
			c.Fatal(err)
		}
		again, _, err := c.out.dial(c, network, vendor, to)
		if err != nil {
			c.Fatal(err)
		}
		eventually(c, "data flows again", func() bool { return again.n.Load() > 3 })
	})
}

// nft takes what an opening says of itself, and what it makes of that is the
// opening. (In a table of its own making: of one of ours it does not know that
// marks in maps are in the host's byte order. The library cannot say so.)
func TestOpeningIsNFT(t *testing.T) {
	k := open(t)
	needNFT(t)
	if err := k.Apply(compile(t, policy())); err != nil {
		t.Fatal(err)
	}
	six := way(firewall.UDP, true)
	six.Direct = true
	o := firewall.Opening{Mark: 9, For: time.Hour + 1500*time.Millisecond, Passes: []firewall.Pass{way(firewall.TCP, false), way(firewall.TCP, true), six},
		OutPasses: []firewall.OutPass{{Device: netip.MustParseAddr(dev4), To: netip.MustParseAddrPort(vendor4 + ":4500"), Proto: firewall.UDP}},
		Outer:     []firewall.Outer{{Source: netip.MustParsePrefix("2001:db8:f::/64"), Box: netip.MustParseAddrPort("[" + wan6 + "]:51820")}},
		Egress:    []netip.Addr{netip.MustParseAddr(dev4), netip.MustParseAddr(dev6)}}
	nft(t, o.String(), "-c", "-f", "-")
	if l, err := k.Live(); err != nil || len(l) != 0 {
		t.Fatalf("checking opened: %+v, %v", l, err)
	}
	nft(t, "", "delete", "table", "inet", "monban")
	nft(t, compile(t, policy()).String(), "-f", "-")
	nft(t, o.String(), "-f", "-")
	l, err := k.Live()
	want := kernel.Live{Mark: 9, Passes: o.Passes, OutPasses: o.OutPasses, Outer: o.Outer, Egress: o.Egress}
	if err != nil || len(l) != 1 || !sameWays(l[0], want) || l[0].Left < time.Hour || l[0].Left > o.For {
		t.Errorf("live: %+v, %v", l, err)
	}
	if n, err := k.CloseWindow(9); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := k.Sweep(); err != nil || n != 0 {
		t.Errorf("closing left %d ways, %v", n, err)
	}
}

// What a table of an earlier version does not have holds nothing, and does not
// keep a window from being seen and closed.
func TestEarlierTable(t *testing.T) {
	k := open(t)
	needNFT(t)
	if err := k.Apply(compile(t, policy())); err != nil {
		t.Fatal(err)
	}
	if _, err := k.OpenWindow(firewall.Opening{Mark: 9, For: time.Minute, Passes: []firewall.Pass{way(firewall.TCP, false)}}); err != nil {
		t.Fatal(err)
	}
	nft(t, "", "flush", "table", "inet", "monban")
	for _, m := range []string{"gate4", "gate6", "egress4", "egress6", "inner4", "inner6", "outer4", "outer6"} {
		nft(t, "", "delete", "map", "inet", "monban", m)
	}
	if l, err := k.Live(); err != nil || len(l) != 1 || len(l[0].Passes) != 1 {
		t.Errorf("live: %+v, %v", l, err)
	}
	if n, err := k.Sweep(); err != nil || n != 0 {
		t.Errorf("swept %d, %v", n, err)
	}
	if err := k.Apply(compile(t, policy())); err != nil {
		t.Fatal(err)
	}
	if l, err := k.Live(); err != nil || len(l) != 1 || len(l[0].Passes) != 1 {
		t.Errorf("live: %+v, %v", l, err)
	}
	if _, err := k.CloseWindow(9); err != nil {
		t.Error(err)
	}
	if l, err := k.Live(); err != nil || len(l) != 0 {
		t.Errorf("live: %+v, %v", l, err)
	}
}

package kernel_test

import (
	"net/netip"
	"testing"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
)

// goesOn wants a session to go on, and others to have ended.
func goesOn(t testing.TB, what string, s *talker, ended ...*talker) {
	t.Helper()
	more := func() {
		t.Helper()
		n := s.n.Load()
		eventually(t, what, func() bool { return s.n.Load() > n+10 })
	}
	more() // what was under way arrives meanwhile
	var heard []int64
	for _, k := range ended {
		heard = append(heard, k.n.Load())
	}
	more()
	for i, k := range ended {
		if n := k.n.Load() - heard[i]; n != 0 {
			t.Errorf("%s: one that should have ended heard %d more", what, n)
		}
	}
}

// Ways that somebody else gave an open window can be taken away, also those
// that nobody could open: their flows end, and those of the window's own ways go
// on, though a wider one was for them, too.
func TestRemoveForeignWays(t *testing.T) {
	c := newClinic(t)
	own := way(firewall.UDP, false)
	c.lan.serve(t, own.Inside.String())
	c.open(6, time.Minute, own)
	wide, untranslated, noPort := own, own, own
	wide.Source = netip.MustParsePrefix("198.51.100.0/24")
	untranslated.Source, untranslated.WANPort = netip.MustParsePrefix("192.0.2.1/32"), 0
	noPort.Inside, noPort.WANPort = netip.AddrPortFrom(own.Inside.Addr(), 0), 13390
	foreign := firewall.Opening{Mark: 6, Passes: []firewall.Pass{wide, untranslated, noPort}}
	els := foreign.Ways()
	for i, e := range els["dnat4"] {
		if e.Key[2].From == "\x00\x00" {
			els["dnat4"] = append(els["dnat4"][:i:i], els["dnat4"][i+1:]...)
			break
		}
	}
	if err := c.k.Put(els, time.Minute); err != nil {
		t.Fatal(err)
	}
	vendor, _, err := c.out.dial(t, "udp", vendor4, wan4+":13389")
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := c.out.dial(t, "udp", stranger4, wan4+":13389")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "data flows", func() bool { return vendor.n.Load() > 3 && stranger.n.Load() > 3 })
	l, err := c.k.Live()
	if err != nil || len(l) != 1 || len(l[0].Passes) != 4 {
		t.Fatalf("live: %+v, %v", l, err)
	}
	odd := firewall.Opening{Mark: 6}
	for _, p := range l[0].Passes {
		if p != own {
			odd.Passes = append(odd.Passes, p)
		}
	}
	if err := c.k.RemoveWays(odd); err != nil {
		t.Fatal(err)
	}
	goesOn(t, "the vendor goes on", vendor, stranger)
	if l, err = c.k.Live(); err != nil || len(l) != 1 || len(l[0].Passes) != 1 || l[0].Passes[0] != own {
		t.Errorf("live: %+v, %v", l, err)
	}
	if n, err := c.k.Sweep(); n != 0 || err != nil {
		t.Errorf("%d ways are left, %v", n, err)
	}
}

// A gate that is taken away ends what went through it, the others stay.
func TestRemoveGates(t *testing.T) {
	c := newClinic(t)
	c.answeredOnly()
	ls := lines(c.lan, c.out, dev4, other4, dev6, other6)
	c.answer(ls)
	c.mustOpen(firewall.Opening{Mark: 6, For: time.Minute, ByName: true})
	if err := c.k.AddGates(6, gates(dev4, other4, dev6, other6)); err != nil {
		t.Fatal(err)
	}
	calls := dialAll(t, anew(ls))
	for _, s := range calls {
		if s.err != nil {
			t.Fatalf("%s %s: %v", s.network, s.to, s.err)
		}
		eventually(t, "data flows", func() bool { return s.n.Load() > 3 })
	}
	for range 2 { // the second time there is none to take
		if err := c.k.RemoveGates(6, []firewall.Gate{{Device: netip.MustParseAddr(dev4), Target: netip.MustParseAddr(other4)}}); err != nil {
			t.Fatal(err)
		}
	}
	var four []*talker
	six := calls[0].talker
	for _, s := range calls {
		if s.from == dev4 {
			four = append(four, s.talker)
		} else {
			six = s.talker
		}
	}
	goesOn(t, "the other gate stays", six, four...)
	if l, err := c.k.Live(); err != nil || len(l) != 1 || len(l[0].Gates) != 1 || !sameWays(l[0], kernel.Live{Mark: 6, Gates: gates(dev6, other6)}) {
		t.Errorf("live: %+v, %v", l, err)
	}
	if err := c.k.RemoveGates(0, nil); err == nil {
		t.Error("gates without mark")
	}
}

// A way whose range is no prefix no window has, though it names an open one: it
// is swept, its flows end, and those of the window go on.
func TestSweepOdd(t *testing.T) {
	c := newClinic(t)
	own := way(firewall.UDP, false)
	c.lan.serve(t, own.Inside.String())
	c.open(6, time.Minute, own)
	foreign := own
	foreign.Source = netip.MustParsePrefix(stranger4 + "/32")
	els := firewall.Opening{Mark: 6, Passes: []firewall.Pass{foreign}}.Ways()
	for name := range els { // 198.51.100.65 to .70
		els[name][0].Key[0] = firewall.Range{From: "\xc6\x33\x64\x41", To: "\xc6\x33\x64\x46"}
	}
	if err := c.k.Put(els, time.Minute); err != nil {
		t.Fatal(err)
	}
	vendor, _, err := c.out.dial(t, "udp", vendor4, wan4+":13389")
	if err != nil {
		t.Fatal(err)
	}
	stranger, _, err := c.out.dial(t, "udp", stranger4, wan4+":13389")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "data flows", func() bool { return vendor.n.Load() > 3 && stranger.n.Load() > 3 })
	if n, err := c.k.Sweep(); n != 2 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	goesOn(t, "the vendor goes on", vendor, stranger)
	if n, err := c.k.Sweep(); n != 0 || err != nil {
		t.Errorf("swept %d more, %v", n, err)
	}
	if l, err := c.k.Live(); err != nil || len(l) != 1 || len(l[0].Passes) != 1 || l[0].Passes[0] != own {
		t.Errorf("live: %+v, %v", l, err)
	}
}

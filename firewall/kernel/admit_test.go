package kernel_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"monban/firewall/kernel"
)

// told wants the device to be let to exactly these, each for about so long.
func told(t testing.TB, k *kernel.Kernel, device string, want map[string]time.Duration) {
	t.Helper()
	got, err := k.Told(netip.MustParseAddr(device))
	if err != nil {
		t.Fatal(err)
	}
	for a, left := range want {
		if d := got[netip.MustParseAddr(a)] - left; d > 20*time.Millisecond || d < -time.Second {
			t.Errorf("%s may reach %s for %s, want %s", device, a, got[netip.MustParseAddr(a)], left)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s may reach %v, want %v", device, got, want)
	}
}

// What a device was told it may reach for the time it was told for, no longer
// than twice that; being told again before costs no call of the kernel.
func TestAdmit(t *testing.T) {
	k := open(t)
	if err := k.Apply(compile(t, policy())); err != nil {
		t.Fatal(err)
	}
	four, six := netip.MustParseAddr(dev4), netip.MustParseAddr(dev6)
	answer := []netip.Addr{netip.MustParseAddr(other4), netip.MustParseAddr(other6), netip.MustParseAddr("0.0.0.0")}
	admit := func() (changed bool) {
		t.Helper()
		before, err := k.Generation()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []netip.Addr{four, six} {
			if err := k.Admit(d, answer, 2*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		after, err := k.Generation()
		if err != nil {
			t.Fatal(err)
		}
		return after != before
	}
	if !admit() {
		t.Error("nothing was admitted")
	}
	start := time.Now()
	told(t, k, dev4, map[string]time.Duration{other4: 4 * time.Second})
	told(t, k, dev6, map[string]time.Duration{other6: 4 * time.Second})
	if admit() && time.Since(start) < time.Second {
		t.Error("told again: the kernel was called")
	}
	time.Sleep(time.Until(start.Add(2500 * time.Millisecond))) // under half of its life is left
	if !admit() {
		t.Error("not renewed")
	}
	renewed := time.Now()
	told(t, k, dev4, map[string]time.Duration{other4: 4 * time.Second})
	time.Sleep(time.Until(renewed.Add(4100 * time.Millisecond)))
	told(t, k, dev4, nil)
	told(t, k, dev6, nil)
}

// A longer time than is left is given, what was forgotten or lost is told
// anew, and what was taken back is gone.
func TestAdmitAnew(t *testing.T) {
	k := open(t)
	needNFT(t)
	ns := currentNetns(t)
	if err := k.Admit(netip.MustParseAddr(dev4), []netip.Addr{netip.MustParseAddr(other4)}, time.Hour); err == nil {
		t.Error("told without a table")
	}
	if err := k.Unadmit(netip.MustParseAddr(dev4)); err != nil {
		t.Error(err)
	}
	rs := compile(t, policy())
	if err := k.Apply(rs); err != nil {
		t.Fatal(err)
	}
	tell := func(k *kernel.Kernel, to string, ttl time.Duration) {
		t.Helper()
		if err := k.Admit(netip.MustParseAddr(dev4), []netip.Addr{netip.MustParseAddr(to)}, ttl); err != nil {
			t.Fatal(err)
		}
	}
	tell(k, other4, time.Minute)
	tell(k, other4, time.Hour)
	told(t, k, dev4, map[string]time.Duration{other4: 2 * time.Hour})
	tell(k, other4, time.Minute) // is left as it is
	told(t, k, dev4, map[string]time.Duration{other4: 2 * time.Hour})
	tell(k, stranger4, time.Nanosecond)
	told(t, k, dev4, map[string]time.Duration{other4: 2 * time.Hour, stranger4: 2 * time.Second})
	tell(k, stranger4, 1000*time.Hour)
	told(t, k, dev4, map[string]time.Duration{other4: 2 * time.Hour, stranger4: 48 * time.Hour})
	if n := k.Noted(); n != 2 {
		t.Errorf("%d noted", n)
	}

	// Another daemon on the same table knows nothing, and says it again.
	other, err := kernel.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tell(other, other4, 2*time.Hour)
	told(t, k, dev4, map[string]time.Duration{other4: 4 * time.Hour, stranger4: 48 * time.Hour})

	// Somebody flushes everything.
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	calls := make(chan bool, 16)
	done := ns.start(func() error { return k.WatchForeign(ctx, func() { calls <- true }) })
	<-calls // it watches
	nft(t, "", "flush", "ruleset")
	<-calls
	if n := k.Noted(); n != 0 {
		t.Errorf("%d noted after a flush", n)
	}
	if err := k.Apply(rs); err != nil {
		t.Fatal(err)
	}
	tell(k, other4, time.Minute)
	told(t, k, dev4, map[string]time.Duration{other4: 2 * time.Minute})
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}

	if err := k.Admit(netip.MustParseAddr("192.168.10.21"), []netip.Addr{netip.MustParseAddr(other4)}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := k.Unadmit(netip.MustParseAddr(dev4)); err != nil {
		t.Fatal(err)
	}
	told(t, k, dev4, nil)
	told(t, k, "192.168.10.21", map[string]time.Duration{other4: 2 * time.Minute})
	tell(k, other4, time.Minute)
	told(t, k, dev4, map[string]time.Duration{other4: 2 * time.Minute})
	if err := k.Admit(netip.Addr{}, []netip.Addr{netip.MustParseAddr(other4)}, time.Minute); err == nil {
		t.Error("told nobody")
	}
}

// A device that makes itself told ever more is refused, the next one is not.
func TestAdmitIsBounded(t *testing.T) {
	k := open(t)
	if err := k.Apply(compile(t, policy())); err != nil {
		t.Fatal(err)
	}
	var err error
	n := 0
	for ; err == nil && n < 2*kernel.MaxDevice; n += 256 {
		var to []netip.Addr
		for i := range 256 {
			to = append(to, netip.AddrFrom4([4]byte{20, byte(n >> 16), byte(n >> 8), byte(i)}))
		}
		err = k.Admit(netip.MustParseAddr(dev4), to, time.Minute)
	}
	if !errors.Is(err, kernel.ErrTold) || n != kernel.MaxDevice+256 {
		t.Errorf("after %d: %v", n, err)
	}
	if err := k.Admit(netip.MustParseAddr(dev4), []netip.Addr{netip.MustParseAddr("20.0.0.1")}, time.Minute); err != nil {
		t.Errorf("what it was told before: %v", err)
	}
	if err := k.Admit(netip.MustParseAddr("192.168.10.21"), []netip.Addr{netip.MustParseAddr(other4)}, time.Minute); err != nil {
		t.Errorf("another device: %v", err)
	}
	if k.Noted() != kernel.MaxDevice+1 {
		t.Errorf("%d noted", k.Noted())
	}
}

// What a device began before it came under answered-only egress ends when the
// rules say so; what goes to the box does not, nor what others began.
func TestAnsweredOnlyCutsOldFlows(t *testing.T) {
	c := newClinic(t)
	ls := lines(c.lan, c.out, dev4, stranger4, dev6, stranger6)
	c.answer(ls)
	page := []line{{"tcp", dev4, box4 + ":443", c.lan, c.gw}}
	c.answer(page)
	old := dialAll(t, anew(ls))
	box := dialAll(t, page)[0]
	for _, s := range append(old, box) {
		if s.err != nil {
			t.Fatalf("%s %s: %v", s.network, s.to, s.err)
		}
		eventually(t, "data flows", func() bool { return s.n.Load() > 3 })
	}
	p := policy()
	p.Answered = append(p.Answered, net.HardwareAddr{2, 0, 0, 0, 0, 0x77}) // somebody else
	c.apply(p)
	for _, s := range old {
		n := s.n.Load()
		eventually(t, "another's change is nothing to "+s.to, func() bool { return s.n.Load() > n+3 })
	}
	c.answeredOnly()
	time.Sleep(30 * time.Millisecond) // what was under way
	var heard []int64
	for _, s := range old {
		heard = append(heard, s.n.Load())
	}
	n := box.n.Load()
	eventually(t, "the page goes on", func() bool { return box.n.Load() > n+10 })
	for i, s := range old {
		if s.n.Load() != heard[i] {
			t.Errorf("%s %s: heard %d more", s.network, s.to, s.n.Load()-heard[i])
		}
	}
	c.refused("not told", anew(ls))
}

func BenchmarkAdmit(b *testing.B) {
	k := open(b)
	if err := k.Apply(compile(b, policy())); err != nil {
		b.Fatal(err)
	}
	device := netip.MustParseAddr(dev4)
	answer := func(i int) []netip.Addr { // four addresses, as big names have
		a := netip.AddrFrom4([4]byte{20, 0, 0, 0}).As4()
		var out []netip.Addr
		for j := range 4 {
			n := i*4 + j
			out = append(out, netip.AddrFrom4([4]byte{a[0], byte(n >> 16), byte(n >> 8), byte(n)}))
		}
		return out
	}
	b.Run("told before", func(b *testing.B) {
		for b.Loop() {
			if err := k.Admit(device, answer(0), time.Minute); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("told anew", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if i%(kernel.MaxDevice/8) == 0 {
				b.StopTimer()
				if err := k.Unadmit(device); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			i++
			if err := k.Admit(device, answer(i%(1<<20)), time.Minute); err != nil {
				b.Fatal(err)
			}
		}
	})
}

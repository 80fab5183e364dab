package kernel_test

import (
	"testing"
	"time"

	"monban/firewall"
)

// Somebody flushes everything while a window is open: rules and window are
// put back for the rest of its time, and its session goes on. (An IPv4 one may
// not: while nothing translates, the box itself answers for the device.)
func TestPutBack(t *testing.T) {
	needNFT(t)
	c := newClinic(t)
	vendor, _, to := ends(true)
	inside := c.lan.serve(t, to)
	end := c.open(5, 2*time.Second, way(firewall.TCP, true))
	s, _, err := c.out.dial(t, "tcp", vendor, to)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "data flows", func() bool { return s.n.Load() > 5 })
	nft(t, "", "flush", "ruleset")
	c.apply(policy())
	if l, err := c.k.Live(); err != nil || len(l) != 0 {
		t.Fatalf("live after a flush: %+v, %v", l, err)
	}
	c.open(5, time.Until(end), way(firewall.TCP, true))
	n, m := s.n.Load(), inside.n.Load()
	eventually(t, "the session goes on", func() bool { return s.n.Load() > n+3 && inside.n.Load() > m+3 })
	time.Sleep(time.Until(end) + 150*time.Millisecond)
	if late := s.at().Sub(end); late > 50*time.Millisecond || late < -100*time.Millisecond {
		t.Errorf("vendor last heard %s after the end", late)
	}
}

// Without a table nothing is open, closing is done, and reading says so.
func TestNoTable(t *testing.T) {
	k := open(t)
	if l, err := k.Live(); err != nil || len(l) != 0 {
		t.Errorf("live: %v, %v", l, err)
	}
	if n, err := k.CloseWindow(5); err != nil || n != 0 {
		t.Errorf("close: %d, %v", n, err)
	}
	if s, err := k.Read(); err != nil || s != "" {
		t.Errorf("read: %q, %v", s, err)
	}
	if err := k.Holds(firewall.Closed()); err == nil {
		t.Error("holds what is not there")
	}
	if _, err := k.OpenWindow(firewall.Opening{Mark: 1, For: time.Second, Passes: []firewall.Pass{way(firewall.TCP, false)}}); err == nil {
		t.Error("opened without a table")
	}
	if _, err := k.Counts(); err == nil {
		t.Error("counted without a table")
	}
	if _, err := k.Attempts(); err == nil {
		t.Error("counted attempts without a table")
	}
	if n, err := k.Sweep(); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if err := k.Apply(firewall.Closed()); err != nil {
		t.Error(err)
	}
	bad := firewall.Closed()
	bad.Chains = bad.Chains[1:]
	if err := k.Apply(bad); err == nil {
		t.Error("took rules without a chain for input")
	}
	if err := k.Holds(firewall.Closed()); err != nil {
		t.Error("a refused change changed:", err)
	}
}

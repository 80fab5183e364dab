package main

import (
	"fmt"
	"testing"
	"time"

	"monban/gateway/window"
)

// An extension asked for on the page moves the end, in the kernel and on
// record; the sessions lose nothing over it, and nothing goes beyond 8 hours
// from the opening.
func TestExtendedOnThePage(t *testing.T) {
	c := open(t)
	d := c.director()
	w := c.request(inbound(4*time.Second, "3389/tcp", "3389/udp"))
	d.approved(w.ID)
	w = c.show(w.ID)
	tcp := c.talk("vendor", "tcp", c.wan(3389))
	udp := c.talk("vendor", "udp", c.addr("rececom", true, 3389))
	tcp.wait(10, "echo")
	udp.wait(10, "echo")
	extend := fmt.Sprintf("/windows/%d/extend", w.ID)
	for i := range 3 {
		d.must(extend, fmt.Sprintf("/windows/%d", w.ID), "callback", "yes", "length_other", "1s")
		if got := c.show(w.ID); got.State != window.Open || got.EndBoot != w.EndBoot+time.Duration(i+1)*time.Second || len(got.Extensions) != i+1 {
			t.Fatalf("after %d extensions: %s, end moved by %v, %d on record", i+1, got.State, got.EndBoot-w.EndBoot, len(got.Extensions))
		}
	}
	longer := c.show(w.ID)
	k := c.watch(3389)
	time.Sleep(time.Until(endOf(longer).Add(500 * time.Millisecond)))
	if late := lastOf(passed(k.seen(), onPort(3389))).Sub(endOf(longer)); late > endsWithin+busy || late < -200*time.Millisecond {
		t.Errorf("the last packet passed %v after the new end", late)
	}
	for what, k := range map[string]*talk{"tcp": tcp, "udp": udp} {
		if lost, of := k.lost(); lost > 0 || of < 100 {
			t.Errorf("%s: %d of %d lines got lost", what, lost, of)
		}
	}
	got := c.reaches(w.ID, window.Closed, 5*time.Second)
	if got.How != window.RanOut {
		t.Errorf("it ended %s", got.How)
	}
	if n := len(c.audited("window.extended")); n != 3 {
		t.Errorf("the log has %d extensions", n)
	}
	c.reported(w.ID)

	// Up to 8 h from the opening, and no second more.
	w = c.request(inbound(7*time.Hour, "3389"))
	d.approved(w.ID)
	w = c.show(w.ID)
	extend = fmt.Sprintf("/windows/%d/extend", w.ID)
	d.must(extend, fmt.Sprintf("/windows/%d", w.ID), "callback", "yes", "length_other", "1h")
	full := c.show(w.ID)
	if full.EndBoot-full.OpenBoot != window.MaxLength {
		t.Errorf("it is open for %v", full.EndBoot-full.OpenBoot)
	}
	if to, text, err := d.post(extend, "callback", "yes", "length_other", "1s"); err != nil || to != "" {
		t.Errorf("beyond 8 hours: %v, to %q\n%s", err, to, sentences(text))
	}
	if got := c.show(w.ID); got.EndBoot != full.EndBoot || len(got.Extensions) != 1 {
		t.Errorf("a refused extension moved the end by %v", got.EndBoot-full.EndBoot)
	}
	for mark, left := range c.live() {
		if mark == full.Mark && left > window.MaxLength {
			t.Errorf("the kernel has %v left", left)
		}
	}
	c.closeOff(w.ID)
	c.verified()
}

// lost is how many lines did not come back up to the last that did.
func (k *talk) lost() (lost, of int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := map[int]bool{}
	for _, e := range k.events {
		if e.What == "echo" {
			seen[e.N] = true
			of = max(of, e.N)
		}
	}
	return of - len(seen), of
}

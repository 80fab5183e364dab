package main

import (
	"fmt"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/window"
)

// keeperLooks is how long the keeper of windows may sleep, and a little: it
// cannot feel that somebody moved the clock.
const keeperLooks = 6 * time.Second

const year = 365 * 24 * time.Hour

// A window asked for tomorrow at 22:00 and approved waits for its time, and for
// a clock that somebody sets; then it opens by itself, and is over when its
// plan says.
func TestPlannedWindowWaitsForItsTime(t *testing.T) {
	c := open(t)
	d := c.director()
	zone := time.FixedZone("JST", 9*60*60)
	now := time.Now().In(zone)
	start := time.Date(now.Year(), now.Month(), now.Day()+1, 22, 0, 0, 0, zone)
	w := decoded[gateway.Window](t, c.run("window", "ask", "--json", "--socket", c.Socket, "--vendor", c.Vendor, "--device", "rececom", "--port", "3389",
		"--for", "1h", "--reason", "test", "--requester", "保守 太郎", "--at", start.Format(time.RFC3339)))
	d.approved(w.ID)
	if w = c.show(w.ID); w.State != window.Scheduled || !w.NotBefore.Equal(start) {
		t.Fatalf("approved, the window is %s for %v", w.State, w.NotBefore)
	}
	still := func(why string) {
		t.Helper()
		if w := c.show(w.ID); w.State != window.Scheduled || len(c.live()) != 0 {
			t.Errorf("%s the window is %s, and the kernel holds %v", why, w.State, c.live())
		}
	}
	still("a day before")
	// Past its time, but nobody knows that.
	d.moveClock(time.Until(start.Add(time.Second)), true)
	time.Sleep(keeperLooks)
	still("by a clock that nobody sets,")
	d.moveClock(time.Until(start.Add(-2*time.Second)), false)
	time.Sleep(500 * time.Millisecond)
	still("two seconds before")
	w = c.reaches(w.ID, window.Open, 2*keeperLooks)
	if w.OpenAt.Before(start) || w.OpenAt.After(start.Add(2*keeperLooks)) {
		t.Errorf("it opened at %v", w.OpenAt)
	}
	// However late it opened, it is over at 23:00.
	if over := w.OpenAt.Add(w.EndBoot - w.OpenBoot); over.Sub(start.Add(time.Hour)).Abs() > time.Second {
		t.Errorf("it ends at %v", over)
	}
	if _, ok := c.reach("vendor", "tcp", c.wan(3389)); !ok {
		t.Error("the vendor does not get in")
	}
	c.closeOff(w.ID)

	// With a clock that runs as it should a window opens on the dot.
	d.moveClock(0, false)
	d.signIn()
	a := inbound(time.Minute, "3389")
	a.NotBefore = time.Now().Add(2 * time.Second).Truncate(time.Second)
	w = c.request(a)
	d.approved(w.ID)
	w = c.reaches(w.ID, window.Open, keeperLooks)
	late := w.OpenAt.Sub(a.NotBefore)
	t.Logf("opened %v after its time", late)
	if late < 0 || late > 500*time.Millisecond {
		t.Errorf("opened %v after its time", late)
	}
	c.verified()
}

// The wall clock goes a year ahead or back while a window is requested, one
// planned and one open: nothing opens that should not, and the open one ends by
// the kernel's time.
func TestClockMovedAYear(t *testing.T) {
	for _, ahead := range []time.Duration{year, -year} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			t.Parallel() // two clinics that mostly wait
			c := open(t)
			d := c.director()
			asked := c.request(inbound(time.Hour, "104"))
			a := inbound(time.Hour, "443")
			a.NotBefore = time.Now().Add(6 * time.Second)
			planned := c.request(a)
			d.approved(planned.ID)
			w := c.request(inbound(9*time.Second, "3389/udp"))
			d.approved(w.ID)
			w = c.show(w.ID)
			end := endOf(w)
			k := c.watch(3389)
			x := c.talk("vendor", "udp", c.wan(3389))
			x.wait(5, "echo")

			d.moveClock(ahead, false)
			time.Sleep(keeperLooks)
			if live := c.live(); len(live) != 1 || live[w.Mark] == 0 {
				t.Errorf("with the clock moved the kernel holds %v", live)
			}
			want := map[window.State]window.State{window.Requested: window.Requested, window.Scheduled: window.Scheduled}
			if ahead > 0 { // a day to answer in, and its hour, are long over
				want = map[window.State]window.State{window.Requested: window.Lapsed, window.Scheduled: window.Lapsed}
			}
			for id, state := range map[int64]window.State{asked.ID: want[window.Requested], planned.ID: want[window.Scheduled], w.ID: window.Open} {
				if got := c.show(id); got.State != state {
					t.Errorf("with the clock moved window %d is %s, not %s", id, got.State, state)
				}
			}
			time.Sleep(time.Until(end.Add(300 * time.Millisecond)))
			if late := lastOf(passed(k.seen(), onPort(3389))).Sub(end); late > endsWithin+busy || late < -busy {
				t.Errorf("the open window's last packet passed %v after its end", late)
			}
			if got := c.reaches(w.ID, window.Closed, 5*time.Second); got.How != window.RanOut {
				t.Errorf("it ended %s", got.How)
			}
			// And back: what lapsed stays so, what is due opens for what is left.
			d.moveClock(0, false)
			if ahead > 0 {
				time.Sleep(keeperLooks)
				if got := c.show(planned.ID); got.State != window.Lapsed || len(c.live()) != 0 {
					t.Errorf("with the clock right again the planned window is %s, and the kernel holds %v", got.State, c.live())
				}
			} else {
				got := c.reaches(planned.ID, window.Open, keeperLooks)
				if over := got.OpenAt.Add(got.EndBoot - got.OpenBoot); over.Sub(a.NotBefore.Add(time.Hour)).Abs() > time.Second {
					t.Errorf("the planned window ends %v after its plan", over.Sub(a.NotBefore.Add(time.Hour)))
				}
			}
			c.sound()
		})
	}
}

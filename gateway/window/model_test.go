package window_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/gateway/people"
	"monban/gateway/window"
)

// A model is one window in the hands of everybody at once: whatever is done to
// it, in whatever order, by whomever, while the wall clock jumps.
type model struct {
	w        window.Window
	asked    time.Duration
	approved bool // by somebody who may, not its recorder unless alone and called back
	broken   bool // by break-glass
	wall     time.Time
	boot     time.Duration
	synced   bool
}

// Whatever is done to a window: it opens only approved by somebody else who
// may, or by break-glass; a planned one only within its plan, and stays open
// beyond only if somebody who may extends it; none is longer than 8 hours from
// its opening; each change is one step; nothing follows an end; and what fails
// changes nothing.
func TestMachine(t *testing.T) {
	reached := map[string]int{}
	live := func(t *rapid.T) {
		a := ask()
		if rapid.Bool().Draw(t, "planned") {
			a.NotBefore = now.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "start")) * time.Second)
		}
		a.Length = time.Duration(rapid.OneOf(rapid.Just(3600), rapid.IntRange(1, 8*3600)).Draw(t, "length")) * time.Second
		w, err := window.Ask(a, rapid.SampledFrom([]people.Actor{staff, director, staff, named, vendor, console}).Draw(t, "recorder"), now)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{w: w, asked: w.Length, wall: now, boot: time.Hour}
		for range rapid.IntRange(10, 40).Draw(t, "steps") {
			before := m.w
			what := m.choose(t)
			m.passTime(t)
			err := m.step(t, what)
			m.check(t, what, before, err)
			if err == nil {
				reached[what]++
			}
			if m.w.State == window.Open && m.w.Planned() {
				reached["planned"]++
			}
		}
	}
	for range 4 { // so that the rarest step is taken, too
		rapid.Check(t, live)
	}
	for _, what := range append([]string{"planned"}, steps...) {
		if reached[what] == 0 {
			t.Errorf("no window ever came to %s: %v", what, reached)
		}
	}
}

// steps are all that can be done to a window.
var steps = []string{"approve", "refuse", "lapse", "schedule", "begin", "break", "sealed", "opened", "failed", "close", "settle", "extend", "unextend"}

// choose mostly takes what leads on, so that long lives are lived, too.
func (m *model) choose(t *rapid.T) string {
	on := map[window.State][]string{
		window.Requested: {"approve", "approve", "approve", "break", "sealed"}, window.Approved: {"schedule", "begin"},
		window.Scheduled: {"begin"}, window.Opening: {"opened", "opened", "opened", "failed"}, window.Open: {"extend", "extend", "extend", "unextend", "unextend", "close"},
	}[m.w.State]
	if len(on) > 0 && rapid.IntRange(0, 7).Draw(t, "on") > 0 {
		return rapid.SampledFrom(on).Draw(t, "what")
	}
	return rapid.SampledFrom(steps).Draw(t, "what")
}

// passTime lets some time pass by both clocks; the wall clock may jump.
func (m *model) passTime(t *rapid.T) {
	d := time.Duration(rapid.OneOf(rapid.IntRange(0, 60), rapid.IntRange(0, 3600)).Draw(t, "passes")) * time.Second
	m.boot, m.wall = m.boot+d, m.wall.Add(d)
	if rapid.IntRange(0, 15).Draw(t, "jump") == 0 {
		m.wall = m.wall.Add(time.Duration(rapid.IntRange(-9000, 9000).Draw(t, "by")) * time.Second)
	}
	m.synced = rapid.IntRange(0, 4).Draw(t, "synced") > 0
}

// step does what to the window.
func (m *model) step(t *rapid.T, what string) (err error) {
	by := rapid.OneOf(rapid.SampledFrom([]people.Actor{director, named, console}), rapid.SampledFrom(everyone)).Draw(t, "by")
	by.SteppedUp = m.wall.Add(-time.Duration(rapid.OneOf(rapid.Just(0), rapid.IntRange(-30, 330)).Draw(t, "stepped up")) * time.Second)
	answer := window.Answer{Alone: rapid.Bool().Draw(t, "alone"), CalledBack: rapid.Bool().Draw(t, "back"),
		Length: time.Duration(rapid.OneOf(rapid.IntRange(0, 600), rapid.IntRange(-1, 9*3600)).Draw(t, "s")) * time.Second}
	start := window.Start{Mark: 7, BootID: "boot", Boot: m.boot, At: m.wall, Synced: m.synced}
	switch what {
	case "approve", "extend":
		do := window.Window.Approve
		if what == "extend" {
			do = func(w window.Window, by people.Actor, at time.Time, a window.Answer) (window.Window, error) {
				return w.Extend(by, at, m.boot, a)
			}
		}
		if m.w, err = do(m.w, by, m.wall, answer); err == nil {
			m.approved = m.approved || what == "approve"
			age := m.wall.Sub(by.SteppedUp)
			if by.Role != people.Director && !(by.Role == people.Staff && by.Deputy) || age < 0 || age > window.StepUp ||
				by.Same(m.w.Recorder) && !(answer.Alone && answer.CalledBack) {
				t.Fatalf("%+v let %s what %+v recorded (%+v)", by, what, m.w.Recorder, answer)
			}
		}
	case "refuse":
		m.w, err = m.w.Refuse(by, m.wall, "いいえ")
	case "lapse":
		m.w, err = m.w.Lapse(m.wall)
	case "schedule":
		m.w, err = m.w.Schedule()
	case "begin":
		m.w, err = m.w.Begin(start)
	case "break":
		if m.w, err = m.w.Break(by, start); err == nil {
			m.broken = true
			if by.Role != people.Console {
				t.Fatalf("%+v broke the glass", by)
			}
		}
	case "sealed":
		if m.w, err = m.w.BreakSealed(by, start); err == nil {
			m.broken = true
			if by.Role != people.Director && by.Role != people.Staff || m.w.EndBoot-m.w.OpenBoot > time.Hour {
				t.Fatalf("%+v broke the seal for %v", by, m.w.EndBoot-m.w.OpenBoot)
			}
		}
	case "opened":
		m.w, err = m.w.Opened()
	case "failed":
		m.w, err = m.w.Failed(m.wall)
	case "close":
		how := rapid.SampledFrom([]window.How{window.ByHand, window.RanOut, window.Revoked, window.Restart, window.Foreign}).Draw(t, "how")
		m.w, err = m.w.Close(how, by, m.wall, window.Tally{})
	case "settle":
		m.w, _ = window.Settle(m.w, window.Seen{BootID: rapid.SampledFrom([]string{"boot", "boot", "other"}).Draw(t, "boot"),
			Boot: m.boot, At: m.wall, Live: rapid.Bool().Draw(t, "live")})
	case "unextend":
		m.w, err = m.w.Unextend()
	}
	return err
}

// check wants what must hold after each step.
func (m *model) check(t *rapid.T, what string, before window.Window, err error) {
	w := m.w
	if err != nil && !same(w, before) {
		t.Fatalf("%s failed (%v) but changed the window", what, err)
	}
	extended := (what == "extend" || what == "unextend") && err == nil
	if moved := w.State != before.State || extended; moved && w.N != before.N+1 || !moved && w.N != before.N {
		t.Fatalf("%s: from %s %d to %s %d", what, before.State, before.N, w.State, w.N)
	}
	if before.State.Over() && w.State != before.State {
		t.Fatalf("%s led from %s to %s", what, before.State, w.State)
	}
	if w.Length > m.asked || w.EndBoot-w.OpenBoot > window.MaxLength {
		t.Fatalf("longer than asked: %v, open for %v", w.Length, w.EndBoot-w.OpenBoot)
	}
	if !w.State.Holds() {
		return
	}
	if !m.approved && !m.broken {
		t.Fatalf("%s led to %s without approval", what, w.State)
	}
	if w.BreakGlass != m.broken || m.broken != (w.Approver == people.Actor{}) || w.Sealed && !w.BreakGlass {
		t.Fatalf("a window that is %s does not say who let it: %+v", w.State, w)
	}
	var more time.Duration
	for _, x := range w.Extensions {
		more += x.More
	}
	if w.EndAt.Sub(w.OpenAt) != w.EndBoot-w.OpenBoot || w.EndBoot-w.OpenBoot-more > w.Length || w.EndBoot <= w.OpenBoot {
		t.Fatalf("open from %v to %v, extended by %v", w.OpenBoot, w.EndBoot, more)
	}
	if w.Planned() && (w.OpenAt.Before(w.NotBefore) || w.EndAt.Add(-more).After(w.NotBefore.Add(w.Length)) || !w.Synced) {
		t.Fatalf("planned for %v, open from %v to %v, extended by %v", w.NotBefore, w.OpenAt, w.EndAt, more)
	}
}

// A year to either side, a step that nobody notices, a clock that goes: a
// planned window begins within its plan or not at all, whatever the wall clock
// does, and never while nobody knows what time it is. What Due asks for can
// be done, and DueAt is not later.
func TestDueWithJumpingClocks(t *testing.T) {
	const year = 365 * 24 * time.Hour
	rapid.Check(t, func(t *rapid.T) {
		a := ask()
		a.Length = time.Duration(rapid.IntRange(1, 8*3600).Draw(t, "length")) * time.Second
		if rapid.Bool().Draw(t, "planned") {
			a.NotBefore = now.Add(time.Duration(rapid.IntRange(1, 40*3600).Draw(t, "start")) * time.Second)
		}
		w, err := window.Ask(a, staff, now)
		if err != nil {
			t.Fatal(err)
		}
		if w.Planned() && rapid.Bool().Draw(t, "approved") {
			if w, err = w.Approve(director, now, window.Answer{}); err == nil {
				w, err = w.Schedule()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		at := now
		for range 30 {
			at = at.Add(time.Duration(rapid.Int64Range(0, 3*3600).Draw(t, "passes")) * time.Second)
			at = at.Add(rapid.SampledFrom([]time.Duration{0, 0, 0, 0, year, -year, time.Hour, -time.Hour}).Draw(t, "jump"))
			synced := rapid.Bool().Draw(t, "synced")
			due := w.Due(at, synced)
			if due != window.Nothing && (!synced || at.Before(w.DueAt()) || w.State.Over() || w.State.Holds()) {
				t.Fatalf("%v at %v, synchronised %v, for a window that is %s from %v", due, at, synced, w.State, w.DueAt())
			}
			before := w
			switch due {
			case window.ToOpen:
				s := window.Start{Mark: 7, Boot: time.Hour, At: at, Synced: synced}
				if w, err = w.Begin(s); err != nil {
					t.Fatalf("due at %v, but: %v", at, err)
				}
				if before.State != window.Scheduled || at.Before(w.NotBefore) || w.EndAt.After(w.NotBefore.Add(w.Length)) {
					t.Fatalf("planned for %v, open from %v to %v", w.NotBefore, w.OpenAt, w.EndAt)
				}
			case window.ToLapse:
				if w, err = w.Lapse(at); err != nil {
					t.Fatal(err)
				}
				if start := w.NotBefore; w.Planned() && at.Before(start.Add(w.Length)) ||
					!w.Planned() && at.Before(w.RequestedAt.Add(window.Patience)) {
					t.Fatalf("lapsed at %v", at)
				}
			}
		}
	})
}

func same(a, b window.Window) bool { return reflect.DeepEqual(a, b) }

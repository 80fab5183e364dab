package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/window"
)

// A rig is a clinic in which things go wrong.
type rig struct {
	c        *clinic
	d        *desk
	stranger *desk // somebody at the page without an account
	port     int
	how      string // memory is taken away
	group    string // memory group, while there is one
	answered map[string]int
}

// A change of a window's state is under way when a fault strikes.
type change struct {
	name string
	// begin prepares it, and returns when it is due, zero being at once, and
	// what asks for it. That returns the window's number and whether it was
	// answered with success.
	begin func(r *rig) (due time.Time, ask func() (int64, bool))
	// must be among the steps once it was answered.
	must window.State
	// rests are states in which the window may be found afterwards, if it is
	// not over.
	rests []window.State
}

var changes = []change{
	{"request", func(r *rig) (time.Time, func() (int64, bool)) {
		a := r.inbound(time.Hour)
		return time.Time{}, func() (int64, bool) {
			var w gateway.Window
			err := r.c.say("/windows/ask", a, &w)
			return w.ID, err == nil
		}
	}, window.Requested, []window.State{window.Requested}},
	{"approval", func(r *rig) (time.Time, func() (int64, bool)) {
		id := r.c.request(r.inbound(time.Hour)).ID
		return time.Time{}, r.form(id, "approve", "callback", "yes")
	}, window.Opening, []window.State{window.Requested, window.Open}},
	{"planning", func(r *rig) (time.Time, func() (int64, bool)) {
		a := r.inbound(time.Hour)
		a.NotBefore = r.d.now().Add(time.Hour)
		id := r.c.request(a).ID
		return time.Time{}, r.form(id, "approve", "callback", "yes")
	}, window.Scheduled, []window.State{window.Requested, window.Scheduled}},
	{"planned start", func(r *rig) (time.Time, func() (int64, bool)) {
		a := r.inbound(time.Hour)
		a.NotBefore = r.d.now().Add(time.Second)
		id := r.c.request(a).ID
		r.d.approved(id)
		return time.Now().Add(a.NotBefore.Sub(r.d.now())), func() (int64, bool) { return id, false }
	}, "", []window.State{window.Open}},
	{"break-glass", func(r *rig) (time.Time, func() (int64, bool)) {
		a := r.inbound(time.Hour)
		return time.Time{}, func() (int64, bool) {
			var w gateway.Window
			err := r.c.say("/windows", a, &w)
			return w.ID, err == nil
		}
	}, window.Opening, []window.State{window.Open}},
	{"extension", func(r *rig) (time.Time, func() (int64, bool)) {
		id := r.c.breakOpen(r.inbound(time.Hour)).ID
		return time.Time{}, r.form(id, "extend", "callback", "yes", "length_other", "1h")
	}, window.Open, []window.State{window.Open}},
	{"close", func(r *rig) (time.Time, func() (int64, bool)) {
		id := r.c.breakOpen(r.inbound(time.Hour)).ID
		return time.Time{}, r.form(id, "close")
	}, window.Closed, []window.State{window.Open}},
	{"running out", func(r *rig) (time.Time, func() (int64, bool)) {
		w := r.c.breakOpen(r.inbound(time.Second))
		return endOf(w), func() (int64, bool) { return w.ID, false }
	}, "", nil},
	{"refusal", func(r *rig) (time.Time, func() (int64, bool)) {
		id := r.c.request(r.inbound(time.Hour)).ID
		return time.Time{}, r.form(id, "refuse", "why", "test")
	}, window.Refused, []window.State{window.Requested}},
}

// inbound is a request for a port that nobody asked for yet.
func (r *rig) inbound(length time.Duration) gateway.Ask {
	r.port++
	return inbound(length, fmt.Sprint(r.port))
}

// form asks for a change of a window on the page.
func (r *rig) form(id int64, act string, kv ...string) func() (int64, bool) {
	path := fmt.Sprintf("/windows/%d", id)
	return func() (int64, bool) {
		to, _, err := r.d.post(path+"/"+act, kv...)
		return id, err == nil && to == path
	}
}

// Whatever happens to the daemon at whatever moment of whatever change of a
// window: no window is open that nobody let open, none longer than it was let;
// what was answered with success is on record, every change of state is there
// once, and the log verifies.
func TestFaultAtEveryChange(t *testing.T) {
	t.Cleanup(removeGroups) // after the lab's end
	c := open(t)
	r := newRig(c)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			r := r.with(t)
			switch f.name {
			case "kill -9": // cheap: each change is hit often
				for range 2 {
					for _, x := range changes {
						r.strike(f, x)
					}
				}
			case "stopped for 5 s":
				r.strike(f, changes...)
			default:
				for _, x := range changes {
					r.strike(f, x)
				}
			}
			r.c.sound()
			t.Logf("answered with success: %v %s", r.answered, r.how)
		})
	}
	if err := c.say("/windows/close-all", nil, nil); err != nil {
		t.Error(err)
	}
	r.settles()
	c.sound()
}

// The same on a full disk, which opens nothing, and closes all the same.
func TestFullDiskAtEveryChange(t *testing.T) {
	c := open(t, smallState(t, "16m"))
	r := newRig(c)
	f := fullDisk(t)
	for range 2 {
		r.strike(f, changes...)
	}
	c.sound()
	t.Logf("answered with success: %v", r.answered)
}

func newRig(c *clinic) *rig {
	return &rig{c: c, d: c.director(), stranger: c.visitor(), port: 23000, answered: map[string]int{}}
}

// with is the rig for a part of a test.
func (r *rig) with(t testing.TB) *rig {
	p := *r
	p.c = r.c.with(t)
	d, s := *r.d, *r.stranger
	d.c, s.c = p.c, p.c
	p.d, p.stranger, p.answered = &d, &s, map[string]int{}
	return &p
}

// strike begins the changes, has the fault happen around the moment they are
// due, and looks at what is left when it is over.
func (r *rig) strike(f fault, cs ...change) {
	r.c.t.Helper()
	r.ready()
	type result struct {
		change
		id int64
		ok bool
	}
	var results []result
	var mu sync.Mutex
	var wg sync.WaitGroup
	latest := time.Now()
	type asked struct {
		change
		due time.Time
		ask func() (int64, bool)
	}
	var all []asked
	for _, x := range cs {
		due, ask := x.begin(r)
		all = append(all, asked{x, due, ask})
		if due.After(latest) {
			latest = due
		}
	}
	for _, a := range all {
		wg.Add(1)
		go func() {
			defer wg.Done()
			// Several are staggered, so that the fault meets each at another place.
			time.Sleep(time.Until(latest) + rand.N(time.Duration(len(cs))*10*time.Millisecond))
			id, ok := a.ask()
			mu.Lock()
			defer mu.Unlock()
			results = append(results, result{a.change, id, ok})
		}()
	}
	time.Sleep(time.Until(latest) + rand.N(time.Duration(len(cs))*10*time.Millisecond+60*time.Millisecond) - 5*time.Millisecond)
	f.begin(r)
	f.end(r)
	wg.Wait()
	ws := r.settles()
	for _, x := range results {
		if x.ok {
			r.answered[x.name]++
		}
		if x.id == 0 {
			continue
		}
		s := r.c.onRecord(x.id)
		if x.ok && x.must != "" && !slices.ContainsFunc(s.Steps, func(p gateway.Step) bool {
			return p.To == x.must && (x.must != window.Open || p.From == window.Open)
		}) {
			r.c.t.Errorf("%s, %s: answered with success, but on record are %+v", f.name, x.name, s.Steps)
		}
		if s.Window.State == window.Scheduled && !slices.Contains(x.rests, window.Scheduled) {
			s.Window = r.c.reaches(x.id, window.Open, keeperLooks) // it opens as soon as the keeper looks
		}
		if st := s.Window.State; !st.Over() && !slices.Contains(x.rests, st) {
			r.c.t.Errorf("%s, %s: the window is %s", f.name, x.name, st)
		}
	}
	for _, w := range ws {
		if w.State == window.Open && w.Approver.Name == "" && !w.BreakGlass {
			r.c.t.Errorf("%s: window %d is open and nobody approved it", f.name, w.ID)
		}
	}
}

// ready has the desk signed in and no vendor owing a report.
func (r *rig) ready() {
	r.c.t.Helper()
	if err := r.c.say("/windows/close-all", nil, nil); err != nil {
		r.c.t.Fatal(err)
	}
	for _, w := range r.c.status().Owed {
		if w.Report.IsZero() {
			r.c.reported(w.ID)
		}
	}
	if to, _, err := r.d.post("/windows/0/close"); err != nil || to != "" { // to the door: the session is over
		r.d.signIn()
	}
	r.d.stepUp()
}

// settles waits until the kernel and the record say the same: open there is
// what is open here.
func (r *rig) settles() []gateway.Window {
	r.c.t.Helper()
	var wrong string
	for range 80 {
		var ws []gateway.Window
		r.c.see("/windows", &ws)
		live := r.c.live()
		wrong = ""
		for _, w := range ws {
			_, held := live[w.Mark]
			delete(live, w.Mark)
			if soon := w.State == window.Open && w.EndBoot-bootNow() < time.Second; soon {
				held = true
			}
			if (w.State == window.Open) != held || w.State == window.Opening || w.State == window.Approved || w.Unrecorded {
				wrong += fmt.Sprintf("window %d (mark %d) is %s, in the kernel: %v, on disk: %v\n", w.ID, w.Mark, w.State, held, !w.Unrecorded)
			}
		}
		if wrong += fmt.Sprint(live); len(live) == 0 && wrong == "map[]" {
			return ws
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.c.t.Errorf("kernel and record do not agree:\n%s", wrong)
	return nil
}

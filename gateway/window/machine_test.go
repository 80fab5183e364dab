package window_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

var (
	now       = time.Date(2027, 3, 2, 1, 0, 0, 0, time.UTC)
	director  = people.Actor{ID: 1, Name: "院長", Role: people.Director, Via: "page", SteppedUp: now}
	deputy    = people.Actor{ID: 2, Name: "副院長", Role: people.Director, Via: "page", SteppedUp: now}
	staff     = people.Actor{ID: 3, Name: "受付", Role: people.Staff, Via: "page", SteppedUp: now}
	vendor    = people.Actor{ID: 4, Name: "業者", Role: people.Vendor, Via: "page", SteppedUp: now}
	named     = people.Actor{ID: 6, Name: "事務長", Role: people.Staff, Deputy: true, Via: "page", SteppedUp: now}
	console   = people.Actor{Name: "root", Role: people.Console, Via: "socket"}
	inspector = people.Actor{ID: 5, Name: "検査員", Role: people.Inspector, Via: "page", SteppedUp: now}
	everyone  = []people.Actor{director, deputy, staff, named, vendor, console, people.Box,
		inspector, {}}
	start = window.Start{Mark: 7, BootID: "boot", Boot: time.Hour, At: now, Synced: true}
)

func ask() window.Window {
	return window.Window{Vendor: "acme", Device: 9, Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")},
		Ports: []window.Port{{Proto: window.TCP, Port: 3389}}, Length: time.Hour, Reason: "月例", Requester: "山田"}
}

func requested(t rapid.TB, by people.Actor) window.Window {
	t.Helper()
	w, err := window.Ask(ask(), by, now)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// codes returns the codes of err's Faults with their fields.
func codes(err error) (all []string) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			all = append(all, codes(e)...)
		}
		return all
	}
	var f *text.Fault
	if errors.As(err, &f) {
		all = append(all, f.Field+" "+f.Code)
	}
	return all
}

func TestAskFindsEveryFault(t *testing.T) {
	for _, c := range []struct {
		name string
		bend func(*window.Window)
		want []string
	}{
		{"fine", func(*window.Window) {}, nil},
		{"everything", func(w *window.Window) { *w = window.Window{Length: 9 * time.Hour} }, []string{
			"vendor window.no_vendor", "device window.no_device", "vendor window.no_sources", "port window.no_ports",
			"for window.too_long", "reason window.no_reason", "requester window.no_requester"}},
		{"a second", func(w *window.Window) { w.Length = time.Second }, nil},
		{"less", func(w *window.Window) { w.Length = time.Second - 1 }, []string{"for window.too_short"}},
		{"negative", func(w *window.Window) { w.Length = -time.Hour }, []string{"for window.too_short"}},
		{"8 h", func(w *window.Window) { w.Length = 8 * time.Hour }, nil},
		{"more", func(w *window.Window) { w.Length = 8*time.Hour + 1 }, []string{"for window.too_long"}},
		{"the whole world", func(w *window.Window) { w.Sources = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, []string{"vendor window.bad_source"}},
		{"a mapped source", func(w *window.Window) { w.Sources = []netip.Prefix{netip.MustParsePrefix("::ffff:203.0.113.1/128")} }, []string{"vendor window.bad_source"}},
		{"port 0", func(w *window.Window) { w.Ports[0].Port = 0 }, []string{"port window.bad_port"}},
		{"icmp", func(w *window.Window) { w.Ports[0].Proto = "icmp" }, []string{"port window.bad_port"}},
		{"twice", func(w *window.Window) { w.Ports = append(w.Ports, w.Ports[0]) }, []string{"port window.twice"}},
		{"one WAN port", func(w *window.Window) {
			w.Ports = append(w.Ports, window.Port{Proto: window.TCP, Port: 22, WAN: 3389})
		}, []string{"port window.twice"}},
		{"TCP and UDP", func(w *window.Window) { w.Ports = append(w.Ports, window.Port{Proto: window.UDP, Port: 3389}) }, nil},
		{"an invisible reason", func(w *window.Window) { w.Reason = "\u200b\u202e " }, []string{"reason window.no_reason"}},
	} {
		a := ask()
		c.bend(&a)
		if _, err := window.Ask(a, staff, now); !slices.Equal(codes(err), c.want) {
			t.Errorf("%s: %v, want %v", c.name, codes(err), c.want)
		}
	}
}

func TestAskTakesNothingButTheRequest(t *testing.T) {
	a := ask()
	a.Length, a.Reason, a.State, a.Mark, a.Approver, a.N = 0, " 月例\n点検\u202e ", window.Open, 5, director, 4
	w, err := window.Ask(a, staff, now)
	if err != nil {
		t.Fatal(err)
	}
	if w.State != window.Requested || w.N != 1 || w.Mark != 0 || w.Approver != (people.Actor{}) ||
		w.Length != window.Default || w.Reason != "月例 点検" || w.Ports[0].WAN != 3389 || w.Recorder != staff {
		t.Errorf("%+v", w)
	}
	if a.Ports[0].WAN != 0 {
		t.Error("the caller's ports were changed")
	}
}

func TestWhoApproves(t *testing.T) {
	late := director
	late.SteppedUp = now.Add(-window.StepUp - time.Second)
	ahead := director
	ahead.SteppedUp = now.Add(time.Hour)
	for _, c := range []struct {
		name     string
		recorder people.Actor
		by       people.Actor
		answer   window.Answer
		want     string
	}{
		{"another", staff, director, window.Answer{}, ""},
		{"himself", director, director, window.Answer{}, " window.own_request"},
		{"himself, called back", director, director, window.Answer{CalledBack: true}, " window.own_request"},
		{"alone, not called back", director, director, window.Answer{Alone: true}, "called_back window.call_back"},
		{"alone, called back", director, director, window.Answer{Alone: true, CalledBack: true}, ""},
		{"two directors", director, deputy, window.Answer{}, ""},
		{"a deputy", staff, named, window.Answer{}, ""},
		{"a deputy himself", named, named, window.Answer{}, " window.own_request"},
		{"staff", director, staff, window.Answer{Alone: true, CalledBack: true}, " people.may_not"},
		{"the vendor", staff, vendor, window.Answer{Alone: true, CalledBack: true}, " people.may_not"},
		{"the console", staff, console, window.Answer{}, " people.may_not"},
		{"the box", staff, people.Box, window.Answer{}, " people.may_not"},
		{"nobody", staff, people.Actor{}, window.Answer{}, " people.may_not"},
		{"factor too old", staff, late, window.Answer{}, "code people.step_up"},
		{"factor from the future", staff, ahead, window.Answer{}, "code people.step_up"},
		{"shorter", staff, director, window.Answer{Length: time.Minute}, ""},
		{"longer", staff, director, window.Answer{Length: 2 * time.Hour}, "for window.only_shorter"},
		{"negative", staff, director, window.Answer{Length: -time.Hour}, "for window.only_shorter"},
	} {
		w, err := requested(t, c.recorder).Approve(c.by, now, c.answer)
		if c.want != "" {
			if got := codes(err); !slices.Equal(got, []string{c.want}) || w.State != window.Requested || w.N != 1 {
				t.Errorf("%s: %v, state %s", c.name, got, w.State)
			}
			continue
		}
		if err != nil || w.State != window.Approved || w.Approver != c.by || w.Alone != (c.recorder == c.by) {
			t.Errorf("%s: %v, %+v", c.name, err, w)
		}
		if c.answer.Length != 0 && w.Length != c.answer.Length {
			t.Errorf("%s: length %v", c.name, w.Length)
		}
	}
}

func TestBreakIsTheConsoles(t *testing.T) {
	for _, by := range everyone {
		w, err := requested(t, staff).Break(by, start)
		if by.Role != people.Console {
			if err == nil {
				t.Errorf("%s opened without approval", by.Role)
			}
			continue
		}
		if err != nil || w.State != window.Opening || !w.BreakGlass || w.Approver != (people.Actor{}) {
			t.Errorf("%v: %+v", err, w)
		}
		if w.EndBoot != 2*time.Hour || !w.EndAt.Equal(now.Add(time.Hour)) || w.Mark != 7 {
			t.Errorf("clocks: %+v", w)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	w := opened(t)
	once, err := w.Close(window.ByHand, staff, now, window.Tally{Cut: 2})
	if err != nil || once.State != window.Closed || once.Cut != 2 {
		t.Fatal(err, once)
	}
	twice, err := once.Close(window.RanOut, people.Box, now.Add(time.Second), window.Tally{Cut: 9})
	if err != nil || twice.N != once.N || twice.How != window.ByHand || twice.Cut != 2 {
		t.Error(err, twice)
	}
	if _, err := w.Close(window.RanOut, staff, now, window.Tally{}); err == nil {
		t.Error("a person let the time run out")
	}
	if _, err := w.Close(window.ByHand, people.Actor{Role: people.Inspector}, now, window.Tally{}); err == nil {
		t.Error("an inspector closed a window")
	}
}

func opened(t rapid.TB) window.Window {
	t.Helper()
	w, err := requested(t, console).Break(console, start)
	if err != nil {
		t.Fatal(err)
	}
	if w, err = w.Opened(); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestSettle(t *testing.T) {
	open := opened(t)
	opening := open
	opening.State, opening.N = window.Opening, open.N-1
	used := window.Tally{Passed: window.Count{Packets: 1, Bytes: 60}}
	dead := window.Tally{Dead: window.Count{Packets: 1}}
	for _, c := range []struct {
		name string
		w    window.Window
		boot string
		at   time.Duration
		live bool
		t    window.Tally
		want window.State
		how  window.How
	}{
		{"open and live", open, "boot", 90 * time.Minute, true, used, window.Open, ""},
		{"open, live a little late", open, "boot", 2 * time.Hour, true, used, window.Open, ""},
		{"ran out", open, "boot", 2 * time.Hour, false, used, window.Closed, window.RanOut},
		{"taken away", open, "boot", 90 * time.Minute, false, used, window.Closed, window.Foreign},
		{"restarted", open, "other", time.Minute, false, used, window.Closed, window.Restart},
		{"restarted, mark used by another", open, "other", time.Minute, true, used, window.Closed, window.Restart},
		{"adopted", opening, "boot", time.Hour, true, window.Tally{}, window.Open, ""},
		{"never told", opening, "boot", 90 * time.Minute, false, window.Tally{}, window.NotOpened, ""},
		{"ran out while we were dead", opening, "boot", 3 * time.Hour, false, used, window.Closed, window.RanOut},
		{"ran out, only refusals left", opening, "boot", 3 * time.Hour, false, dead, window.Closed, window.RanOut},
		{"opening, restarted", opening, "other", time.Minute, true, used, window.NotOpened, ""},
		{"requested", requested(t, staff), "other", 0, true, used, window.Requested, ""},
	} {
		got, changed := window.Settle(c.w, window.Seen{BootID: c.boot, Boot: c.at, At: now, Live: c.live, Tally: c.t})
		if got.State != c.want || got.How != c.how || changed != (got.State != c.w.State) {
			t.Errorf("%s: %s %s, changed %v", c.name, got.State, got.How, changed)
		}
		if again, changed := window.Settle(got, window.Seen{BootID: c.boot, Boot: c.at, At: now, Live: c.live, Tally: c.t}); changed || again.State != got.State {
			t.Errorf("%s: not settled after one step", c.name)
		}
		if got.How == window.Restart && got.Passed.Packets != 0 {
			t.Errorf("%s: took another boot's bytes", c.name)
		}
	}
}

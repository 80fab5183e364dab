package bootslot

import (
	"testing"
	"time"
)

func TestTrial(t *testing.T) {
	type seen struct {
		at time.Duration
		ok bool
	}
	every := func(from, to, step time.Duration, ok bool) (all []seen) {
		for at := from; at <= to; at += step {
			all = append(all, seen{at, ok})
		}
		return all
	}
	join := func(parts ...[]seen) (all []seen) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	const s = time.Second
	var flicker []seen
	for at := range 700 {
		flicker = append(flicker, seen{time.Duration(at) * s, at%50 != 49})
	}
	for what, c := range map[string]struct {
		seen []seen
		want Step
		at   time.Duration
	}{
		"well from the start": {every(0, 700*s, 2*s, true), Keep, 60 * s},
		"never well":          {every(0, 700*s, 2*s, false), GiveUp, 600 * s},
		"well after a while":  {join(every(0, 100*s, 2*s, false), every(102*s, 700*s, 2*s, true)), Keep, 162 * s},
		"one fault":           {join(every(0, 50*s, 2*s, true), every(52*s, 52*s, s, false), every(54*s, 700*s, 2*s, true)), Keep, 114 * s},
		"well too late":       {join(every(0, 542*s, 2*s, false), every(544*s, 700*s, 2*s, true)), GiveUp, 600 * s},
		"well just in time":   {join(every(0, 538*s, 2*s, false), every(540*s, 700*s, 2*s, true)), Keep, 600 * s},
		"on and off":          {flicker, GiveUp, 600 * s},
		"seldom seen":         {every(0, 700*s, 20*s, true), GiveUp, 600 * s},
		"seen once, at last":  {every(700*s, 700*s, s, true), GiveUp, 700 * s},
	} {
		for _, after := range []time.Duration{0, 10 * time.Minute} { // the start of the system
			trial := Trial{Began: after}
			var got Step
			var at time.Duration
			for _, x := range c.seen {
				if got = trial.Saw(after+x.at, x.ok); got != Wait {
					at = x.at
					break
				}
			}
			if got != c.want || at != c.at {
				t.Errorf("%s, from %v: %v at %v, want %v at %v", what, after, got, at, c.want, c.at)
			}
		}
	}
}

// A judge that ends every now and then, and so never sees a minute of health,
// gives up at last.
func TestTrialBegunAnew(t *testing.T) {
	for _, c := range []struct{ lives, gives time.Duration }{
		{30 * time.Second, TrialLast}, {9 * time.Minute, TrialLast}, {11 * time.Minute, TrialLimit},
	} {
		ok := c.lives < TrialWell // the others see nothing good
		var trial Trial
		for now := time.Duration(0); ; now += time.Second {
			if now%c.lives == 0 {
				trial = Trial{Began: now}
			}
			if step := trial.Saw(now, ok); step == GiveUp && now == c.gives {
				break
			} else if step != Wait || now > TrialLast {
				t.Errorf("begun anew every %v: %v at %v, want to give up at %v", c.lives, step, now, c.gives)
				break
			}
		}
	}
	late := Trial{Began: TrialLast + time.Hour}
	if late.Saw(TrialLast+time.Hour, false) != GiveUp {
		t.Error("begun after all, it waits")
	}
}

func TestHealth(t *testing.T) {
	all := Health{Rules: true, Links: true, DNS: true, Page: true, Database: true}
	if !all.OK() {
		t.Error("all is well and it is not")
	}
	for _, miss := range []func(*Health){
		func(h *Health) { h.Rules = false }, func(h *Health) { h.Links = false }, func(h *Health) { h.DNS = false },
		func(h *Health) { h.Page = false }, func(h *Health) { h.Database = false },
	} {
		h := all
		if miss(&h); h.OK() {
			t.Errorf("%+v is well", h)
		}
	}
}

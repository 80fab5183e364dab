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
		began := time.Now()
		trial := Trial{Began: began}
		var got Step
		var at time.Duration
		for _, x := range c.seen {
			if got = trial.Saw(began.Add(x.at), x.ok); got != Wait {
				at = x.at
				break
			}
		}
		if got != c.want || at != c.at {
			t.Errorf("%s: %v at %v, want %v at %v", what, got, at, c.want, c.at)
		}
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

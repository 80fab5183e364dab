package main

import (
	"fmt"
	"strings"
	"time"

	"monban/gateway"
	"monban/gateway/window"
)

// isStep says whether a line of the log puts a change of state on record; each
// change has one.
func isStep(code string) bool {
	switch code {
	case "window.requested", "window.requested_signed", "window.requested_by_plan", "window.break_glass", "window.break_sealed",
		"window.approved", "window.scheduled", "window.opening", "window.opened", "window.adopted", "window.extended", "window.not_extended", "window.refused", "window.lapsed", "window.not_opened":
		return true
	}
	return strings.HasPrefix(code, "window.ended.")
}

// sound wants what must hold whatever happened: the kernel holds no window that
// is not open on record and was let open by somebody, none longer than was
// approved; the log verifies; and every change of state of every window stands
// in it once, in order.
func (c *clinic) sound() {
	c.t.Helper()
	live := c.live()
	var ws []gateway.Window
	c.see("/windows", &ws)
	byMark := map[uint32]gateway.Window{}
	for _, w := range ws {
		c.onRecord(w.ID)
		if w.State == window.Open {
			byMark[w.Mark] = w
		}
	}
	for mark, left := range live {
		w, ok := byMark[mark]
		switch {
		case !ok && left <= time.Second: // it ends just now
		case !ok:
			c.t.Errorf("the kernel holds mark %d with %v left; on record are %s", mark, left, states(ws))
		case w.Approver.Name == "" && !w.BreakGlass:
			c.t.Errorf("window %d is open and nobody approved it", w.ID)
		case left > w.EndBoot-bootNow()+2*time.Second: // nft shows whole seconds
			c.t.Errorf("window %d has %v left in the kernel, %v were approved", w.ID, left, w.EndBoot-bootNow())
		}
	}
	c.verified()
}

func states(ws []gateway.Window) (out []string) {
	for _, w := range ws {
		out = append(out, fmt.Sprintf("%d %s (mark %d)", w.ID, w.State, w.Mark))
	}
	return out
}

// onRecord holds a window's steps against each other, its state and the log.
func (c *clinic) onRecord(id int64) gateway.Sheet {
	c.t.Helper()
	var s gateway.Sheet
	c.see("/windows/"+itoa(id)+"/sheet", &s)
	from, lines := window.State(""), 0
	for i, step := range s.Steps {
		if step.From != from {
			c.t.Errorf("window %d: step %d is from %q, not %q: %+v", id, i+1, step.From, from, s.Steps)
		}
		from = step.To
	}
	for _, l := range s.Lines {
		if isStep(l.Code) {
			lines++
		}
	}
	if from != s.Window.State || len(s.Steps) != s.Window.N || lines != len(s.Steps) {
		c.t.Errorf("window %d is %s after %d changes; on record are %d steps to %s, and %d lines of the log: %v",
			id, s.Window.State, s.Window.N, len(s.Steps), from, lines, codes(s.Lines))
	}
	return s
}

func codes(ls []gateway.AuditLine) (out []string) {
	for _, l := range ls {
		out = append(out, l.Code)
	}
	return out
}

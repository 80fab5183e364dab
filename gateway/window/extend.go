package window

import (
	"slices"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

// Extend lets by lengthen an open window by a.Length. It is a new approval,
// under the rules of Approve, and ends at the latest MaxLength after the
// opening; a planned window may so outlast its plan. boot is CLOCK_BOOTTIME
// now: what has run out is over, even if nobody has put that on record yet.
func (w Window) Extend(by people.Actor, at time.Time, boot time.Duration, a Answer) (Window, error) {
	alone, err := w.mayApprove(by, at, a)
	if err != nil {
		return w, err
	}
	if w.State != Open || boot >= w.EndBoot {
		return w, text.NewFault("window.not_now", "state", string(w.State), "to", string(Open))
	}
	if a.Length < MinLength {
		return w, text.NewFault("window.too_short", "min", span(MinLength)).On("for")
	}
	if left := w.OpenBoot + MaxLength - w.EndBoot; a.Length > left {
		return w, text.NewFault("window.extend_limit", "max", span(MaxLength), "left", span(left.Truncate(time.Second))).On("for")
	}
	n, err := w.to(Open)
	if err != nil {
		return w, err
	}
	n.EndBoot, n.EndAt = n.EndBoot+a.Length, n.EndAt.Add(a.Length)
	n.Extensions = append(slices.Clip(n.Extensions), Extension{By: by, At: at, More: a.Length, EndBoot: n.EndBoot, Alone: alone})
	return n, nil
}

// Unextend takes the last extension back, because the kernel would not carry
// it out.
func (w Window) Unextend() (Window, error) {
	last := len(w.Extensions) - 1
	if w.State != Open || last < 0 {
		return w, text.NewFault("window.not_now", "state", string(w.State), "to", string(Open))
	}
	n, err := w.to(Open)
	if err != nil {
		return w, err
	}
	more := n.Extensions[last].More
	n.EndBoot, n.EndAt = n.EndBoot-more, n.EndAt.Add(-more)
	n.Extensions = slices.Clip(n.Extensions[:last])
	return n, nil
}

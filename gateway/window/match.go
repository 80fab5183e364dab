package window

import (
	"slices"
	"time"
)

// clockSlack is how far a session's times may lie outside its window: the
// kernel stamps flows by itself, and the store keeps milliseconds.
const clockSlack = time.Second

// Match holds a session of w against what was asked for: whether it came from
// where the request says, led to what it says, and lay within the window's
// time. Every false is a question to the vendor.
//
// What a window does not know is not held against a session: which address its
// device had, a tool's servers, the address the vendor has inside his tunnel
// (only his key sends from there).
func (w Window) Match(s Session) (source, target, inTime bool) {
	vendors := within(w.Sources, s.Source.Addr().Unmap())
	port := slices.ContainsFunc(w.Ports, func(p Port) bool { return p.Proto == s.Proto && p.Port == s.Target.Port() })
	switch w.kind() {
	case Outbound:
		to := Target{s.Target.Addr().Unmap(), s.Proto, s.Target.Port()}
		source, target = !vendors, slices.Contains(w.Targets, to)
	case Tool:
		source, target = !vendors, true
	case WireGuard:
		source, target = true, port
		if vendors { // the tunnel's own packets, to the box
			target = s.Proto == UDP
		}
	default:
		source, target = vendors, port
	}
	return source, target, w.during(s)
}

// during reports whether s lay within the time w was open.
func (w Window) during(s Session) bool {
	end := w.EndAt
	if !w.ClosedAt.IsZero() && w.ClosedAt.Before(end) {
		end = w.ClosedAt
	}
	end = end.Add(clockSlack)
	return !w.OpenAt.IsZero() && !s.Start.Before(w.OpenAt.Add(-clockSlack)) && !s.Start.After(end) && !s.End.After(end)
}

package window

import "time"

// Patience is how long a request without a planned start waits for an answer.
const Patience = 24 * time.Hour

// Due is what time asks for.
type Due int

// What may be due.
const (
	Nothing Due = iota
	ToOpen      // its planned start has come
	ToLapse     // its time is over and it never opened
)

// Due says what time asks of w. While the clock is not synchronised it is
// Nothing, both ways: a clock that jumped must not open a window early, and
// must not end for good what people have agreed on. What has begun is not time's
// to say any more: the kernel ends it by its own clock.
func (w Window) Due(at time.Time, synced bool) Due {
	if due := w.DueAt(); !synced || due.IsZero() || at.Before(due) {
		return Nothing
	}
	switch {
	case w.State != Scheduled || !at.Before(w.over()):
		return ToLapse
	case w.over().Sub(at) < MinLength: // not worth opening any more
		return Nothing
	}
	return ToOpen
}

// DueAt is when Due first says something; zero: never.
func (w Window) DueAt() time.Time {
	switch {
	case w.State == Scheduled:
		return w.NotBefore
	case w.State != Requested && w.State != Approved:
		return time.Time{}
	case w.Planned():
		return w.over()
	}
	return w.RequestedAt.Add(Patience)
}

// Planned reports whether w has a planned start.
func (w Window) Planned() bool { return !w.NotBefore.IsZero() }

// over is when the time of a planned window is over, however late it opened.
func (w Window) over() time.Time { return w.NotBefore.Add(w.Length) }

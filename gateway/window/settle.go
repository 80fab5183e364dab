package window

import (
	"time"

	"monban/gateway/people"
)

// Seen is what the kernel and the clocks say about one window, for Settle.
type Seen struct {
	BootID string        // of the running system
	Boot   time.Duration // CLOCK_BOOTTIME now
	At     time.Time     // wall time now
	Live   bool          // the kernel holds the window's passes
	Tally  Tally         // what it counted for the mark
}

// Settle returns w as it must stand after what was seen, and whether that is
// a change. The gateway calls it at every start and reconcile for windows the
// kernel may hold; the log gets a line for each change. After a restart of
// the system nothing is restored; a crash of the daemon between the record
// and the kernel leaves Opening, which is adopted if the kernel has it.
func Settle(w Window, s Seen) (Window, bool) {
	if !w.State.Holds() {
		return w, false
	}
	sameBoot := w.BootID == s.BootID
	used := s.Tally.Passed.Packets > 0 || s.Tally.Dead.Packets > 0
	var n Window
	var err error
	switch {
	case sameBoot && s.Live && w.State == Open:
		return w, false
	case sameBoot && s.Live:
		n, err = w.Opened()
	case w.State == Opening && !(sameBoot && used):
		n, err = w.Failed(s.At)
	case !sameBoot:
		// The counters died with the old kernel: the tally is another boot's.
		n, err = w.Close(Restart, people.Box, s.At, Tally{})
	case s.Boot >= w.EndBoot:
		n, err = w.Close(RanOut, people.Box, w.EndAt, s.Tally)
	default:
		n, err = w.Close(Foreign, people.Box, s.At, s.Tally)
	}
	if err != nil { // the cases above only take allowed steps
		return w, false
	}
	return n, true
}

// Left is how much of an open window is left at boot time t, never negative.
func (w Window) Left(t time.Duration) time.Duration {
	if !w.State.Holds() {
		return 0
	}
	return max(0, w.EndBoot-t)
}

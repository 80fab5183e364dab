package window

import (
	"slices"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

// after is the whole machine: what may follow each state. A state without an
// entry is an end. From Requested only Console's break-glass leads to Opening.
var after = map[State][]State{
	"":        {Requested},
	Requested: {Approved, Refused, Lapsed, Opening},
	Approved:  {Scheduled, Opening, Lapsed, NotOpened},
	Scheduled: {Opening, Lapsed, NotOpened},
	Opening:   {Open, NotOpened, Closed},
	Open:      {Closed},
}

// Over reports whether nothing can follow s.
func (s State) Over() bool { return s != "" && len(after[s]) == 0 }

// Holds reports whether the kernel may hold passes of a window in state s.
func (s State) Holds() bool { return s == Opening || s == Open }

// StepUp is how long a second factor, once checked, is good for approving.
const StepUp = 5 * time.Minute

// to moves w to s, or says that s cannot follow: mostly because somebody else
// was faster.
func (w Window) to(s State) (Window, error) {
	if !slices.Contains(after[w.State], s) {
		return w, text.NewFault("window.not_now", "state", string(w.State), "to", string(s))
	}
	w.State, w.N = s, w.N+1
	return w, nil
}

// Ask returns a, which by records for the vendor's engineer, as a window that
// waits for its answer. All faults of the request come joined, each with the
// form field it is about. An empty Length means Default.
func Ask(a Window, by people.Actor, at time.Time) (Window, error) {
	if !by.May(people.ActAskWindow) {
		return a, forbidden(people.ActAskWindow)
	}
	w := Window{Vendor: a.Vendor, Device: a.Device, Sources: slices.Clone(a.Sources),
		Ports: slices.Clone(a.Ports), Length: a.Length, Reason: a.Reason,
		Requester: a.Requester, Recorder: by, RequestedAt: at}
	if err := w.check(); err != nil {
		return a, err
	}
	return w.to(Requested)
}

// An Answer is what an approver adds to his yes.
type Answer struct {
	Length     time.Duration // shorter than asked; 0: as asked
	Alone      bool          // site.toml says that this is a clinic of one
	CalledBack bool          // he rang the vendor at the registered number
}

// Approve lets by approve w. He must be somebody who may, must not be the one
// who recorded the request, and must have given his second factor within
// StepUp. In a clinic of one the recorder may approve if he called back; that
// is marked on the window.
func (w Window) Approve(by people.Actor, at time.Time, a Answer) (Window, error) {
	if !by.May(people.ActApprove) {
		return w, forbidden(people.ActApprove)
	}
	if !by.SteppedUpWithin(StepUp, at) {
		return w, text.NewFault("people.step_up").On("code")
	}
	same := w.Recorder.Same(by)
	switch {
	case same && !a.Alone:
		return w, text.NewFault("window.own_request")
	case same && !a.CalledBack:
		return w, text.NewFault("window.call_back").On("called_back")
	}
	if a.Length > w.Length || (a.Length != 0 && a.Length < MinLength) {
		return w, text.NewFault("window.only_shorter", "asked", span(w.Length)).On("for")
	}
	n, err := w.to(Approved)
	if err != nil {
		return w, err
	}
	if a.Length != 0 {
		n.Length = a.Length
	}
	n.Approver, n.ApprovedAt, n.Alone = by, at, same
	return n, nil
}

// Refuse lets by refuse w with a reason that the vendor may be told.
func (w Window) Refuse(by people.Actor, at time.Time, why string) (Window, error) {
	if !by.May(people.ActApprove) {
		return w, forbidden(people.ActApprove)
	}
	why, err := sentence("answer", why)
	if err != nil {
		return w, err
	}
	n, err := w.to(Refused)
	if err != nil {
		return w, err
	}
	n.Approver, n.Answer, n.ClosedAt = by, why, at
	return n, nil
}

// Lapse ends w unopened, because nobody answered in time, or because what it
// was asked for is not there any more.
func (w Window) Lapse(at time.Time) (Window, error) {
	n, err := w.to(Lapsed)
	if err != nil {
		return w, err
	}
	n.ClosedAt = at
	return n, nil
}

// Schedule puts an approved window aside until its planned start.
func (w Window) Schedule() (Window, error) { return w.to(Scheduled) }

// A Start is when and as what a window opens: the mark from the store, and
// the clocks at that moment. The kernel's timers follow Boot.
type Start struct {
	Mark   uint32 // 1…65534
	BootID string
	Boot   time.Duration // CLOCK_BOOTTIME
	At     time.Time
	Synced bool
}

// Begin sets an approved window on its way to the kernel. Its end counts from
// here, not from when the kernel has been told.
func (w Window) Begin(s Start) (Window, error) {
	if w.State == Requested {
		return w, text.NewFault("window.not_approved")
	}
	return w.begin(s)
}

// Break (break-glass) opens a request without an approver. Only the console may; the
// window is marked, and Approver stays zero.
func (w Window) Break(by people.Actor, s Start) (Window, error) {
	if !by.May(people.ActBreakGlass) {
		return w, forbidden(people.ActBreakGlass)
	}
	if w.State != Requested {
		return w, text.NewFault("window.not_now", "state", string(w.State), "to", string(Opening))
	}
	w.BreakGlass = true
	return w.begin(s)
}

func (w Window) begin(s Start) (Window, error) {
	n, err := w.to(Opening)
	if err != nil {
		return w, err
	}
	if s.Mark == 0 || s.Mark > 65534 {
		return w, text.NewFault("window.bad_mark", "mark", s.Mark)
	}
	n.Mark, n.BootID, n.Synced = s.Mark, s.BootID, s.Synced
	n.OpenBoot, n.EndBoot = s.Boot, s.Boot+n.Length
	n.OpenAt, n.EndAt = s.At, s.At.Add(n.Length)
	return n, nil
}

// Opened says that the kernel was read back and holds the window.
func (w Window) Opened() (Window, error) { return w.to(Open) }

// Failed says that the kernel never held the window.
func (w Window) Failed(at time.Time) (Window, error) {
	n, err := w.to(NotOpened)
	if err != nil {
		return w, err
	}
	n.ClosedAt = at
	return n, nil
}

// A Tally is what the kernel counted for a window: Cut is the live flows that
// an early close ended.
type Tally struct {
	Passed, Dead Count
	Cut          int
}

// Close ends w, after the kernel has. Closing what is closed changes nothing
// and is no error: a button pressed twice, or just as the time ran out.
// Whoever is not the box itself closes ByHand.
func (w Window) Close(how How, by people.Actor, at time.Time, t Tally) (Window, error) {
	if !by.May(people.ActCloseWindow) {
		return w, forbidden(people.ActCloseWindow)
	}
	if (how == ByHand) == (by.Role == people.System) {
		return w, text.NewFault("window.bad_end", "how", string(how))
	}
	if w.State == Closed {
		return w, nil
	}
	n, err := w.to(Closed)
	if err != nil {
		return w, err
	}
	n.How, n.Closer, n.ClosedAt = how, by, at
	n.Passed, n.Dead, n.Cut = t.Passed, t.Dead, t.Cut
	return n, nil
}

func forbidden(act people.Act) error {
	return text.NewFault("people.may_not", "act", string(act))
}

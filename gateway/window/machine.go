package window

import (
	"slices"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

// after is the whole machine: what may follow each state. A state without an
// entry is an end. From Requested only break-glass leads to Opening, and from
// Open only an extension to Open.
var after = map[State][]State{
	"":        {Requested},
	Requested: {Approved, Refused, Lapsed, Opening},
	Approved:  {Scheduled, Opening, Lapsed, NotOpened},
	Scheduled: {Opening, Lapsed, NotOpened, Refused},
	Opening:   {Open, NotOpened, Closed},
	Open:      {Open, Closed},
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
// form field it is about. An empty Kind means Inbound, an empty Length Default.
func Ask(a Window, by people.Actor, at time.Time) (Window, error) {
	if !by.May(people.ActAskWindow) {
		return a, forbidden(people.ActAskWindow)
	}
	w := Window{Kind: a.Kind, Vendor: a.Vendor, Device: a.Device, Sources: slices.Clone(a.Sources),
		Ports: slices.Clone(a.Ports), Targets: slices.Clone(a.Targets), Tool: a.Tool,
		Length: a.Length, NotBefore: a.NotBefore, Reason: a.Reason, Plan: a.Plan, Request: a.Request,
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
	alone, err := w.mayApprove(by, at, a)
	if err != nil {
		return w, err
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
	if n.Planned() && n.over().Sub(at) < MinLength {
		return w, text.NewFault("window.too_late").On("for")
	}
	n.Approver, n.ApprovedAt, n.Alone = by, at, alone
	return n, nil
}

// mayApprove says whether by may let w open, or stay open longer, and whether
// he is alone: his own recorder.
func (w Window) mayApprove(by people.Actor, at time.Time, a Answer) (alone bool, err error) {
	if !by.May(people.ActApprove) {
		return false, forbidden(people.ActApprove)
	}
	if !by.SteppedUpWithin(StepUp, at) {
		return false, text.NewFault("people.step_up").On("code")
	}
	alone = w.Recorder.Same(by)
	switch {
	case alone && !a.Alone:
		return alone, text.NewFault("window.own_request")
	case alone && !a.CalledBack:
		return alone, text.NewFault("window.call_back").On("called_back")
	}
	return alone, nil
}

// Refuse lets by refuse w, or take an approved one back before its planned
// start, with a reason that the vendor may be told.
func (w Window) Refuse(by people.Actor, at time.Time, why string) (Window, error) {
	if !by.May(people.ActApprove) {
		return w, forbidden(people.ActApprove)
	}
	why, err := sentence("answer", "window.no_answer", why)
	if err != nil {
		return w, err
	}
	n, err := w.to(Refused)
	if err != nil {
		return w, err
	}
	n.Answer, n.ClosedAt = why, at
	if w.State == Scheduled {
		n.Closer = by // who approved it stays on record
	} else {
		n.Approver = by
	}
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

// Schedule puts an approved window aside until its planned start, which it
// must have.
func (w Window) Schedule() (Window, error) {
	if !w.Planned() {
		return w, text.NewFault("window.not_now", "state", string(w.State), "to", string(Scheduled))
	}
	return w.to(Scheduled)
}

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
// here, not from when the kernel has been told; a planned window is over when
// its plan says, however late it begins.
func (w Window) Begin(s Start) (Window, error) {
	if w.State == Requested {
		return w, text.NewFault("window.not_approved")
	}
	return w.begin(s)
}

// Break (break-glass) opens a request without an approver. Only the console may; the
// window is marked, and Approver stays zero.
func (w Window) Break(by people.Actor, s Start) (Window, error) {
	return w.breakGlass(people.ActBreakGlass, by, s)
}

// SealedLength is the longest a window opened by a code on paper may be.
const SealedLength = time.Hour

// BreakSealed is Break on the page, by a code on paper that the caller has
// checked and used up; for SealedLength at most.
func (w Window) BreakSealed(by people.Actor, s Start) (Window, error) {
	if w.Length > SealedLength {
		return w, text.NewFault("window.sealed_length", "max", span(SealedLength)).On("for")
	}
	n, err := w.breakGlass(people.ActBreakSealed, by, s)
	if err != nil {
		return w, err
	}
	n.Sealed = true
	return n, nil
}

func (w Window) breakGlass(act people.Act, by people.Actor, s Start) (Window, error) {
	if !by.May(act) {
		return w, forbidden(act)
	}
	if w.State != Requested {
		return w, text.NewFault("window.not_now", "state", string(w.State), "to", string(Opening))
	}
	n, err := w.begin(s)
	if err != nil {
		return w, err
	}
	n.BreakGlass = true
	return n, nil
}

func (w Window) begin(s Start) (Window, error) {
	n, err := w.to(Opening)
	if err != nil {
		return w, err
	}
	if s.Mark == 0 || s.Mark > 65534 {
		return w, text.NewFault("window.bad_mark", "mark", s.Mark)
	}
	length, err := w.lengthAt(s)
	if err != nil {
		return w, err
	}
	n.Mark, n.BootID, n.Synced = s.Mark, s.BootID, s.Synced
	n.OpenBoot, n.EndBoot = s.Boot, s.Boot+length
	n.OpenAt, n.EndAt = s.At, s.At.Add(length)
	return n, nil
}

// lengthAt is how long w is if it begins now. Only here wall time becomes boot
// time; from then on no clock that people can set moves the end.
func (w Window) lengthAt(s Start) (time.Duration, error) {
	if !w.Planned() {
		return min(w.Length, MaxLength), nil
	}
	left := w.over().Sub(s.At)
	switch {
	case !s.Synced:
		return 0, text.NewFault("window.unsynced")
	case s.At.Before(w.NotBefore):
		return 0, text.NewFault("window.too_early")
	case left < MinLength:
		return 0, text.NewFault("window.too_late")
	}
	return min(left, MaxLength), nil
}

// Opened says that the kernel was read back and holds the window.
func (w Window) Opened() (Window, error) {
	if w.State == Open {
		return w, text.NewFault("window.not_now", "state", string(w.State), "to", string(Open))
	}
	return w.to(Open)
}

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

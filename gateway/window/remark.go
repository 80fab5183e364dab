package window

import (
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

// A Debt is a Remark that is owed after a window.
type Debt string

// The debts, by the form field each is paid in.
const (
	DebtReport Debt = "report" // the vendor's: what was done
	DebtReview Debt = "review" // the clinic's: sessions compared with the request
	DebtExcuse Debt = "excuse" // after break-glass: why it had to be
)

// Owes returns what is still missing after w. A window that never opened owes
// nothing.
func (w Window) Owes() []Debt {
	if w.State != Closed || w.OpenAt.IsZero() {
		return nil
	}
	var all []Debt
	if w.Report.IsZero() {
		all = append(all, DebtReport)
	}
	if w.Review.IsZero() {
		all = append(all, DebtReview)
	}
	if w.BreakGlass && w.Excuse.IsZero() {
		all = append(all, DebtExcuse)
	}
	return all
}

// IsZero reports whether nobody has made r.
func (r Remark) IsZero() bool { return r.At.IsZero() }

// WithReport adds what was done in w; the vendor may say it himself or have it
// written down.
func (w Window) WithReport(by people.Actor, at time.Time, said string) (Window, error) {
	r, err := w.remark(DebtReport, "window.no_report", w.Report, Remark{said, by, at})
	w.Report = r
	return w, err
}

// WithReview adds that by held the sessions of w against its request. A vendor
// never reviews.
func (w Window) WithReview(by people.Actor, at time.Time, said string) (Window, error) {
	r, err := w.remark(DebtReview, "window.no_review", w.Review, Remark{said, by, at})
	w.Review = r
	return w, err
}

// WithExcuse adds why the glass had to be broken; that may be said while the
// window is still open.
func (w Window) WithExcuse(by people.Actor, at time.Time, said string) (Window, error) {
	r, err := w.remark(DebtExcuse, "window.no_excuse", w.Excuse, Remark{said, by, at})
	w.Excuse = r
	return w, err
}

// remark returns what w has in place of have after said: have itself if
// that cannot be. A remark is made once and never changed. empty is the code of
// the fault that nothing was said.
func (w Window) remark(d Debt, empty string, have, said Remark) (Remark, error) {
	act := people.ActReview
	if d == DebtReport {
		act = people.ActReport
	}
	if !said.By.May(act) {
		return have, forbidden(act)
	}
	over := w.State == Closed || d == DebtExcuse && w.State.Holds()
	switch {
	case d == DebtExcuse && !w.BreakGlass:
		return have, text.NewFault("window.nothing_owed").On(string(d))
	case !over || w.OpenAt.IsZero():
		return have, text.NewFault("window.not_over").On(string(d))
	case !have.IsZero():
		return have, text.NewFault("window.said_already", "name", have.By.Name).On(string(d))
	}
	clean, err := sentence(string(d), empty, said.Text)
	if err != nil {
		return have, err
	}
	said.Text = clean
	return said, nil
}

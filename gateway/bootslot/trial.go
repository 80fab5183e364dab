package bootslot

import "time"

// How a trial ends: kept after so long without a fault, given up after so long.
// What is not seen for TrialGap may have been anything.
const (
	TrialWell  = 60 * time.Second
	TrialLimit = 10 * time.Minute
	TrialGap   = 15 * time.Second
)

// A Step is what a trial comes to.
type Step int

const (
	Wait Step = iota
	Keep
	GiveUp
)

// A Trial decides whether a version on trial is kept. Times are of a clock that
// is not set.
type Trial struct {
	Began time.Time
	well  time.Time // since when all was well; zero: it is not
	seen  time.Time
}

// Saw takes what was seen at now.
func (t *Trial) Saw(now time.Time, ok bool) Step {
	switch {
	case !ok:
		t.well = time.Time{}
	case t.well.IsZero() || now.Sub(t.seen) > TrialGap:
		t.well = now
	}
	t.seen = now
	switch {
	case ok && now.Sub(t.well) >= TrialWell:
		return Keep
	case now.Sub(t.Began) >= TrialLimit:
		return GiveUp
	}
	return Wait
}

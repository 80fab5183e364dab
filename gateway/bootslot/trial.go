package bootslot

import "time"

// How a trial ends: kept after so long without a fault, given up after so long,
// and in any case so long after the system started, however often the judge had
// to begin anew. What is not seen for trialGap may have been anything.
const (
	TrialWell  = 60 * time.Second
	TrialLimit = 10 * time.Minute
	TrialLast  = 20 * time.Minute // leaves a slow boot as long again as the trial
	trialGap   = 15 * time.Second
)

// A Step is what a trial comes to.
type Step int

const (
	Wait Step = iota
	Keep
	GiveUp
)

// A Trial decides whether a version on trial is kept. Times are since the
// system started, by a clock that is not set.
type Trial struct {
	Began time.Duration // of this judge
	ok    bool          // at the last look
	well  time.Duration // since when, if it is
	seen  time.Duration // last look
}

// Saw takes what was seen at now.
func (t *Trial) Saw(now time.Duration, ok bool) Step {
	if !t.ok || now-t.seen > trialGap {
		t.well = now
	}
	t.ok, t.seen = ok, now
	switch {
	case ok && now-t.well >= TrialWell:
		return Keep
	case t.Over(now):
		return GiveUp
	}
	return Wait
}

// Over says whether the time for it is.
func (t *Trial) Over(now time.Duration) bool { return now >= min(t.Began+TrialLimit, TrialLast) }

package notice

import "time"

// When a message that did not get through is tried again.
const (
	firstTry = time.Minute
	// LastPause is the longest wait between two tries.
	LastPause = 6 * time.Hour
	// GiveUpAfter is how old a message may get. A server that was away for a
	// week has been noticed by other means; what happened stands in the log.
	GiveUpAfter = 7 * 24 * time.Hour
	// minTries keeps a clock that jumps ahead from ending what was hardly
	// tried.
	minTries = 10
)

// Backoff is how long to wait after so many failed tries: a minute, then twice
// as long each time, at most LastPause.
func Backoff(tries int) time.Duration {
	d := firstTry
	for range tries - 1 {
		if d *= 2; d >= LastPause {
			return LastPause
		}
	}
	return d
}

// GivesUp says whether m, which has just failed once more, is not worth
// another try.
func GivesUp(m Message, now time.Time) bool {
	return m.Tries >= minTries && now.Sub(m.At) >= GiveUpAfter
}

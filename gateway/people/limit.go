package people

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often somebody may try: first the free tries, then one per interval.
// Measured against 3 right codes in 10⁶ (six digits, three steps): at one try
// per 30 s a day of guessing finds the second factor with under 1 %.
const (
	pairFree, pairEvery       = 5, 30 * time.Second // one account from one source
	sourceFree, sourceEvery   = 20, 10 * time.Second
	accountFree, accountEvery = 30, 10 * time.Second
	// maxTracked bounds the memory an attacker with many addresses can take.
	maxTracked = 10_000
)

// A Limiter slows guessing down: per account and source, per source, and per
// account over all sources. It never locks: who waits as long as it says may
// try again, and a refused try does not lengthen the wait. A source from
// which an account has signed in before does not feel what others do to that
// account, so that nobody can keep the director out from elsewhere.
// It may be used by many goroutines; nothing of it outlives the process.
type Limiter struct {
	mu    sync.Mutex
	by    map[key]*rate.Limiter
	good  map[key]bool
	swept time.Time
}

// A key has an empty part where it stands for all. An attempt without an
// account, as by a set-up code, is a pair of its own all the same.
type key struct {
	account, source string
	pair            bool
}

// NewLimiter returns a Limiter without a past.
func NewLimiter() *Limiter {
	return &Limiter{by: map[key]*rate.Limiter{}, good: map[key]bool{}}
}

// Try asks for one attempt on account (a name as typed) from source (an
// address; of IPv6 the /64). It returns 0 if the attempt may be checked, else
// how long to wait first; then nothing may be checked.
func (l *Limiter) Try(account, source string, now time.Time) time.Duration {
	account = Key(account)
	l.mu.Lock()
	defer l.mu.Unlock()
	pair := key{account, source, true}
	buckets := []*rate.Limiter{
		l.bucket(pair, pairFree, pairEvery, now),
		l.bucket(key{source: source}, sourceFree, sourceEvery, now),
	}
	if !l.good[pair] {
		buckets = append(buckets, l.bucket(key{account: account}, accountFree, accountEvery, now))
	}
	var wait time.Duration
	for _, b := range buckets {
		if missing := 1 - b.TokensAt(now); missing > 0 {
			wait = max(wait, time.Duration(missing/float64(b.Limit())*float64(time.Second)))
		}
	}
	if wait == 0 {
		for _, b := range buckets {
			b.AllowN(now, 1)
		}
	}
	return wait
}

// Good tells that account signed in fully from source: its tries there count
// anew.
func (l *Limiter) Good(account, source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pair := key{Key(account), source, true}
	delete(l.by, pair)
	if len(l.good) < maxTracked {
		l.good[pair] = true
	}
}

// bucket finds or makes the bucket of k. When too many are kept, the full
// ones go, which say no more than a new one; if all are in use, everything
// shares one, so that many sources together are no faster.
func (l *Limiter) bucket(k key, free int, every time.Duration, now time.Time) *rate.Limiter {
	if b := l.by[k]; b != nil {
		return b
	}
	// Looking through all is dear, and in a flood mostly in vain.
	if len(l.by) >= maxTracked && now.Sub(l.swept).Abs() > time.Second {
		l.swept = now
		for k, b := range l.by {
			if b.TokensAt(now) >= float64(b.Burst()) {
				delete(l.by, k)
			}
		}
	}
	if len(l.by) >= maxTracked {
		k = key{pair: true}
		if b := l.by[k]; b != nil {
			return b
		}
	}
	b := rate.NewLimiter(rate.Every(every), free)
	l.by[k] = b
	return b
}

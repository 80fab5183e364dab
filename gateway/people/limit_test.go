package people_test

import (
	"fmt"
	"testing"
	"time"

	"monban/gateway/people"
)

var noon = time.Unix(1_800_000_000, 0)

// tries counts how many attempts get through in d when somebody tries every
// second.
func tries(l *people.Limiter, account, source func(i int) string, from time.Time, d time.Duration) (n int) {
	for i := range int(d / time.Second) {
		if l.Try(account(i), source(i), from.Add(time.Duration(i)*time.Second)) == 0 {
			n++
		}
	}
	return n
}

func is(s string) func(int) string { return func(int) string { return s } }

func each(f string) func(int) string { return func(i int) string { return fmt.Sprintf(f, i) } }

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name            string
		account, source func(int) string
		most            int // in an hour
	}{
		{"one account, one source", is("院長"), is("192.168.0.9"), 5 + 120},
		{"one account, many sources", is("院長"), each("fd00::%d"), 30 + 360},
		{"many accounts, one source", each("p%d"), is("192.168.0.9"), 20 + 360},
	} {
		if n := tries(people.NewLimiter(), c.account, c.source, noon, time.Hour); n > c.most || n < c.most/2 {
			t.Errorf("%s: %d tries in an hour, want about %d", c.name, n, c.most)
		}
	}
}

func TestNobodyIsLockedOut(t *testing.T) {
	l := people.NewLimiter()
	l.Try("院長", "192.168.0.2", noon)
	l.Good("院長", "192.168.0.2")
	tries(l, is("院長"), each("fd00::%d"), noon, time.Hour) // the account's own bucket is empty now
	after := noon.Add(time.Hour - time.Second)
	if wait := l.Try("院長", "192.168.0.2", after); wait != 0 {
		t.Errorf("the director's own PC waits %v", wait)
	}
	l.Try("院長", "192.168.0.3", after)
	wait := l.Try("院長", "192.168.0.3", after)
	if wait <= 0 || wait > time.Minute {
		t.Errorf("another PC waits %v", wait)
	}
	if again := l.Try("院長", "192.168.0.3", after); again > wait {
		t.Errorf("asking lengthened the wait from %v to %v", wait, again)
	}
	if wait := l.Try("院長", "192.168.0.3", after.Add(wait)); wait != 0 {
		t.Errorf("after the wait still %v", wait)
	}
}

// Memory is bounded, and who has more sources than fit is not faster for it.
func TestManySources(t *testing.T) {
	l := people.NewLimiter()
	n := 0
	for i := range 60_000 {
		if l.Try(fmt.Sprint("p", i), fmt.Sprint("fd00::", i), noon) == 0 {
			n++
		}
	}
	if n > 10_000 {
		t.Errorf("%d tries at one moment", n)
	}
	if wait := l.Try("院長", "192.168.0.2", noon.Add(10*time.Minute)); wait != 0 {
		t.Errorf("ten minutes later still %v", wait)
	}
}

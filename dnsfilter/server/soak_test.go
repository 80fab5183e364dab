package server

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
)

const (
	soakListed  = 5_000
	soakWeights = 30 // after as many equal parts
	soakClients = 4
)

// A day of questions in minutes: what the server takes does not grow, it leaves
// no goroutine and no socket behind, and loses no question. The list is made
// anew all the time and the record of questions is written. MONBAN_SOAK says how
// many questions; 1 is the twenty million of make soak.
func TestSoak(t *testing.T) {
	total := 200_000
	if testing.Short() {
		total = 40_000
	}
	if s := os.Getenv("MONBAN_SOAK"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n != 1 && n < total {
			t.Fatalf("MONBAN_SOAK is 1 or a number of questions from %d on, not %q", total, s)
		}
		if total = n; n == 1 {
			total = 20_000_000
		}
	}
	dir := t.TempDir()
	log, err := querylog.Open(querylog.Options{Dir: dir, MaxBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	written := make(chan error, 1)
	go func() { written <- log.Run(ctx, querylog.Sink{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-written; err != nil {
			t.Error(err)
		}
	})
	s, addr := startWith(t, Options{Upstream: everything{}, Cache: 1 << 20, Log: log}, soakPolicy(t, 0))
	var mixers []*mixer
	for i := range soakClients {
		m := newMixer(t, addr, uint64(i+1))
		defer m.conn.Close()
		mixers = append(mixers, m)
	}
	// What grows only once is there before the weighing begins.
	soakPart(t, mixers, total/10)
	var all []weight
	began := time.Now()
	for part := range soakWeights {
		s.Set(soakPolicy(t, part+1))
		soakPart(t, mixers, total*9/10/soakWeights)
		waitFor(t, func() bool { return s.waiting.size() == 0 })
		debug.FreeOSMemory()
		w := weigh(t)
		// The crew at rest is bounded, and as large as the most that was ever asked
		// outside at a time: a busy machine makes it larger late.
		w.goroutines -= int(s.resting.Load())
		all = append(all, w)
	}
	took := time.Since(began)
	answered, lost, wrong := 0, 0, 0
	for _, m := range mixers {
		answered, lost, wrong = answered+m.answered, lost+m.lost, wrong+m.wrong
		if m.wrong > 0 {
			t.Errorf("a wrong answer, %s", m.said)
		}
	}
	st := s.Stats()
	if lost > answered/100_000 || wrong > 0 || st.Panics > 0 || st.Overload > 0 {
		t.Errorf("of %d questions %d lost, %d answered wrongly; %+v", answered+lost, lost, wrong, st)
	}
	first, last := all[0], all[len(all)-1]
	heap, rss := growth(all, func(w weight) float64 { return w.heap }), growth(all, func(w weight) float64 { return w.rss })
	t.Logf("%d questions answered in %v, %d lost; heap %.1f to %.1f MiB (%+.2f), RSS %.1f to %.1f MiB (%+.2f), goroutines %d to %d, files %d to %d",
		answered, took.Round(time.Second/10), lost, first.heap, last.heap, heap, first.rss, last.rss, rss, first.goroutines, last.goroutines, first.fds, last.fds)
	// A leak of one byte a question would be 19 MiB after twenty million.
	if heap > 4 || rss > 12 {
		t.Errorf("it grows: heap by %.2f MiB, RSS by %.2f MiB\n%s", heap, rss, weights(all))
	}
	// The record opens a file when it first has something to write.
	if last.goroutines > first.goroutines+2 || last.fds > first.fds+1 {
		t.Errorf("something is left behind:\n%s", weights(all))
	}
}

func weights(all []weight) (s string) {
	for i, w := range all {
		s += fmt.Sprintf("%d: heap %.2f, RSS %.2f, %d goroutines, %d files\n", i, w.heap, w.rss, w.goroutines, w.fds)
	}
	return s
}

// soakPart has the clients ask n questions in all, side by side.
func soakPart(t *testing.T, mixers []*mixer, n int) {
	t.Helper()
	var done sync.WaitGroup
	for _, m := range mixers {
		done.Go(func() {
			if err := m.run(n / len(mixers)); err != nil {
				t.Errorf("asking: %v", err)
			}
		})
	}
	done.Wait()
}

// soakPolicy refuses the same names each time by another list.
func soakPolicy(t *testing.T, round int) *dnsfilter.Policy {
	t.Helper()
	names := make([]string, 0, soakListed+1)
	for i := range soakListed {
		names = append(names, fmt.Sprintf("ads%d.mix.example", i))
	}
	return policy(t, append(names, fmt.Sprintf("round%d.mix.example", round))...)
}

package run_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"monban/gateway/run"
)

func TestFirstErrorStopsAll(t *testing.T) {
	g, _ := run.NewGroup(t.Context())
	g.Go("waiter", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	g.Go("broken", func(context.Context) error { return errors.New("it broke") })
	if err := g.Wait(); err == nil || err.Error() != "broken: it broke" {
		t.Errorf("got %v", err)
	}
}

func TestPanicIsAnError(t *testing.T) {
	g, _ := run.NewGroup(t.Context())
	g.Go("careless", func(context.Context) error { panic("no such thing") })
	err := g.Wait()
	if err == nil || !strings.Contains(err.Error(), "careless: panic: no such thing") || !strings.Contains(err.Error(), "run_test.go") {
		t.Errorf("got %v", err)
	}
}

// A task that may come back does, whatever its error, with a growing pause; it
// ends no other task.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var tries atomic.Int32
		var pauses []time.Duration
		done := make(chan error)
		go func() {
			done <- run.Tasks(ctx, func(_ string, in time.Duration, _ error) { pauses = append(pauses, in) },
				run.Task{Name: "weak", Restart: true, Run: func(context.Context) error {
					tries.Add(1)
					panic("again")
				}},
				run.Task{Name: "steady", Run: func(ctx context.Context) error { <-ctx.Done(); return nil }})
		}()
		time.Sleep(3 * time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Errorf("ended with %v", err)
		}
		if n := tries.Load(); n < 8 || n > 12 {
			t.Errorf("%d tries in three minutes", n)
		}
		for i := 1; i < len(pauses); i++ {
			if pauses[i] < pauses[i-1] || pauses[i] > time.Minute {
				t.Errorf("pauses %v", pauses)
				break
			}
		}
	})
}

func TestTaskThatMayNotComeBackEndsAll(t *testing.T) {
	err := run.Tasks(t.Context(), nil, run.Task{Name: "guard", Run: func(context.Context) error { return errors.New("gone") }},
		run.Task{Name: "other", Restart: true, Run: func(ctx context.Context) error { <-ctx.Done(); return nil }})
	if err == nil || err.Error() != "guard: gone" {
		t.Errorf("got %v", err)
	}
}

// Package run starts every goroutine of the product and waits for it.
//
// It knows nothing of what runs. A panic in a task becomes its error, so that
// one broken task is restarted or named instead of ending the process.
package run

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Group is a set of goroutines that live and end together.
type Group struct {
	g   *errgroup.Group
	ctx context.Context
}

// NewGroup returns a Group and the context its members get; the first member
// to fail cancels it.
func NewGroup(ctx context.Context) (*Group, context.Context) {
	g, ctx := errgroup.WithContext(ctx)
	return &Group{g, ctx}, ctx
}

// Go starts f. An error of f is wrapped with name, and does not count once
// the group was told to stop.
func (g *Group) Go(name string, f func(context.Context) error) {
	g.g.Go(func() error {
		if err := guarded(g.ctx, f); err != nil && g.ctx.Err() == nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

// Wait waits for all members and returns the first error.
func (g *Group) Wait() error { return g.g.Wait() }

// A Task is a part of the daemon that runs as long as the daemon does.
type Task struct {
	Name string                      // required
	Run  func(context.Context) error // required; nil after cancellation
	// Restart says that the task may come back after an error or a panic,
	// with a growing pause; otherwise its error ends the daemon.
	Restart bool
}

// Tasks runs all tasks until ctx ends or one that may not restart fails.
// restarted is told of each restart before the pause; it may be nil.
func Tasks(ctx context.Context, restarted func(name string, in time.Duration, err error), tasks ...Task) error {
	g, _ := NewGroup(ctx)
	for _, t := range tasks {
		g.Go(t.Name, func(ctx context.Context) error {
			if !t.Restart {
				return t.Run(ctx)
			}
			return again(ctx, t, restarted)
		})
	}
	return g.Wait()
}

// The pause between restarts doubles from first to last; a task that ran
// longer than last begins anew.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = time.Minute
)

func again(ctx context.Context, t Task, restarted func(string, time.Duration, error)) error {
	pause := firstPause
	for {
		began := time.Now()
		err := guarded(ctx, t.Run)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > lastPause {
			pause = firstPause
		}
		if restarted != nil {
			restarted(t.Name, pause, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// guarded runs f and turns a panic into an error with its stack.
func guarded(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f(ctx)
}

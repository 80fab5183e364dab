package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Ready is told only when the rules were read back; a kernel that refuses them
// keeps the box from being ready, and does not end it.
func TestReadyComesAfterTheRules(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxIn(t, dir)
		b.fw.fail["Apply"] = errors.New("no such kernel")
		ready := make(chan struct{})
		b.o.Ready = func() { close(ready) }
		g, err := New(b.o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		select {
		case <-ready:
			t.Error("ready without rules")
		case err := <-done:
			t.Fatalf("the gateway ended: %v", err)
		default:
		}
		b.fw.set(func() { delete(b.fw.fail, "Apply") })
		time.Sleep(2 * reconcileEvery)
		synctest.Wait()
		select {
		case <-ready:
		default:
			t.Error("not ready although the kernel holds the rules")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

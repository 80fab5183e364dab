package gateway

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"monban/gateway/store"
	"monban/gateway/window"
)

// alive runs the whole gateway in a bubble of its own time.
func alive(t *testing.T, f func(t *testing.T, b *box)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxIn(t, dir)
		began := time.Now()
		b.o.Clock.Wall = func() time.Time { return time.Now().UTC() }
		b.o.Clock.Boot = func() time.Duration { return time.Since(began) + time.Hour }
		b.fw.boot = b.o.Clock.Boot
		var beats atomic.Int64
		b.o.Beat = func() { beats.Add(1) }
		ready := false
		b.o.Ready = func() { ready = true }
		var err error
		if b.Gateway, err = New(b.o); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		synctest.Wait()
		if !ready || b.fw.called("Apply") != 1 {
			t.Errorf("ready %v after %d rulesets", ready, b.fw.called("Apply"))
		}
		b.seen(rececom, "192.168.10.31")
		f(t, b)
		before := beats.Load()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := beats.Load() - before; n < 12 {
			t.Errorf("%d beats of the watchdog in a minute", n)
		}
		rules := b.fw.rules
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if b.fw.rules != rules || rules == "" {
			t.Error("the rules did not stay")
		}
	})
}

// By itself: a window ends on record within a blink of its time, foreign
// changes are put right, a new site.toml is taken up, new devices are stored.
func TestRunKeepsWindows(t *testing.T) {
	alive(t, func(t *testing.T, b *box) {
		w := b.opened(20*time.Second, 3389)
		time.Sleep(20*time.Second - time.Millisecond)
		b.on(w.ID, window.Open, "")
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		b.on(w.ID, window.Closed, window.RanOut)
	})
}

func TestRunRepairs(t *testing.T) {
	alive(t, func(t *testing.T, b *box) {
		time.Sleep(time.Second)
		synctest.Wait()
		want := b.fw.rules
		applied := b.fw.called("Apply")
		b.fw.set(func() { b.fw.rules = "flushed" })
		time.Sleep(compareEvery + reconcileEvery)
		synctest.Wait()
		if b.fw.rules != want || b.fw.called("Apply") != applied+1 {
			t.Errorf("%d rulesets; the kernel holds %.30s", b.fw.called("Apply"), b.fw.rules)
		}
		if n := b.lines("rules.foreign"); n != 1 {
			t.Errorf("%d lines say so", n)
		}
	})
}

func TestRunFollowsFiles(t *testing.T) {
	alive(t, func(t *testing.T, b *box) {
		w := b.opened(time.Hour, 3389)
		b.edit(`"198.51.100.8/29", `, "", `to = "198.51.100.10"`, `to = "2001:db8:0:2::10"`)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		b.on(w.ID, window.Closed, window.Revoked)
		if strings.Contains(b.fw.rules, "198.51.100.8") {
			t.Error("the old range is in the rules")
		}
		b.write("lists/lab.hosts", "0.0.0.0 one.example\n0.0.0.0 two.example\n")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if s, err := b.Status(t.Context()); err != nil || s.DNS.Names != 2 {
			t.Error(s.DNS, err)
		}
	})
}

func TestRunStoresDevices(t *testing.T) {
	alive(t, func(t *testing.T, b *box) {
		b.seen(stranger, "192.168.10.200")
		time.Sleep(time.Second)
		synctest.Wait()
		kept, err := b.db().Devices(t.Context())
		if err != nil || len(kept) != 6 {
			t.Errorf("%d devices on disk, %v", len(kept), err)
		}
	})
}

// A database that cannot be used at the start is tried again; guarding does
// not wait for it.
func TestRunWithoutDatabase(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxIn(t, dir)
		good := b.o.Store
		var broken atomic.Bool
		broken.Store(true)
		var count atomic.Int64
		b.o.Store = func() (*store.DB, error) {
			if count.Add(1); broken.Load() {
				return noStore()
			}
			return good()
		}
		ready := false
		b.o.Ready = func() { ready = true }
		var err error
		if b.Gateway, err = New(b.o); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		synctest.Wait()
		if !ready || b.fw.rules == "" || b.db() != nil {
			t.Error("guarding waits for the database")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if count.Load() < 3 {
			t.Error("not tried again")
		}
		broken.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if b.db() == nil {
			t.Error("not opened when it could be")
		} else if b.lines("box.started.guarding") != 1 {
			t.Error("the start is not on record")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

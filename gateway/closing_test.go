package gateway

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/window"
)

// stall keeps the disk busy until free is called.
func (b *box) stall() (free func()) {
	b.t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = b.db().Act(context.Background(), people.Box, b.stamp(), func(tx *store.Tx) error {
			close(held)
			<-release
			return tx.Audit("rules.foreign", nil)
		})
	})
	<-held
	return sync.OnceFunc(func() { close(release); wg.Wait() })
}

// soon waits until something is so, and says whether it was in time.
func soon(within time.Duration, so func() bool) bool {
	for end := time.Now().Add(within); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// acting says whether somebody is at an act on a window.
func (b *box) acting() bool {
	if b.acts.TryLock() {
		b.acts.Unlock()
		return false
	}
	return true
}

// Whatever another act on a window waits for, closing reaches the kernel at
// once, and what that act wanted does not undo it.
func TestClosingWaitsForNoDisk(t *testing.T) {
	for what, act := range map[string]func(b *box, open, other int64) error{
		"refuse": func(b *box, _, other int64) error {
			return second(b.RefuseWindow(b.t.Context(), b.director(), other, "いいえ"))
		},
		"extend": func(b *box, open, _ int64) error {
			return second(b.ExtendWindow(b.t.Context(), b.director(), open, time.Hour, false))
		},
		"approve": func(b *box, _, other int64) error {
			return second(b.ApproveWindow(b.t.Context(), b.director(), other, 0, false))
		},
		"excuse": func(b *box, open, _ int64) error {
			return second(b.ExcuseWindow(b.t.Context(), b.director(), open, "電話で確認"))
		},
	} {
		for by, closing := range map[string]func(b *box, open int64) error{
			"close":     func(b *box, open int64) error { return second(b.CloseWindow(b.t.Context(), staff, open)) },
			"close all": func(b *box, _ int64) error { return second(b.CloseAll(b.t.Context(), staff)) },
		} {
			t.Run(what+", "+by, func(t *testing.T) {
				b := running(t)
				asked, err := b.AskWindow(t.Context(), staff, want(time.Hour, 104))
				if err != nil {
					t.Fatal(err)
				}
				w, err := b.BreakGlass(t.Context(), console, want(time.Hour, 3389))
				if err != nil {
					t.Fatal(err)
				}
				b.fw.set(func() { b.fw.flows = []firewall.Flow{flow(w)} })
				free := b.stall()
				defer free()
				var wg sync.WaitGroup
				wg.Go(func() { _ = act(b, w.ID, asked.ID) })
				if !soon(10*time.Second, b.acting) {
					t.Fatal("the other act does not begin")
				}
				start := time.Now()
				wg.Go(func() {
					if err := closing(b, w.ID); err != nil {
						t.Error(err)
					}
				})
				if !soon(2*time.Second, func() bool { return len(b.fw.marks()) == 0 }) {
					t.Error("open in the kernel while the disk stands still")
				}
				t.Logf("closed in the kernel after %v", time.Since(start))
				b.time.pass(time.Minute)
				free()
				wg.Wait()
				b.keepOnce(t.Context())
				b.keepOnce(t.Context())
				if got := b.on(w.ID, window.Closed, window.ByHand); got.Closer.Name != staff.Name || got.Cut != 1 || !got.ClosedAt.Equal(noon) {
					t.Errorf("closed by %s at %v, %d cut", got.Closer.Name, got.ClosedAt, got.Cut)
				}
				if by == "close all" || what != "approve" {
					if m := b.fw.marks(); len(m) != 0 {
						t.Errorf("the kernel has %v again", m)
					}
				}
				b.agreed()
			})
		}
	}
}

// agreed checks that nothing is left to close, and that what the kernel holds
// is what is on record.
func (b *box) agreed() {
	b.t.Helper()
	if len(b.closing) != 0 {
		b.t.Errorf("still wanted closed: %v", b.closing)
	}
	all, err := b.db().Windows(b.t.Context(), store.Filter{States: []window.State{window.Opening, window.Open}})
	if err != nil {
		b.t.Fatal(err)
	}
	var on []firewall.Mark
	for _, w := range all {
		on = append(on, firewall.Mark(w.Mark))
	}
	slices.Sort(on)
	if held := b.fw.marks(); !slices.Equal(on, held) || len(b.open()) != len(on) {
		b.t.Errorf("on record are %v, in the kernel %v, remembered %d", on, held, len(b.open()))
	}
}

// A window that is closed while its opening is put on record is not opened.
func TestClosedWhileOpening(t *testing.T) {
	for by, closing := range map[string]func(b *box, id int64) (int, error){
		"close": func(b *box, id int64) (int, error) {
			w, err := b.CloseWindow(b.t.Context(), staff, id)
			if w.State != window.Closed {
				b.t.Error("after closing it is", w.State)
			}
			return 1, err
		},
		"close all": func(b *box, _ int64) (int, error) { return b.CloseAll(b.t.Context(), staff) },
	} {
		t.Run(by, func(t *testing.T) {
			b := running(t)
			w, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
			if err != nil {
				t.Fatal(err)
			}
			free := b.stall()
			defer free()
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false)
				fails(t, err, "window.not_now")
			})
			if !soon(10*time.Second, b.acting) {
				t.Fatal("no opening begins")
			}
			wg.Go(func() {
				if n, err := closing(b, w.ID); n != 1 || err != nil {
					t.Error(n, err)
				}
			})
			said := func() bool {
				b.gate.Lock()
				defer b.gate.Unlock()
				return b.stop != nil || len(b.closing) > 0
			}
			if !soon(10*time.Second, said) {
				t.Fatal("nobody wants it closed")
			}
			free()
			wg.Wait()
			b.keepOnce(t.Context())
			if got := b.on(w.ID, window.Closed, window.ByHand); got.Closer.Name != staff.Name || got.Approver.Name == "" {
				t.Errorf("closed by %q, approved by %q", got.Closer.Name, got.Approver.Name)
			}
			if b.fw.called("OpenWindow") != 0 {
				t.Error("the kernel was asked to open it")
			}
			b.agreed()
			// The wish was for then, not for ever.
			b.opened(time.Hour, 3389)
			b.agreed()
		})
	}
}

// Everything is closed while the windows of an earlier daemon are taken over:
// none comes back.
func TestClosedWhileAdopting(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.kill()
	between := &betweenLive{fakeKernel: b.fw}
	b.o.Firewall = between
	between.then = func() {
		between.then = nil
		b.Gateway.gate.Lock() // as CloseAll does, which goes on to wait for the record
		b.stop = &stop{who: staff}
		_, err := b.closeStrays()
		b.gate.Unlock()
		if err != nil {
			t.Error(err)
		}
	}
	b.start()
	b.seen(rececom, "192.168.10.31", "2001:db8:10::31")
	b.keepOnce(t.Context())
	b.on(w.ID, window.Closed, window.ByHand)
	if b.fw.called("OpenWindow") != 1 {
		t.Error("it was given back")
	}
	b.agreed()
}

// betweenLive does something after the open windows were read.
type betweenLive struct {
	*fakeKernel
	then func()
}

func (k *betweenLive) Live() ([]kernel.Live, error) {
	l, err := k.fakeKernel.Live()
	if k.then != nil {
		k.then()
	}
	return l, err
}

// onceClosed is a kernel that knows which windows it was told to close.
type onceClosed struct {
	*fakeKernel
	mu     sync.Mutex
	closed map[firewall.Mark]bool
	again  []firewall.Mark
}

func (k *onceClosed) OpenWindow(o firewall.Opening) (kernel.Live, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed[o.Mark] {
		k.again = append(k.again, o.Mark)
	}
	return k.fakeKernel.OpenWindow(o)
}

func (k *onceClosed) CloseWindow(m firewall.Mark) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed[m] = true
	return k.fakeKernel.CloseWindow(m)
}

// However opening, extending, closing and the keeper fall together: what was
// closed is not opened again, and kernel and record agree.
func TestClosingAmongOthers(t *testing.T) {
	b := newBox(t)
	k := &onceClosed{fakeKernel: b.fw, closed: map[firewall.Mark]bool{}}
	b.o.Firewall = k
	b.start()
	b.seen(rececom, "192.168.10.31", "2001:db8:10::31")
	ctx := t.Context()
	var wg sync.WaitGroup
	var last sync.Map // of the open windows, by port
	for i := range 4 {
		port := uint16(3389 + i)
		wg.Go(func() {
			for range 12 {
				if w, err := b.BreakGlass(ctx, console, want(time.Hour, port)); err == nil {
					last.Store(port, w.ID)
					_, _ = b.ExtendWindow(ctx, b.director(), w.ID, time.Hour, false)
				}
			}
		})
		wg.Go(func() {
			for range 12 {
				if id, ok := last.Load(port); ok {
					_, _ = b.CloseWindow(ctx, staff, id.(int64))
				}
				time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		for range 10 {
			if _, err := b.CloseAll(ctx, staff); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
		}
	})
	wg.Go(func() {
		for range 30 {
			b.settleAll(ctx)
		}
	})
	wg.Wait()
	b.keepOnce(ctx)
	if len(k.again) > 0 {
		t.Errorf("opened again after they were closed: %v", k.again)
	}
	b.agreed()
	if _, err := b.CloseAll(ctx, staff); err != nil || len(b.fw.marks()) != 0 {
		t.Error("not all closed:", b.fw.marks(), err)
	}
	b.agreed()
}

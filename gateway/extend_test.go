package gateway

import (
	"errors"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/window"
)

// An extension is a new approval and moves the end in the kernel, never beyond
// eight hours from the opening.
func TestExtend(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	_, err := b.ExtendWindow(t.Context(), staff, w.ID, time.Hour, false)
	fails(t, err, "people.may_not")
	tired := b.director()
	tired.SteppedUp = time.Time{}
	_, err = b.ExtendWindow(t.Context(), tired, w.ID, time.Hour, false)
	fails(t, err, "people.step_up")
	b.time.pass(30 * time.Minute)
	got, err := b.ExtendWindow(t.Context(), b.director(), w.ID, 2*time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	if got.Left != 150*time.Minute || b.left(w) != got.Left {
		t.Errorf("%v left on record, %v in the kernel", got.Left, b.left(w))
	}
	_, err = b.ExtendWindow(t.Context(), b.director(), w.ID, 6*time.Hour, false)
	fails(t, err, "window.extend_limit")
	if on := b.on(w.ID, window.Open, ""); len(on.Extensions) != 1 || b.lines("window.extended") != 1 {
		t.Errorf("on record: %+v", on.Extensions)
	}
	b.time.pass(151 * time.Minute)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Closed, window.RanOut)
	_, err = b.ExtendWindow(t.Context(), b.director(), w.ID, time.Hour, false)
	fails(t, err, "window.not_now")
}

// left is what the kernel has left of a window.
func (b *box) left(w Window) time.Duration {
	b.fw.mu.Lock()
	defer b.fw.mu.Unlock()
	return b.fw.live[firewall.Mark(w.Mark)].end - b.o.Clock.Boot()
}

// The kernel refuses: the extension is taken back, the window goes on.
func TestExtendRefusedByTheKernel(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.fw.fail["ExtendWindow"] = errors.New("no memory")
	_, err := b.ExtendWindow(t.Context(), b.director(), w.ID, time.Hour, false)
	fails(t, err, "window.kernel")
	if on := b.on(w.ID, window.Open, ""); len(on.Extensions) != 0 || on.EndBoot-on.OpenBoot != time.Hour {
		t.Errorf("on record: %+v, %v", on.Extensions, on.EndBoot-on.OpenBoot)
	}
	b.time.pass(time.Hour + time.Second)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Closed, window.RanOut)
}

// Killed between record and kernel: the keeper carries out what was approved.
func TestExtensionSurvivesACrash(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	if _, err := b.ExtendWindow(t.Context(), b.director(), w.ID, time.Hour, false); err != nil {
		t.Fatal(err)
	}
	b.fw.mu.Lock()
	m := firewall.Mark(w.Mark)
	l := b.fw.live[m]
	l.end -= time.Hour // as if the kernel had not heard of it
	b.fw.live[m] = l
	b.fw.mu.Unlock()
	b.kill().start()
	b.seen(rececom, "192.168.10.31", "fdc1:1c:10::31", "2001:db8:10::31")
	b.keepOnce(t.Context())
	if left := b.left(w); left < 2*time.Hour-time.Minute {
		t.Errorf("%v left in the kernel", left)
	}
}

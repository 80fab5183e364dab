package gateway

import (
	"slices"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/window"
)

// stopped is what kill -9 in the middle of opening leaves: the record says
// opening; the kernel was asked or was not.
func stopped(t *testing.T, reached bool) (*box, int64, firewall.Mark) {
	b := running(t)
	w, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
	if err != nil {
		t.Fatal(err)
	}
	b.fw.onOpen = func() { panic("kill -9") }
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("the kernel was not asked")
			}
		}()
		b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false)
	}()
	b.fw.onOpen = nil
	on := b.on(w.ID, window.Opening, "")
	m := firewall.Mark(on.Mark)
	if reached {
		d, _ := b.deviceByID(on.Device)
		if _, err := b.fw.OpenWindow(firewall.Opening{Mark: m, For: on.Length, Passes: passes(on, b.onLAN(d))}); err != nil {
			t.Fatal(err)
		}
	}
	return b.kill(), w.ID, m
}

func TestCrashAfterKernel(t *testing.T) {
	b, id, m := stopped(t, true)
	b.time.pass(time.Minute)
	b.start()
	b.on(id, window.Open, "")
	if b.lines("window.adopted") != 1 || !slices.Equal(b.fw.marks(), []firewall.Mark{m}) {
		t.Error("not adopted")
	}
	w, err := b.WindowByID(t.Context(), staff, id)
	if err != nil || w.Left != 59*time.Minute {
		t.Errorf("left %v, %v: the deadline moved", w.Left, err)
	}
	if _, err := b.CloseWindow(t.Context(), staff, id); err != nil || len(b.fw.marks()) != 0 {
		t.Error("an adopted window cannot be closed:", err)
	}
}

func TestCrashBeforeKernel(t *testing.T) {
	b, id, _ := stopped(t, false)
	b.start()
	b.on(id, window.NotOpened, "")
	if b.lines("window.not_opened") != 1 || b.fw.called("OpenWindow") != 0 {
		t.Error("what never opened was opened by a restart, or is not on record")
	}
}

// A daemon that was dead when the time ran out still records the end, with the
// counts the kernel kept.
func TestRanOutWhileDead(t *testing.T) {
	b := running(t)
	w := b.opened(20*time.Second, 3389)
	b.kill()
	b.fw.counts.Passed[firewall.Mark(w.Mark)] = firewall.Count{Packets: 5, Bytes: 500}
	b.time.pass(time.Hour)
	b.start()
	if got := b.on(w.ID, window.Closed, window.RanOut); got.Passed.Bytes != 500 || !got.ClosedAt.Equal(w.EndAt) {
		t.Errorf("%+v", got)
	}
}

// A killed daemon's window lives on with the rest of its time.
func TestLivesOn(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.kill()
	b.time.pass(30 * time.Minute)
	b.start()
	b.on(w.ID, window.Open, "")
	if b.fw.called("OpenWindow") != 1 || b.lines("window.adopted") != 0 {
		t.Error("a living window was touched")
	}
	s, err := b.Status(t.Context())
	if err != nil || len(s.Open) != 1 || s.Open[0].Left != 30*time.Minute {
		t.Errorf("%+v, %v", s.Open, err)
	}
}

// After a restart of the machine nothing is restored, and another boot's
// counters are not taken for this window's.
func TestOtherBoot(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.kill()
	m := firewall.Mark(w.Mark)
	clear(b.fw.live)
	b.fw.counts.Passed[m] = firewall.Count{Packets: 9, Bytes: 900}
	b.o.BootID = "boot-2"
	b.start()
	if got := b.on(w.ID, window.Closed, window.Restart); got.Passed.Packets != 0 {
		t.Errorf("took %+v", got.Passed)
	}
	if b.fw.called("OpenWindow") != 1 || len(b.fw.marks()) != 0 {
		t.Error("a restart opened something")
	}
	if b.lines("window.ended.restart") != 1 {
		t.Error("the end is not on record")
	}
}

// What lives in the kernel and nobody has on record is closed; the self-test's
// own window is left alone.
func TestUnknownLive(t *testing.T) {
	b := newBox(t)
	b.fw.live[77] = fakeLive{end: 10 * time.Hour}
	b.fw.live[firewall.Canary] = fakeLive{end: 10 * time.Hour}
	b.start()
	if got := b.fw.marks(); !slices.Equal(got, []firewall.Mark{firewall.Canary}) {
		t.Errorf("the kernel holds %v", got)
	}
	if b.lines("window.unknown_closed") != 1 {
		t.Error("not on record")
	}
}

// Without a database nothing is opened and what is open ends by itself; when
// it comes back, the record catches up.
func TestDatabaseLate(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	b.kill()
	good := b.o.Store
	b.o.Store = noStore
	b.start()
	if b.fw.called("CloseWindow") != 0 || len(b.fw.marks()) != 1 {
		t.Error("a broken database closed a window")
	}
	if _, ok := b.note("store.not_a_database"); !ok {
		t.Error("no note says so")
	}
	_, err := b.AskWindow(t.Context(), staff, want(time.Hour, 104))
	fails(t, err, "store.not_a_database")
	b.seen(ehr, "192.168.10.32") // seen meanwhile
	b.Gateway.o.Store = good
	b.openStore(t.Context())
	b.adopt(t.Context())
	b.writeLate(t.Context())
	b.on(w.ID, window.Open, "")
	if _, ok := b.note("store.not_a_database"); ok {
		t.Error("the trouble is over, the note is not")
	}
	if b.lines("box.started.guarding") != 2 {
		t.Error("the start without a database is not on record")
	}
	d, err := b.findDevice(t.Context(), "rececom")
	if err != nil || d.ID != w.Device {
		t.Errorf("the device is %+v, %v", d, err)
	}
	if d, err := b.findDevice(t.Context(), "192.168.10.32"); err != nil || d.MAC != ehr {
		t.Errorf("what was seen meanwhile: %+v, %v", d, err)
	}
	// The window's device is known again: it can follow and be closed.
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Error(err)
	}
}

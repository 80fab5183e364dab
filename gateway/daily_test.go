package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"monban/gateway/checklist"
	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/selftest"
	"monban/gateway/text"
)

// A tester is a box that lives in a bubble of its own time, with the daily
// self-test as its only loop.
type tester struct {
	*box
	stop func()

	mu     sync.Mutex
	ran    []time.Duration // since the machine's start
	result selftest.State
	err    error
	step   time.Duration // of the wall clock
}

func newTester(t *testing.T, dir string) *tester {
	x := &tester{box: newBoxIn(t, dir), result: selftest.OK}
	began := time.Now()
	x.o.Clock.Boot = func() time.Duration { return time.Since(began) }
	x.o.Clock.Wall = func() time.Time {
		x.mu.Lock()
		defer x.mu.Unlock()
		return noon.Add(time.Since(began) + x.step)
	}
	x.o.SelfTest = func(context.Context, selftest.Request) (selftest.Result, error) {
		at := x.o.Clock.Wall()
		x.mu.Lock()
		defer x.mu.Unlock()
		x.ran = append(x.ran, x.o.Clock.Boot())
		return selftest.Result{At: at, State: x.result, Passed: true, Cut: true, Sent: 10, Counted: 10}, x.err
	}
	x.live()
	return x
}

// runs are those so far; set changes what the next is told.
func (x *tester) runs() []time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.ran)
}

func (x *tester) set(change func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change()
}

// live starts the gateway and its loop; die is kill -9.
func (x *tester) live() {
	x.start()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	g := x.Gateway
	go func() { done <- g.daily(ctx) }()
	x.stop = func() {
		stop()
		if err := <-done; err != nil {
			x.t.Error(err)
		}
	}
}

func (x *tester) die() *tester {
	x.stop()
	x.kill()
	return x
}

// after lets time go by and wants the self-test to have run n times more, if
// any the last time that long ago, give or take ten looks.
func (x *tester) after(d time.Duration, n int, ago time.Duration) {
	x.t.Helper()
	before := len(x.runs())
	time.Sleep(d)
	synctest.Wait()
	if len(x.runs())-before != n {
		x.t.Errorf("ran %d times in %v, at %v; want %d", len(x.runs())-before, d, x.runs()[before:], n)
	} else if n > 0 && (x.o.Clock.Boot()-x.runs()[len(x.runs())-1]-ago).Abs() > 10*dailyLook {
		x.t.Errorf("ran last %v ago, want %v", x.o.Clock.Boot()-x.runs()[len(x.runs())-1], ago)
	}
}

// waits lets time go by until the self-test has run once more.
func (x *tester) waits() {
	x.t.Helper()
	for began := len(x.runs()); len(x.runs()) == began; synctest.Wait() {
		if time.Sleep(dailyLook); len(x.runs()) > 0 && x.o.Clock.Boot()-x.runs()[len(x.runs())-1] > 2*dayOld {
			x.t.Fatal("it does not run any more")
		}
	}
}

// The self-test runs soon after the start, then once a day and no more, without
// a gap in its evidence; over a restart of the daemon, and whatever the wall
// clock does. A new boot, or another configuration, is another day.
func TestDailySelfTest(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		x := newTester(t, dir)
		x.after(settleIn-time.Second, 0, 0)
		x.after(time.Hour, 1, time.Hour-2*dailyLook)
		x.is("E-03", checklist.Confirmed)
		x.after(22*time.Hour, 0, 0)
		for range 3 { // day after day
			for range 24 {
				time.Sleep(time.Hour)
				synctest.Wait()
				x.is("E-03", checklist.Confirmed)
			}
		}
		if len(x.runs()) != 4 {
			t.Errorf("ran at %v, want once a day", x.runs())
		}
		for i, at := range x.runs()[1:] {
			if apart := at - x.runs()[i]; apart > dayOld || apart < dayOld-5*dailyLook {
				t.Errorf("the runs are %v apart", apart)
			}
		}
		if n := x.lines("selftest.ran.ok"); n != 4 {
			t.Errorf("%d are on record", n)
		}

		x.waits()
		x.set(func() { x.step = 400 * 24 * time.Hour })
		x.after(20*time.Hour, 0, 0)
		x.set(func() { x.step = -400 * 24 * time.Hour })
		x.after(2*time.Hour, 0, 0)
		x.after(3*time.Hour, 1, time.Hour)
		x.set(func() { x.step = 0 })

		x.die().live() // of one day still
		x.after(12*time.Hour, 0, 0)
		x.die().live()
		x.after(12*time.Hour, 1, time.Hour)

		x.die().o.BootID = "boot-2"
		x.live()
		x.after(settleIn-time.Second, 0, 0)
		x.after(2*dailyLook, 1, 0)
		x.edit(`"198.51.100.8/29", `, "", `to = "198.51.100.10"`, `to = "2001:db8:0:2::10"`)
		x.Reload(t.Context())
		x.after(2*dailyLook, 1, 0)
		x.after(23*time.Hour, 0, 0)
		x.die()
	})
}

// A way in that is open alarms everybody, and is looked at again the next day;
// a self-test that does not run is tried again soon, and told once a day.
func TestDailySelfTestAlarms(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		x := newTester(t, dir)
		m := &mouth{fail: map[notice.Channel]error{}}
		x.Gateway.o.Send = m.send
		if err := x.SetNoticeSettings(t.Context(), x.director(), byMailAndHook()); err != nil {
			t.Fatal(err)
		}
		told := func(code string) []notice.Message {
			x.deliverAll()
			return only(m.said, func(m notice.Message) bool { return m.Code == code && m.Channel == notice.Mail })
		}
		x.set(func() { x.result = selftest.Failed })
		x.after(time.Hour, 1, time.Hour-settleIn-2*dailyLook)
		if ms := told("selftest.ran.failed"); len(ms) != 1 || ms[0].Level != notice.Danger {
			t.Errorf("told %+v", ms)
		}
		if _, ok := x.note("gateway.proof_failed"); !ok {
			t.Error("the page does not say so")
		}
		x.is("E-03", checklist.Partial)

		x.set(func() { x.err = text.NewFault("selftest.unreachable") })
		time.Sleep(dayOld)
		synctest.Wait()
		tried := len(x.runs())
		if tried < 4 || tried > 8 {
			t.Errorf("tried %d times in the first half hour", tried)
		}
		time.Sleep(dayOld - time.Hour)
		synctest.Wait()
		ms := told("selftest.ran.unmeasured")
		if len(ms) != 1 || ms[0].Args["why"] != "selftest.unreachable" || len(x.runs())-tried < 100 {
			t.Errorf("tried %d times more and told %+v", len(x.runs())-tried, ms)
		}
		x.is("E-03", checklist.Expired)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if ms := told("selftest.ran.unmeasured"); len(ms) != 2 {
			t.Errorf("told %d times in two days", len(ms))
		}
		x.set(func() { x.err, x.result = nil, selftest.OK })
		x.waits()
		x.is("E-03", checklist.Confirmed)
		x.die()
	})
}

// Before there is a configuration, or where there is no probe, nothing is run.
func TestNoDailySelfTest(t *testing.T) {
	b := running(t)
	if b.proofDue() {
		t.Error("due, without a probe")
	}
	if err := b.RunSelfTest(t.Context(), people.Box); !is(err, "selftest.not_here") {
		t.Error(err)
	}
	if got := whyNot(errors.New("x")); got != "selftest.not_here" {
		t.Error(got)
	}
}

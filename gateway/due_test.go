package gateway

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway/notice"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// planned asks for a window at a time and approves it.
func (b *box) planned(at time.Time, length time.Duration, port uint16) Window {
	b.t.Helper()
	ask := want(length, port)
	ask.NotBefore = at
	w, err := b.AskWindow(b.t.Context(), staff, ask)
	if err != nil {
		b.t.Fatal(err)
	}
	if w, err = b.ApproveWindow(b.t.Context(), b.director(), w.ID, 0, false); err != nil {
		b.t.Fatal(err)
	}
	return w
}

// A planned window opens at its time, for its time, and not before.
func TestPlannedWindowOpensInTime(t *testing.T) {
	b := running(t)
	at := noon.Add(10 * time.Hour)
	w := b.planned(at, time.Hour, 3389)
	if w.State != window.Scheduled || len(b.fw.live) != 0 {
		t.Fatalf("approved for later, it is %s, and %d windows are open", w.State, len(b.fw.live))
	}
	b.time.pass(10*time.Hour - time.Second)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Scheduled, "")
	if next := b.nextEdge(); next > time.Second+10*time.Millisecond {
		t.Errorf("the keeper sleeps %v over the start", next)
	}
	b.time.pass(time.Second)
	b.keepOnce(t.Context())
	got := b.on(w.ID, window.Open, "")
	if d := got.EndBoot - got.OpenBoot; d != time.Hour {
		t.Errorf("open for %v", d)
	}
	if got.Approver.Name != b.director().Name || b.lines("window.scheduled") != 1 || b.lines("window.opened") != 1 {
		t.Errorf("on record: approver %q, lines %v", got.Approver.Name, b.log())
	}
}

// Late, it opens for the rest; too late, not at all.
func TestPlannedWindowLate(t *testing.T) {
	b := running(t)
	w := b.planned(noon.Add(time.Hour), time.Hour, 3389)
	gone := b.planned(noon.Add(2*time.Hour+time.Minute), time.Minute, 3390)
	b.time.pass(90 * time.Minute)
	b.keepOnce(t.Context())
	got := b.on(w.ID, window.Open, "")
	if d := got.EndBoot - got.OpenBoot; d != 30*time.Minute {
		t.Errorf("open for %v, want the rest of 30m", d)
	}
	b.time.pass(2 * time.Hour)
	b.keepOnce(t.Context())
	b.on(gone.ID, window.Lapsed, "")
}

// A planned window that cannot open says why, on its page and once by notice;
// so does its end, in whole sentences.
func TestPlannedWindowSaysWhyItWaits(t *testing.T) {
	b, m := telling(t)
	other := b.opened(2*time.Hour, 3389)
	w := b.planned(noon.Add(time.Hour), time.Hour, 3389)
	waits := func() *text.Fault {
		t.Helper()
		one, err := b.WindowByID(t.Context(), staff, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		all, err := b.Windows(t.Context(), staff, 0, 9)
		if err != nil || all[0].ID != w.ID || (all[0].Waits == nil) != (one.Waits == nil) {
			t.Errorf("listed as %+v, %v", all[0], err)
		}
		return one.Waits
	}
	b.keepOnce(t.Context())
	if waits() != nil {
		t.Error("waits for nothing before its time")
	}
	b.time.pass(time.Hour)
	for range 3 {
		b.keepOnce(t.Context())
		b.time.pass(time.Second)
	}
	if f := waits(); f == nil || f.Code != "window.collides" || f.Args["window"] != other.ID {
		t.Errorf("waits for %+v", f)
	}
	b.kill().start() // which tries again, and tells nobody twice
	b.seen(rececom, "192.168.10.31")
	b.keepOnce(t.Context())
	if waits() == nil {
		t.Error("forgotten at a restart")
	}
	b.time.pass(2 * time.Hour) // the other one is over, and so is its time
	b.keepOnce(t.Context())
	b.on(w.ID, window.Lapsed, "")
	if waits() != nil {
		t.Error("over, and waits")
	}
	b.deliverAll()
	waiting := 0
	for _, msg := range m.said {
		if msg.Channel != notice.Mail || msg.Code != "window.waits" && msg.Code != "window.lapsed" {
			continue
		}
		if msg.Code == "window.waits" {
			waiting++
		}
		for _, lang := range []text.Lang{text.JA, text.EN} {
			if s := notice.Sentence(lang, msg); strings.ContainsAny(s, "{}") || !strings.Contains(s, "3389/tcp") || !strings.Contains(s, itoa(other.ID)) {
				t.Error(s)
			}
		}
	}
	if waiting != 1 || b.lines("window.lapsed") != 1 {
		t.Errorf("told %d times", waiting)
	}
}

// A planned window taken back, or opened after all, waits for nothing, and one
// the kernel refuses is told of as that alone.
func TestPlannedWindowWaitsNoMore(t *testing.T) {
	b := newBox(t).start() // its device was not seen yet
	w, back := b.planned(noon.Add(time.Hour), time.Hour, 3389), b.planned(noon.Add(time.Hour), time.Hour, 3390)
	b.time.pass(time.Hour)
	b.keepOnce(t.Context())
	if f := b.Gateway.view(b.on(w.ID, window.Scheduled, "")).Waits; f == nil || f.Code != "window.no_way" || b.lines("window.waits") != 2 {
		t.Errorf("%+v", f)
	}
	if _, err := b.RefuseWindow(t.Context(), b.director(), back.ID, "業者の都合"); err != nil {
		t.Fatal(err)
	}
	b.seen(rececom, "192.168.10.31")
	b.keepOnce(t.Context())
	if v := b.Gateway.view(b.on(w.ID, window.Open, "")); v.Waits != nil || len(b.missed) != 0 {
		t.Errorf("%+v, %+v", v.Waits, b.missed)
	}
	refused := b.planned(noon.Add(90*time.Minute), time.Hour, 3391)
	b.fw.set(func() { b.fw.fail["OpenWindow"] = errors.New("busy") })
	b.time.pass(time.Hour)
	b.keepOnce(t.Context())
	b.on(refused.ID, window.NotOpened, "")
	if len(b.missed) != 0 || b.lines("window.waits") != 2 || b.lines("window.not_opened") != 1 {
		t.Errorf("%+v", b.missed)
	}
}

// Nobody knows the time: a planned window waits, and a wrong clock opens none.
func TestPlannedWindowWaitsForTheClock(t *testing.T) {
	b := running(t)
	w := b.planned(noon.Add(time.Hour), time.Hour, 3389)
	b.time.pass(70 * time.Minute)
	b.time.set(b.time.wall, false)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Scheduled, "")
	for _, year := range []int{-1, 1} {
		b.time.set(noon.AddDate(year, 0, 0), false)
		b.keepOnce(t.Context())
		b.on(w.ID, window.Scheduled, "")
	}
	b.time.set(noon.AddDate(-1, 0, 0), true)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Scheduled, "")
	b.time.set(noon.Add(75*time.Minute), true)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Open, "")
	b.time.set(noon.AddDate(1, 0, 0), true)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Open, "") // the kernel's time ends it, not the wall's
}

// What nobody answers lapses after a day.
func TestUnansweredRequestLapses(t *testing.T) {
	b := running(t)
	w, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
	if err != nil {
		t.Fatal(err)
	}
	b.time.pass(window.Patience - time.Minute)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Requested, "")
	b.time.pass(2 * time.Minute)
	b.keepOnce(t.Context())
	b.on(w.ID, window.Lapsed, "")
	_, err = b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false)
	fails(t, err, "window.not_now")
}

// Two planned windows that cannot both be open are refused when the second is
// approved.
func TestAppointmentsCollide(t *testing.T) {
	b := running(t)
	b.planned(noon.Add(time.Hour), time.Hour, 3389)
	ask := want(time.Hour, 3389)
	ask.NotBefore = noon.Add(90 * time.Minute)
	w, err := b.AskWindow(t.Context(), staff, ask)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.ApproveWindow(t.Context(), b.director(), w.ID, 0, false)
	fails(t, err, "window.collides")
	b.on(w.ID, window.Requested, "")
}

// An approved appointment can be taken back, and ends with its vendor.
func TestPlannedWindowTakenBack(t *testing.T) {
	b := running(t)
	back := b.planned(noon.Add(time.Hour), time.Hour, 3389)
	if _, err := b.RefuseWindow(t.Context(), b.director(), back.ID, "業者の都合"); err != nil {
		t.Fatal(err)
	}
	b.on(back.ID, window.Refused, "")
	gone := b.planned(noon.Add(time.Hour), time.Hour, 3390)
	b.edit(`sources = ["198.51.100.8/29", "2001:db8:0:2::/64"]`, `sources = ["198.51.100.10"]`)
	b.reload(t.Context(), console)
	b.on(gone.ID, window.Lapsed, "")
	if n := b.lines("window.lapsed"); n != 1 {
		t.Errorf("%d lines say so", n)
	}
}

// A weekly plan asks for each date once, ahead of it, and opens nothing.
func TestWeeklyPlan(t *testing.T) {
	b := running(t)
	ask := PlanAsk{Ask: want(time.Hour, 3389), Week: 2, Day: time.Tuesday, Hour: 22} // noon is Tuesday, 2027-03-02
	p, err := b.AddPlan(t.Context(), staff, ask)
	if err != nil {
		t.Fatal(err)
	}
	date := time.Date(2027, 3, 9, 13, 0, 0, 0, time.UTC) // 22:00 in Tokyo
	if !p.Next.Equal(date) {
		t.Errorf("next on %v, want %v", p.Next, date)
	}
	b.keepOnce(t.Context())
	asked := func() (out []window.Window) {
		ws, err := b.db().Windows(t.Context(), store.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		return ws
	}
	if n := len(asked()); n != 0 {
		t.Fatalf("%d requests more than a week ahead", n)
	}
	b.time.pass(24 * time.Hour)
	for range 5 {
		b.keepOnce(t.Context())
		b.time.pass(2 * time.Hour)
	}
	ws := asked()
	if len(ws) != 1 || ws[0].State != window.Requested || !ws[0].NotBefore.Equal(date) || ws[0].Plan != p.ID || !ws[0].Recorder.Same(staff) {
		t.Fatalf("asked for %+v", ws)
	}
	b.time.set(date.Add(2*time.Hour), true) // nobody approved
	b.keepOnce(t.Context())
	b.on(ws[0].ID, window.Lapsed, "")
	b.time.pass(30 * 24 * time.Hour)
	b.keepOnce(t.Context())
	if err := b.DropPlan(t.Context(), staff, p.ID); err != nil {
		t.Fatal(err)
	}
	if len(b.fw.live) > 0 || slices.Contains(b.fw.calls, "OpenWindow") {
		t.Error("a plan opened something")
	}
	if all, err := b.Plans(t.Context(), staff); err != nil || len(all) != 0 {
		t.Errorf("after dropping it there is %v, %v", all, err)
	}
}

// A plan whose vendor is taken out of site.toml asks for nothing, and says so.
func TestWeeklyPlanWithoutVendor(t *testing.T) {
	b := running(t)
	ask := PlanAsk{Ask: want(time.Hour, 3389), Week: 2, Day: time.Tuesday, Hour: 22}
	if p, err := b.AddPlan(t.Context(), staff, ask); err != nil || p.Orphan {
		t.Fatal(p, err)
	}
	said := func() bool {
		b.keepOnce(t.Context())
		all, err := b.Plans(t.Context(), staff)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		st, err := b.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		note := slices.ContainsFunc(st.Notes, func(n Note) bool { return n.Code == "gateway.plan_orphans" && n.Link == "/plans" })
		if note != all[0].Orphan {
			t.Errorf("the first page says so: %t, the plan: %t", note, all[0].Orphan)
		}
		return note
	}
	if said() {
		t.Error("with its vendor")
	}
	b.edit(`"rececom-hoshu"`, `"other"`)
	b.reload(t.Context(), console)
	b.time.pass(7 * 24 * time.Hour)
	if !said() {
		t.Error("without its vendor")
	}
	if ws, err := b.db().Windows(t.Context(), store.Filter{}); err != nil || len(ws) != 0 {
		t.Error(ws, err)
	}
}

// A deputy approves; ended, no more.
func TestDeputy(t *testing.T) {
	b := running(t)
	w, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
	if err != nil {
		t.Fatal(err)
	}
	deputy := people.Actor{ID: 9, Name: "事務長", Role: people.Staff, Via: "page", Deputy: true, SteppedUp: b.o.Clock.Wall()}
	if _, err := b.ApproveWindow(t.Context(), deputy, w.ID, 0, false); err != nil {
		t.Fatal(err)
	}
	deputy.Deputy = false
	_, err = b.ExtendWindow(t.Context(), deputy, w.ID, time.Hour, false)
	fails(t, err, "people.may_not")
}

package store

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// act records fn with two lines, enough for two changes of windows.
func act(t testing.TB, db *DB, who people.Actor, fn func(tx *Tx) error) error {
	t.Helper()
	return db.Act(t.Context(), who, at, func(tx *Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errors.Join(tx.Audit("a.one", nil), tx.Audit("a.two", nil))
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWindowRoundTrip(t *testing.T) {
	db := opened(t, t.TempDir())
	w := asked(t, db)
	w = open(t, db, w)
	longer, err := w.Extend(director, noon, w.OpenBoot, window.Answer{Length: time.Hour})
	must(t, err)
	longer.Rules = "add element …\n"
	put := func(w window.Window, from window.State) error {
		return act(t, db, people.Box, func(tx *Tx) error { return tx.PutWindow(w, from) })
	}
	must(t, put(longer, window.Open))
	if err := put(longer, window.Open); codeOf(err) != "window.changed" {
		t.Error("one extension twice:", err)
	}
	closed, err := longer.Close(window.RanOut, people.Box, noon.Add(2*time.Hour), window.Tally{
		Passed: window.Count{Packets: 1 << 40, Bytes: 1 << 50}, Dead: window.Count{Packets: 3, Bytes: 4}, Cut: 2})
	must(t, err)
	must(t, put(closed, window.Open))
	got, err := db.Window(t.Context(), w.ID)
	closed.Recorder.SteppedUp, closed.Approver.SteppedUp, closed.Extensions[0].By.SteppedUp = time.Time{}, time.Time{}, time.Time{}
	if err != nil || !reflect.DeepEqual(got, closed) {
		t.Errorf("kept\n%+v\nas\n%+v\n%v", closed, got, err)
	}
	// The same again, as after a crash between commit and answer.
	for _, from := range []window.State{window.Open, window.Opening, window.Closed} {
		if err := put(closed, from); codeOf(err) != "window.changed" {
			t.Errorf("a second time from %s: %v", from, err)
		}
	}
	steps, err := db.Transitions(t.Context(), w.ID)
	if err != nil || len(steps) != 6 || steps[0].To != window.Requested || steps[0].From != "" || steps[4].From != window.Open ||
		steps[4].To != window.Open || steps[5].To != window.Closed || steps[5].N != 6 || steps[5].Who != people.Box || steps[1].Who.Name != "院長" {
		t.Error(steps, err)
	}
	if _, err := db.Window(t.Context(), 99); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// Every field of a window comes back; a field added later without its column
// fails here.
func TestWindowKeepsEveryField(t *testing.T) {
	db := opened(t, t.TempDir())
	full := asked(t, db)
	whole(t, reflect.ValueOf(&full).Elem())
	full.ID, full.State, full.N, full.Kind, full.Device, full.Length = 0, window.Requested, 1, window.Outbound, 1, time.Hour
	var got window.Window
	must(t, act(t, db, staff, func(tx *Tx) (err error) { got, err = tx.InsertWindow(full); return err }))
	said := got
	said.Report, said.Review, said.Excuse = full.Report, full.Review, full.Excuse
	must(t, act(t, db, staff, func(tx *Tx) error { return tx.PutRemarks(said) }))
	got, err := db.Window(t.Context(), got.ID)
	full.ID = got.ID
	if err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("kept\n%+v\nas\n%+v\n%v", full, got, err)
	}
}

// whole gives every field below v something to hold, as the store keeps it:
// times in whole milliseconds, nothing in what is never kept.
func whole(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = noon
		return
	case *netip.Addr:
		*x = netip.MustParseAddr("203.0.113.5")
		return
	case *netip.Prefix:
		*x = netip.MustParsePrefix("203.0.113.0/28")
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				whole(t, v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		whole(t, v.Index(0))
		whole(t, v.Index(1))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	default:
		t.Fatalf("a field of kind %s", v.Kind())
	}
}

func TestWindowsFilter(t *testing.T) {
	db := opened(t, t.TempDir())
	for range 3 {
		asked(t, db)
	}
	open(t, db, asked(t, db))
	for i, c := range []struct {
		f    Filter
		want []int64
	}{
		{Filter{}, []int64{4, 3, 2, 1}},
		{Filter{Limit: 2}, []int64{4, 3}},
		{Filter{Before: 3}, []int64{2, 1}},
		{Filter{States: []window.State{window.Open, window.Opening}}, []int64{4}},
		{Filter{States: []window.State{window.Requested}, Limit: 1, Before: 3}, []int64{2}},
		{Filter{Vendor: "nobody"}, nil},
		{Filter{Device: 1, Vendor: "acme", From: noon, Limit: 1}, []int64{4}},
		{Filter{From: noon.Add(time.Second)}, nil},
		{Filter{To: noon}, nil},
		{Filter{From: noon, To: noon.Add(time.Millisecond)}, []int64{4, 3, 2, 1}},
		{Filter{DueBy: noon.Add(window.Patience)}, []int64{3, 2, 1}},
		{Filter{DueBy: noon.Add(window.Patience - time.Millisecond)}, nil},
		{Filter{Owing: true}, nil},
		{Filter{Plan: 1}, nil},
		{Filter{DueBy: noon.Add(window.Patience), Owing: true}, nil},
	} {
		ws, err := db.Windows(t.Context(), c.f)
		var ids []int64
		for _, w := range ws {
			ids = append(ids, w.ID)
		}
		if err != nil || !reflect.DeepEqual(ids, c.want) {
			t.Errorf("filter %d: %v, %v", i, ids, err)
		}
		f := c.f
		f.Limit = 0
		all, err := db.Windows(t.Context(), f)
		if n, err2 := db.CountWindows(t.Context(), c.f); err != nil || err2 != nil || n != len(all) {
			t.Errorf("filter %d: counted %d of %d, %v %v", i, n, len(all), err, err2)
		}
	}
}

// Remarks are made once, are no step, and survive the steps that come after.
func TestRemarks(t *testing.T) {
	db := opened(t, t.TempDir())
	w := open(t, db, asked(t, db))
	held := w // as the gateway has it in memory
	say := func(w window.Window) error {
		return db.Act(t.Context(), staff, at, func(tx *Tx) error {
			if err := tx.PutRemarks(w); err != nil {
				return err
			}
			return tx.Audit("window.excused", nil)
		})
	}
	said := func(text string) window.Remark { return window.Remark{Text: text, By: staff, At: noon} }
	excused := w
	excused.Excuse = said("院長が不在")
	must(t, say(excused))
	must(t, say(excused)) // the same again, as after a crash before the answer
	closed, err := held.Close(window.RanOut, people.Box, noon.Add(time.Hour), window.Tally{})
	must(t, err)
	must(t, act(t, db, people.Box, func(tx *Tx) error { return tx.PutWindow(closed, window.Open) }))
	got, err := db.Window(t.Context(), w.ID)
	if err != nil || got.Excuse != excused.Excuse || got.State != window.Closed || got.N != closed.N {
		t.Errorf("%+v, %v", got, err)
	}
	owing := func() int {
		n, err := db.CountWindows(t.Context(), Filter{Owing: true})
		must(t, err)
		return n
	}
	if owing() != 1 {
		t.Error("a closed window owes nothing")
	}
	// Two who write at once: the second is told.
	first, second := got, got
	first.Report, second.Report = said("交換"), said("点検")
	must(t, say(first))
	if err := say(second); codeOf(err) != "window.changed" {
		t.Error(err)
	}
	if err := say(got); codeOf(err) != "window.changed" {
		t.Error("a report was taken away:", err)
	}
	if owing() != 1 {
		t.Error("the review is missing")
	}
	first.Review = said("問題なし")
	must(t, say(first))
	if owing() != 0 {
		t.Error("nothing is missing")
	}
	if got, err := db.Window(t.Context(), w.ID); err != nil || len(got.Owes()) != 0 || got.Report != first.Report || got.Review != first.Review {
		t.Errorf("%+v, %v", got, err)
	}
	if err := say(window.Window{ID: 99}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// A signed request makes one window, and an appointment of a plan does.
func TestAskedOnce(t *testing.T) {
	db := opened(t, t.TempDir())
	w := asked(t, db)
	digest := strings.Repeat("ab", 32)
	insert := func(w window.Window) error {
		return act(t, db, staff, func(tx *Tx) error { _, err := tx.InsertWindow(w); return err })
	}
	w.Request = digest
	must(t, insert(w))
	if err := insert(w); codeOf(err) != "window.request_replayed" {
		t.Error(err)
	}
	use := func() error { return act(t, db, staff, func(tx *Tx) error { return tx.UseRequest(digest) }) }
	must(t, use())
	var f *text.Fault
	if err := use(); !errors.As(err, &f) || f.Code != "window.request_replayed" || f.Field != "text" {
		t.Error(err)
	}
	w.Request, w.Plan, w.NotBefore = "", 3, noon.Add(time.Hour)
	must(t, insert(w))
	if err := insert(w); codeOf(err) != "window.appointment_taken" {
		t.Error(err)
	}
	if ws, err := db.Windows(t.Context(), Filter{Plan: 3, NotBefore: noon.Add(time.Hour)}); err != nil || len(ws) != 1 {
		t.Error(ws, err)
	}
	w.NotBefore = noon.Add(2 * time.Hour)
	must(t, insert(w))
	w.Plan = 0
	must(t, insert(w))
	must(t, insert(w))
}

// With 500 windows planned, what is due is found without looking at them.
func TestDue(t *testing.T) {
	db := opened(t, t.TempDir())
	if next, err := db.NextStart(t.Context()); err != nil || !next.IsZero() {
		t.Error(next, err)
	}
	planned(t, db, 500)
	next, err := db.NextStart(t.Context())
	if err != nil || !next.Equal(noon.Add(time.Hour)) {
		t.Error(next, err)
	}
	due, err := db.Windows(t.Context(), Filter{DueBy: noon.Add(3 * time.Hour)})
	if err != nil || len(due) != 3 || due[0].Due(noon.Add(3*time.Hour), true) != window.ToOpen {
		t.Error(len(due), err)
	}
	first := due[2]
	s := window.Start{Mark: 1, BootID: "boot", Boot: 1, At: first.NotBefore, Synced: true}
	opening, err := first.Begin(s)
	must(t, err)
	must(t, act(t, db, people.Box, func(tx *Tx) error { return tx.PutWindow(opening, window.Scheduled) }))
	if next, err := db.NextStart(t.Context()); err != nil || !next.Equal(noon.Add(2*time.Hour)) {
		t.Error(next, err)
	}
	if n, err := db.CountWindows(t.Context(), Filter{States: []window.State{window.Scheduled}}); err != nil || n != 499 {
		t.Error(n, err)
	}
	for index, f := range map[string]Filter{
		"window_due": {DueBy: noon}, "window_owing": {Owing: true}, "window_appointment": {Plan: 1, NotBefore: noon}, "window_asked": {From: noon, To: noon},
	} {
		cond, args := f.where()
		if p := queryPlan(t, db, selectWindow+cond+" ORDER BY id DESC", args...); !strings.Contains(p, index) {
			t.Errorf("%+v: %s", f, p)
		}
	}
	if p := queryPlan(t, db, "SELECT min(not_before) FROM window INDEXED BY window_start WHERE state = 'scheduled'"); !strings.Contains(p, "window_start") {
		t.Error(p)
	}
}

// planned puts n scheduled windows into db, an hour apart.
func planned(t testing.TB, db *DB, n int) {
	t.Helper()
	base := asked(t, db)
	base.Length, base.State, base.N = 30*time.Minute, window.Scheduled, 1
	must(t, db.Act(t.Context(), staff, at, func(tx *Tx) error {
		for i := range n {
			base.NotBefore = noon.Add(time.Duration(i+1) * time.Hour)
			if _, err := tx.InsertWindow(base); err != nil {
				return err
			}
			if err := tx.Audit("a.b", nil); err != nil {
				return err
			}
		}
		return nil
	}))
}

func queryPlan(t *testing.T, db *DB, q string, args ...any) string {
	t.Helper()
	rows, err := collect(t.Context(), db.r, "", func(s scanner) (detail string, err error) {
		var id, parent, unused int
		return detail, s.Scan(&id, &parent, &unused, &detail)
	}, "EXPLAIN QUERY PLAN "+q, args...)
	must(t, err)
	return fmt.Sprint(rows)
}

func BenchmarkDue(b *testing.B) {
	db := opened(b, b.TempDir())
	planned(b, db, 500)
	for b.Loop() {
		ws, err := db.Windows(b.Context(), Filter{DueBy: noon.Add(time.Hour)})
		if err != nil || len(ws) != 1 {
			b.Fatal(len(ws), err)
		}
		if _, err := db.NextStart(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWindowNeedsItsDevice(t *testing.T) {
	db := opened(t, t.TempDir())
	w := asked(t, db)
	w.Device = 77
	if err := db.Act(t.Context(), staff, at, func(tx *Tx) error { _, err := tx.InsertWindow(w); return err }); err == nil {
		t.Error("a window about no device was kept")
	}
}

package gateway

import (
	"testing"
	"time"

	"monban/gateway/window"
)

// A code on paper opens once, at once, for an hour at most, and leaves a
// reason owed.
func TestSealedCodes(t *testing.T) {
	b := running(t)
	codes, err := b.NewSealedCodes(t.Context(), b.director())
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.BreakSealed(t.Context(), staff, inside, codes[0], want(2*time.Hour, 3389))
	fails(t, err, "window.sealed_length")
	_, err = b.BreakSealed(t.Context(), staff, inside, "0000-0000-0000-0000", want(0, 3389))
	fails(t, err, "people.wrong_sealed")
	w, err := b.BreakSealed(t.Context(), staff, inside, codes[0], want(0, 3389))
	if err != nil {
		t.Fatal(err)
	}
	if w.State != window.Open || !w.BreakGlass || w.Left != time.Hour || len(b.fw.live) != 1 {
		t.Errorf("opened as %s, break-glass %v, for %v", w.State, w.BreakGlass, w.Left)
	}
	_, err = b.BreakSealed(t.Context(), staff, inside, codes[0], want(0, 3390))
	fails(t, err, "people.wrong_sealed")
	if s, err := b.SealedCodes(t.Context(), staff); err != nil || s.Left != len(codes)-1 {
		t.Errorf("%d codes left, %v", s.Left, err)
	}
	if _, ok := b.note("gateway.break_glass"); !ok {
		t.Error("the page does not say so")
	}
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	if owes := b.on(w.ID, window.Closed, window.ByHand).Owes(); len(owes) != 3 {
		t.Errorf("owed: %v", owes)
	}
	if n := b.lines("people.sealed_wrong"); n != 2 {
		t.Errorf("%d lines of wrong codes", n)
	}
	again, err := b.NewSealedCodes(t.Context(), b.director())
	if err != nil {
		t.Fatal(err)
	}
	b.time.pass(time.Minute)
	_, err = b.BreakSealed(t.Context(), staff, inside, codes[1], want(0, 3389))
	fails(t, err, "people.wrong_sealed")
	b.time.pass(time.Hour)
	if _, err = b.BreakSealed(t.Context(), staff, inside, again[0], want(0, 3389)); err != nil {
		t.Error(err)
	}
}

// The vendor's next request waits for his report; break-glass does not.
func TestReportIsOwed(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	_, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389))
	fails(t, err, "window.report_owed")
	if s, err := b.Status(t.Context()); err != nil || len(s.Owed) != 1 {
		t.Errorf("the status says %d owed, %v", len(s.Owed), err)
	}
	open, err := b.BreakGlass(t.Context(), console, want(time.Hour, 3389))
	if err != nil {
		t.Fatalf("break-glass waits for a report: %v", err)
	}
	for _, id := range []int64{w.ID, open.ID} {
		if _, err := b.CloseWindow(t.Context(), staff, id); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ReportWindow(t.Context(), staff, id, "更新を入れました"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.AskWindow(t.Context(), staff, want(time.Hour, 3389)); err != nil {
		t.Error(err)
	}
	_, err = b.ReportWindow(t.Context(), staff, w.ID, "もう一度")
	fails(t, err, "window.said_already")
	if _, err := b.ReviewWindow(t.Context(), staff, w.ID, "申し込みのとおり"); err != nil {
		t.Error(err)
	}
}

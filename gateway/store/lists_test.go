package store

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"monban/dnsfilter/subscribe"
	"monban/gateway/text"
)

func TestListStates(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	a := ListState{Name: "ads", From: "https://lists.example/a", Seen: subscribe.Seen{ETag: `"1"`}, Sum: "00ff", Tried: noon, Checked: noon, Changed: noon}
	b := ListState{Name: "bad", From: "https://lists.example/b", Tried: noon, Fails: 2, Error: text.NewFault("list.fetch_status", "list", "bad", "status", float64(404)),
		Held: &HeldList{Sum: "01", At: noon, Before: 10, After: 2, Shrunk: true, Refused: []HeldName{{"www.example", 7, "site.toml"}}}}
	must(t, db.PutListStates(t.Context(), []ListState{a, b}))
	db.Close()
	db = opened(t, dir)
	got, err := db.ListStates(t.Context())
	if want := []ListState{a, b}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	b.Held = nil
	must(t, db.Act(t.Context(), staff, at, func(tx *Tx) error { return errors.Join(tx.PutListState(b), tx.Audit("a.b", nil)) }))
	must(t, db.PutListStates(t.Context(), []ListState{b}))
	if got, err := db.ListStates(t.Context()); err != nil || !reflect.DeepEqual(got, []ListState{b}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDenies(t *testing.T) {
	db := opened(t, t.TempDir())
	d := Deny{Name: "games.example", Reason: "診療中のため", By: staff, At: noon}
	add := func() error {
		return db.Act(t.Context(), staff, at, func(tx *Tx) (err error) {
			if d, err = tx.AddDeny(d); err != nil {
				return err
			}
			return tx.Audit("a.b", nil)
		})
	}
	end := func() error {
		return db.Act(t.Context(), staff, at, func(tx *Tx) error {
			if err := tx.EndDeny(d.ID, staff, noon.Add(time.Hour)); err != nil {
				return err
			}
			return tx.Audit("a.b", nil)
		})
	}
	must(t, add())
	if err := add(); !errors.Is(err, ErrTaken) {
		t.Error("twice:", err)
	}
	if got, err := db.Denies(t.Context()); err != nil || !reflect.DeepEqual(got, []Deny{d}) {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, end())
	if err := end(); !errors.Is(err, ErrNotFound) {
		t.Error("ended twice:", err)
	}
	must(t, add()) // it can come again
	if got, err := db.Denies(t.Context()); err != nil || len(got) != 1 || got[0].ID != d.ID {
		t.Errorf("%+v, %v", got, err)
	}
}

package store

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"monban/gateway/people"
)

func TestAllows(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	boss := people.Actor{ID: 1, Name: "院長", Role: people.Director, Via: "page"}
	put := func(a Allow) Allow {
		t.Helper()
		must(t, db.Act(t.Context(), staff, at, func(tx *Tx) (err error) {
			if a, err = tx.PutAllow(a); err != nil {
				return err
			}
			return tx.Audit("a.b", nil)
		}))
		return a
	}
	asked := put(Allow{Name: "ads.example", MAC: "00:1b:8b:00:00:31", Reason: "予約サイト", AskedBy: staff, Asked: noon})
	good := put(Allow{Name: "fine.example", AskedBy: boss, Asked: noon, By: boss, At: noon})
	timed := asked
	timed.By, timed.At, timed.Until, timed.BootID, timed.UntilBoot = boss, noon.Add(time.Minute), noon.Add(time.Hour), "boot", 5*time.Hour
	put(timed)
	got, err := db.Allows(t.Context())
	if want := []Allow{timed, good}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	timed.Ended, timed.EndedBy, timed.How = noon.Add(time.Hour), people.Box, AllowRanOut
	put(timed)
	db.Close()
	db = opened(t, dir)
	if got, err := db.Allows(t.Context()); err != nil || !reflect.DeepEqual(got, []Allow{good}) {
		t.Errorf("%+v, %v", got, err)
	}
	err = db.Act(t.Context(), staff, at, func(tx *Tx) error {
		if n, err := tx.CountAllows(); n != 1 || err != nil {
			t.Error(n, err)
		}
		_, err := tx.Allow(timed.ID)
		return err
	})
	if !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestNameStats(t *testing.T) {
	db := opened(t, t.TempDir())
	put := func(hours []NameHour, tops []NameTop, mark string) {
		t.Helper()
		must(t, db.PutNameStats(t.Context(), hours, tops, "names", []byte(mark)))
	}
	put([]NameHour{{10, "a", 5, 2, map[string]uint64{"x": 2}}, {10, "b", 1, 0, nil}}, []NameTop{{"2027-03-02", "a", "n", 5, 2}}, "1")
	put([]NameHour{{10, "a", 3, 1, map[string]uint64{"x": 0, "y": 1}}, {11, "a", 1, 0, nil}}, []NameTop{{"2027-03-02", "a", "n", 1, 0}, {"2027-03-03", "b", "m", 1, 1}}, "2")
	want := []NameHour{{10, "a", 8, 3, map[string]uint64{"x": 2, "y": 1}}, {10, "b", 1, 0, map[string]uint64{}}}
	if got, err := db.NameHours(t.Context(), 10, 11); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := db.NameTops(t.Context(), "2027-03-02"); err != nil || !reflect.DeepEqual(got, []NameTop{{"2027-03-02", "a", "n", 6, 2}}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := db.FirstNameDay(t.Context()); err != nil || got != "2027-03-02" {
		t.Errorf("%v, %v", got, err)
	}
	if b, err := db.Meta(t.Context(), "names"); err != nil || string(b) != "2" {
		t.Errorf("%q, %v", b, err)
	}
	// Names and hours are bounded.
	var tops []NameTop
	for i := range 3 * keepTops {
		tops = append(tops, NameTop{"2027-03-04", "a", fmt.Sprintf("n%04d", i), uint64(i), uint64(i % 2)})
	}
	put(nil, tops, "3")
	if got, err := db.NameTops(t.Context(), "2027-03-04"); err != nil || len(got) != keepTops || got[len(got)-1].Asked != 3*keepTops-1 {
		t.Errorf("%d, %v", len(got), err)
	}
	var hours []NameHour
	for i := range keepNameHours + 50 {
		hours = append(hours, NameHour{Hour: int64(100 + i), Device: "a", Asked: 1})
	}
	put(hours, nil, "4")
	if got, err := db.NameHours(t.Context(), 0, 1<<40); err != nil || len(got) != keepNameHours || got[0].Hour != 150 {
		t.Errorf("%d from %d, %v", len(got), got[0].Hour, err)
	}
	// A clock that jumps ahead costs one hour, not the rest.
	put([]NameHour{{Hour: 1 << 30, Device: "a", Asked: 1}}, nil, "5")
	if got, _ := db.NameHours(t.Context(), 0, 1<<40); len(got) != keepNameHours {
		t.Error(len(got))
	}
}

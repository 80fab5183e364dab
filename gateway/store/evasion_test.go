package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"monban/gateway/people"
)

func evaded(day, device, kind string, n uint64, what ...string) Evasion {
	return Evasion{Day: day, Device: device, Kind: kind, N: n, Stopped: n, First: noon, Last: noon.Add(time.Minute), What: what}
}

// What comes later is added to the day's row, with the reading it was made
// from, in an act or outside of one.
func TestEvasions(t *testing.T) {
	db := opened(t, t.TempDir())
	first := []Evasion{evaded("2026-11-21", "02:00:00:00:00:01", "tls", 3), evaded("2026-11-21", "02:00:00:00:00:02", "dns", 1, "dns.google")}
	if err := db.PutEvasions(t.Context(), first, "around", []byte("1")); err != nil {
		t.Fatal(err)
	}
	more := evaded("2026-11-21", "02:00:00:00:00:02", "dns", 2, "dns.quad9.net", "dns.google")
	more.First, more.Last, more.Stopped = noon.Add(-time.Hour), noon.Add(time.Hour), 0
	next := evaded("2026-11-22", "02:00:00:00:00:01", "tls", 1)
	if err := db.Act(t.Context(), people.Box, Stamp{Wall: noon, Synced: true}, func(tx *Tx) error {
		if err := tx.PutEvasions([]Evasion{more, next}, "around", []byte("2")); err != nil {
			return err
		}
		return tx.Audit("evasion.tls.stopped", map[string]any{"device": "x", "what": "-"})
	}); err != nil {
		t.Fatal(err)
	}
	sum := evaded("2026-11-21", "02:00:00:00:00:02", "dns", 3, "dns.quad9.net", "dns.google")
	sum.Stopped, sum.First, sum.Last = 1, more.First, more.Last
	first[0].What = []string{}
	got, err := db.Evasions(t.Context(), "2026-11-21")
	if want := []Evasion{first[0], sum}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v, %v", got, want, err)
	}
	if days, err := db.EvasionDays(t.Context(), 1); err != nil || !reflect.DeepEqual(days, []string{"2026-11-22"}) {
		t.Errorf("%v, %v", days, err)
	}
	if b, err := db.Meta(t.Context(), "around"); err != nil || string(b) != "2" {
		t.Errorf("reading %q, %v", b, err)
	}
}

// Made-up devices and endless names fill their bounds and nothing else.
func TestEvasionsAreBounded(t *testing.T) {
	db := opened(t, t.TempDir())
	var all []Evasion
	for i := range maxEvasions + 100 {
		all = append(all, evaded("2026-11-21", fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&255), "tls", uint64(1+i)))
	}
	for i := range 2 * MaxEvaded {
		all = append(all, evaded("2026-11-21", "02:00:00:00:ff:ff", "dns", 1000, fmt.Sprintf("n%d.example", i)))
	}
	if err := db.PutEvasions(t.Context(), all, "around", []byte("1")); err != nil {
		t.Fatal(err)
	}
	got, err := db.Evasions(t.Context(), "2026-11-21")
	if err != nil || len(got) != maxEvasions || got[0].N != 102 {
		t.Fatalf("%d rows, the first with %d, %v", len(got), got[0].N, err)
	}
	last := got[len(got)-1]
	if len(last.What) != MaxEvaded || last.What[MaxEvaded-1] != fmt.Sprintf("n%d.example", 2*MaxEvaded-1) {
		t.Errorf("%+v", last)
	}
	for i := range keepEvasions + 5 {
		day := time.Date(2027, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		if err := db.PutEvasions(t.Context(), []Evasion{evaded(day, "02:00:00:00:00:01", "tls", 1)}, "around", nil); err != nil {
			t.Fatal(err)
		}
	}
	if days, err := db.EvasionDays(t.Context(), 10_000); err != nil || len(days) != keepEvasions {
		t.Errorf("%d days, %v", len(days), err)
	}
}

package store

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNextMark(t *testing.T) {
	db := opened(t, t.TempDir())
	next := func(now time.Time, live ...uint32) (m uint16, err error) {
		err = db.Act(t.Context(), staff, at, func(tx *Tx) error {
			if m, err = tx.NextMark(now, live); err != nil {
				return err
			}
			return tx.Audit("a.b", nil)
		})
		return m, err
	}
	want := func(wanted uint16, now time.Time, live ...uint32) {
		t.Helper()
		if m, err := next(now, live...); m != wanted || err != nil {
			t.Errorf("got %d, %v; want %d", m, err, wanted)
		}
	}
	set := func(last int) {
		if _, err := db.w.Exec("UPDATE counter SET value = ? WHERE name = 'mark'", last); err != nil {
			t.Fatal(err)
		}
	}
	want(1, noon)
	want(2, noon)
	want(5, noon, 3, 4, 65535)
	set(65533)
	want(65534, noon)
	want(3, noon.Add(time.Hour)) // wrapped; 1 and 2 rest
	set(65534)
	want(1, noon.Add(24*time.Hour)) // a day later
	set(65534)
	want(2, noon.Add(24*time.Hour))
	set(65534)
	want(4, noon.Add(24*time.Hour), 3)
	// The clock was set back by a year: what was given "later" rests too.
	set(65534)
	want(6, noon.AddDate(-1, 0, 0))

	if _, err := db.w.Exec(`INSERT OR REPLACE INTO mark WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 65534)
		SELECT i, ? FROM n`, noon.UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if _, err := next(noon); codeOf(err) != "store.no_mark" {
		t.Error(err)
	}
	db.Close()
}

// Over any run of windows and clock steps within a day no mark comes twice.
func TestMarksAreNotReused(t *testing.T) {
	db := opened(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := db.w.Exec("DELETE FROM mark"); err != nil {
			rt.Fatal(err)
		}
		if _, err := db.w.Exec("UPDATE counter SET value = ? WHERE name = 'mark'", rapid.SampledFrom([]int{0, 7, 65530, 65534}).Draw(rt, "last")); err != nil {
			rt.Fatal(err)
		}
		given := map[uint16]bool{}
		if err := db.Act(t.Context(), staff, at, func(tx *Tx) error {
			for range rapid.IntRange(1, 20).Draw(rt, "n") {
				now := noon.Add(time.Duration(rapid.IntRange(0, 23*3600).Draw(rt, "s")) * time.Second)
				live := rapid.SliceOf(rapid.Uint32Range(1, 20)).Draw(rt, "live")
				m, err := tx.NextMark(now, live)
				if err != nil {
					return err
				}
				if given[m] || m == 0 || m == 65535 {
					rt.Fatalf("mark %d", m)
				}
				for _, l := range live {
					if uint32(m) == l {
						rt.Fatalf("mark %d is live", m)
					}
				}
				given[m] = true
			}
			return tx.Audit("a.b", nil)
		}); err != nil {
			rt.Fatal(err)
		}
	})
}

package disk

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"monban/gateway/bootslot"
)

// Wherever the power fails, the next start is the old version or the new one,
// and the box can be updated from there.
func TestPowerCut(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for _, board := range boards {
		for _, way := range []string{"update", "back"} {
			t.Run(board+" "+way, func(t *testing.T) {
				seen := map[string]int{}
				for seed := range seeds {
					for cutAt := 1; ; cutAt++ {
						b := factory(board, seed<<16+uint64(cutAt))
						if way == "back" { // from a new version that is kept
							through(t, b, old, next)
						}
						b.steps, b.cutAt = 0, cutAt
						cut := b.lost(func() {
							if way == "back" {
								goBack(t, b)
							} else {
								through(t, b, old, next)
							}
						})
						b.cutAt, b.frail = 0, true
						v, err := b.boot(pieces(board))
						b.frail = false
						if err != nil || v != old && v != next {
							t.Fatalf("cut after step %d (seed %d): %v starts (%v)\n%v", cutAt, seed, v, err, slices.Sorted(maps.Keys(b.names)))
						}
						seen[v.String()]++
						if s := status(t, b, v); strings.Contains(s, "failed=") && !b.tried[next] {
							t.Fatalf("cut after step %d (seed %d): never tried, and told as %s\n%v", cutAt, seed, s, slices.Sorted(maps.Keys(b.names)))
						}
						goesOn(t, b, v)
						if !cut {
							break
						}
					}
				}
				if len(seen) != 2 {
					t.Errorf("only %v was seen", seen)
				}
				t.Logf("started after a cut: %v", seen)
			})
		}
	}
}

// through is a whole update of b, from what runs to another version.
func through(t *testing.T, b *box, from, to bootslot.Version) {
	t.Helper()
	boot := piece(b.board, to)
	s := slots(b, from)
	for _, act := range []func() error{
		func() error {
			return s.Install(bytes.NewReader(pack(manifest(b.board, to, boot, roots[to]), boot, roots[to])), bootslot.Sum{})
		},
		s.Arm, s.Reboot,
	} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := b.boot(pieces(b.board)); err != nil || v != to {
		t.Fatalf("boots %s (%v)", v, err)
	}
	for _, act := range []func() error{slots(b, to).Begin, slots(b, to).Commit} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
	}
}

func goBack(t *testing.T, b *box) {
	t.Helper()
	for _, act := range []func() error{func() error { return slots(b, next).Back(nil) }, slots(b, next).Reboot} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := b.boot(pieces(b.board)); err != nil || v != old {
		t.Fatalf("boots %s (%v)", v, err)
	}
}

// The power fails after a restart was asked for and before it comes, which takes
// minutes.
func TestCutBeforeRestart(t *testing.T) {
	for board, want := range map[string]string{"uefi": "b trial other=1.2.3", "rpi": "a armed waiting=1.3.0"} {
		b := ready(t, board)
		b.cutAt = b.steps + 1
		if board == "rpi" {
			b.cutAt++ // the firmware is told
		}
		if !b.lost(func() { _ = slots(b, old).Reboot() }) {
			t.Fatal("no cut")
		}
		b.cutAt = 0
		v, err := b.boot(pieces(board))
		if got := status(t, b, v); err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", board, got, want, err)
		}
		goesOn(t, b, v)
	}
}

// A version that starts and dies is told as failed if it came so far as to say
// that it was started; what the loader counted says it by itself.
func TestDiesEarly(t *testing.T) {
	for _, c := range []struct {
		board         string
		sealed, begin bool
		want          string
	}{
		{"uefi", false, false, "a failed=1.3.0"},
		{"uefi", false, true, "a failed=1.3.0"},
		{"uefi", true, false, "b trial other=1.2.3"}, // nobody has told the loader
		{"uefi", true, true, "a failed=1.3.0"},
		{"rpi", false, false, "a armed waiting=1.3.0"},
		{"rpi", false, true, "a failed=1.3.0"},
	} {
		b := ready(t, c.board)
		b.sealed = c.sealed
		if err := slots(b, old).Reboot(); err != nil {
			t.Fatal(err)
		}
		if v, err := b.boot(pieces(c.board)); err != nil || v != next {
			t.Fatalf("%+v: boots %s (%v)", c, v, err)
		}
		if c.begin {
			for range 2 {
				if err := slots(b, next).Begin(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := status(t, b, next); got != "b trial other=1.2.3" {
			t.Errorf("%+v: on trial %s", c, got)
		}
		v, err := b.boot(pieces(c.board)) // the watchdog
		if got := status(t, b, v); err != nil || got != c.want {
			t.Errorf("%+v: %s (%v)", c, got, err)
		}
		if v == next { // it does not hang, but gets not healthy
			if err := slots(b, next).Back(nil); err != nil {
				t.Error(err)
			}
			v, err = b.boot(pieces(c.board))
			if got := status(t, b, v); err != nil || got != "a failed=1.3.0" {
				t.Errorf("%+v: in the end %s (%v)", c, got, err)
			}
		}
		b.sealed = false
		goesOn(t, b, v)
	}
}

// A Pi was told to try the new version, and cannot begin its restart. That it
// was told cannot be taken back.
func TestPiCannotRestart(t *testing.T) {
	for _, power := range []bool{false, true} {
		b := ready(t, "rpi")
		b.noReboot = errors.New("no")
		if err := slots(b, old).Reboot(); code(t, err) != "slot.no_reboot" {
			t.Fatal(err)
		}
		b.noReboot = nil
		if got := status(t, b, old); got != "a armed waiting=1.3.0" {
			t.Error(got)
		}
		if err := slots(b, old).Back(nil); err != nil {
			t.Fatal(err)
		}
		want := "b trial other=1.2.3"
		if power {
			b.cut()
			want = "a waiting=1.3.0"
		}
		v, err := b.boot(pieces("rpi"))
		if got := status(t, b, v); err != nil || got != want {
			t.Errorf("%s, want %s (%v)", got, want, err)
		}
		if !power {
			if err := slots(b, next).Begin(); err != nil {
				t.Error(err)
			}
			if v, err = b.boot(pieces("rpi")); err != nil || status(t, b, v) != "a failed=1.3.0" {
				t.Errorf("after it: %s (%v)", status(t, b, v), err)
			}
		}
		goesOn(t, b, v)
	}
}

// goesOn sees that a box that runs v after a cut is whole: it says how it stands,
// and an update goes through to its end, from what is kept.
func goesOn(t *testing.T, b *box, v bootslot.Version) {
	t.Helper()
	s := status(t, b, v)
	if strings.Contains(s, "trial") {
		if err := slots(b, v).Commit(); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if strings.Contains(s, "waiting") { // then it is whole, and known for what it is
		if st, err := slots(b, v).Status(); err != nil || st.Sum != sumOf(b.board, next) {
			t.Fatalf("%s: %x (%v) waits", s, st.Sum, err)
		}
		for _, act := range []func() error{slots(b, v).Arm, slots(b, v).Reboot} {
			if err := act(); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
		if got, err := b.boot(pieces(b.board)); err != nil || got != next {
			t.Fatalf("%s: %s starts (%v)", s, got, err)
		}
		if err := slots(b, next).Commit(); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	} else if v != next { // else it has come through
		through(t, b, v, next)
	}
	if got, err := b.boot(pieces(b.board)); err != nil || got != next {
		t.Fatalf("%s: in the end %s starts (%v)", s, got, err)
	}
	if s := status(t, b, next); strings.Contains(s, "trial") || strings.Contains(s, "failed") {
		t.Fatalf("in the end: %s", s)
	}
}

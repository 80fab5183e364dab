package disk

import (
	"bytes"
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
			return s.Install(bytes.NewReader(pack(manifest(b.board, to, boot, roots[to]), boot, roots[to])))
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
	if err := slots(b, to).Commit(); err != nil {
		t.Fatal(err)
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
	if strings.Contains(s, "waiting") { // then it is whole
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

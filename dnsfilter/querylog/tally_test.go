package querylog

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// A tally says what a map would, over growth and reuse.
func TestTallyIsAMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	sum := newTally()
	for round, n := range []int{100, 60_000, 1000} {
		want := map[Count]uint64{}
		for range n {
			r := Record{At: noon.Add(time.Duration(rnd.IntN(3)) * time.Hour), Client: netip.AddrFrom4([4]byte{10, 0, 0, byte(rnd.IntN(5))}),
				Name: fmt.Sprintf("n%d.example", rnd.IntN(n)), Verdict: Verdict(1 + rnd.IntN(4)), Reason: []string{"a", "b"}[rnd.IntN(2)]}
			if rnd.IntN(2) == 0 {
				r.Owner = "m" + r.Client.String()
			}
			sum.record(&r)
			want[Count{Hour: r.At.UnixMilli() / hourMillis, Device: deviceOf(r.Owner, r.Client), Name: r.Name, Verdict: r.Verdict, Reason: r.Reason}]++
		}
		got := sum.counts(7)
		if got.Next != 7 || len(got.All) != len(want) {
			t.Fatalf("round %d: %d sums up to %d, want %d", round, len(got.All), got.Next, len(want))
		}
		for _, c := range got.All {
			n := c.N
			c.N = 0
			if want[c] != n {
				t.Errorf("round %d: %+v: %d, want %d", round, c, n, want[c])
			}
		}
		sum.reset()
	}
	if len(sum.n) != leastSlots || len(sum.names.slots) != leastSlots {
		t.Errorf("kept %d and %d places", len(sum.n), len(sum.names.slots))
	}
}

// A clock that is set again and again costs no more than the hours' numbers.
func TestTallyOfAWildClock(t *testing.T) {
	sum := newTally()
	total := uint64(0)
	for h := range 5000 {
		r := Record{At: noon.Add(time.Duration(h) * time.Hour), Client: desk, Name: "x.example", Verdict: Answered}
		sum.record(&r)
	}
	for _, c := range sum.counts(1).All {
		total += c.N
	}
	if total != 5000 || len(sum.hours) > 1<<hourBits {
		t.Errorf("%d of 5000 counted in %d hours", total, len(sum.hours))
	}
}

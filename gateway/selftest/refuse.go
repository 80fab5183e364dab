package selftest

import (
	"context"
	"fmt"
	"time"

	"monban/firewall"
)

// A counter of refusals is the kernel's; only its difference means something.
type counts map[string]firewall.Count

// reader reads the kernel's named counters.
type reader func() (counts, error)

const (
	rounds = 2 // each shot must be counted this often
	tries  = 3 // for a single shot whose count does not come out
	settle = 30 * time.Millisecond
	listen = 50 * time.Millisecond // for answers after a round
	// enough single shots that did not come out: the box is open, or the
	// rules are not ours; which of the others passed is not looked into.
	enough = 24
)

// refused fires all shots, twice, and notes which of them the kernel refused
// and which were answered.
//
// A hole is not always heard of (UDP), so the count decides: it must rise by
// exactly what was sent. Strangers on the internet make it rise too; where it
// does not come out, the shots are halved until it does or one is left.
func (b *bench) refused(ctx context.Context, read reader, shots []*shot) error {
	odd := 0
	for n := range rounds {
		var again []*shot
		for _, s := range shots {
			if s.hits == n && !s.back {
				again = append(again, s)
			}
		}
		if err := b.fire(ctx, read, again, &odd); err != nil {
			return err
		}
		b.hear(shots)
	}
	return nil
}

// answered fires all shots once and notes only what came back.
func (b *bench) answered(shots []*shot) error {
	for _, s := range shots {
		if err := b.probe.send(s.segment); err != nil {
			return err
		}
	}
	b.hear(shots)
	return nil
}

func (b *bench) fire(ctx context.Context, read reader, shots []*shot, odd *int) error {
	if len(shots) == 0 || *odd >= enough {
		return nil
	}
	n, missed := 1, true
	if len(shots) == 1 {
		n = tries
	}
	for range n {
		if err := ctx.Err(); err != nil {
			return err
		}
		less, more, err := b.volley(read, shots)
		if err != nil {
			return err
		}
		if !less && !more {
			for _, s := range shots {
				s.hits++
			}
			return nil
		}
		missed = missed && less
	}
	if len(shots) == 1 {
		shots[0].missed = missed
		*odd++
		return nil
	}
	half := len(shots) / 2
	if err := b.fire(ctx, read, shots[:half], odd); err != nil {
		return err
	}
	return b.fire(ctx, read, shots[half:], odd)
}

// volley sends the shots and says whether a counter rose by less or by more
// than it should have.
func (b *bench) volley(read reader, shots []*shot) (less, more bool, err error) {
	want := map[string]uint64{}
	for _, s := range shots {
		want[s.counter]++
	}
	before, err := read()
	if err != nil {
		return false, false, fmt.Errorf("reading counters: %w", err)
	}
	for _, s := range shots {
		if err := b.probe.send(s.segment); err != nil {
			return false, false, err
		}
	}
	// The packets are through when send returns, as a rule.
	for deadline := time.Now().Add(settle); ; time.Sleep(5 * time.Millisecond) {
		after, err := read()
		if err != nil {
			return false, false, fmt.Errorf("reading counters: %w", err)
		}
		less, more = false, false
		for name, n := range want {
			rose := after[name].Packets - before[name].Packets
			less = less || rose < n
			more = more || rose > n // also a counter that was set back
		}
		if more || !less || time.Now().After(deadline) {
			return less, more, nil
		}
	}
}

// hear notes which shots something came back for.
func (b *bench) hear(shots []*shot) {
	b.probe.await(listen, func(s segment) bool {
		if a := s.to.Addr(); a == b.probe4 || a == b.probe6 {
			if i := int(s.to.Port()) - firstPort; i >= 0 && i < len(shots) && shots[i].from.Addr() == a {
				shots[i].back = true
			}
		}
		return false
	})
}

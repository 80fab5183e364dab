package kernel

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// leastRest is the time under which an element is not carried over: what is
// as good as over must not come back.
const leastRest = 50 * time.Millisecond

// A timed is an element with the end of its life on CLOCK_BOOTTIME, which no
// clock step moves.
type timed struct {
	firewall.Elem
	end time.Duration
}

// rebuild deletes the table and makes it anew in one transaction. Elements of
// live sets that rs has with the same fields go over with the rest of their
// time; counts of windows go over as well, those of attempts do not.
func (k *Kernel) rebuild(have snapshot, rs firewall.Ruleset) error {
	k.told.forgetAll() // what is about to end is not carried over
	carry := map[string][]timed{}
	for _, old := range have.rules.Sets {
		w, ok := rs.Set(old.Name)
		if !old.Live() || !ok || !slices.Equal(w.Key, old.Key) || !slices.Equal(w.Data, old.Data) {
			continue
		}
		els, now, err := k.liveElements(old.Name)
		if err != nil {
			return err
		}
		for _, e := range els {
			switch {
			case old.Name == "win_bytes":
				add(k.passed, e)
			case old.Name == "win_dead":
				add(k.dead, e)
			case w.Timeout && e.left > 0:
				carry[old.Name] = append(carry[old.Name], timed{e.Elem, now + e.left})
			}
		}
	}
	return k.batch(func(c *nftables.Conn) error {
		c.DelTable(table())
		fresh := snapshot{counts: have.counts}
		if err := replace(c, fresh, rs); err != nil {
			return err
		}
		for name, els := range carry {
			s, _ := rs.Set(name)
			if err := addTimed(c, s, els, bootTime(), leastRest); err != nil {
				return err
			}
		}
		return nil
	})
}

func add(m map[firewall.Mark]firewall.Count, e element) {
	mark := markOf(e.Key[0].From)
	c := m[mark]
	c.Packets += e.count.Packets
	c.Bytes += e.count.Bytes
	m[mark] = c
}

// addTimed queues elements with what is left of their time at now, without
// those that have less than least.
func addTimed(c *nftables.Conn, s firewall.Set, els []timed, now, least time.Duration) error {
	n, err := encodeSet(table(), s)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(els, maxElements) {
		var out []nftables.SetElement
		for _, e := range part {
			if e.end-now < least {
				continue
			}
			enc, err := encodeElem(s, e.Elem, e.end-now)
			if err != nil {
				return err
			}
			out = append(out, enc...)
		}
		if len(out) == 0 {
			continue
		}
		if err := c.SetAddElements(n, out); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
	}
	return nil
}

// bootTime is the time since the start, suspended time included.
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("kernel: no CLOCK_BOOTTIME: " + err.Error()) // Linux has had it since 2.6.39
	}
	return time.Duration(ts.Nano())
}

// markOf is the mark of an element's value, without the governed bit.
func markOf(v firewall.Value) firewall.Mark {
	var n uint32
	for _, b := range []byte(v) {
		n = n<<8 | uint32(b)
	}
	return firewall.Mark(n)
}

package kernel

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// Errors an opening, or a change of one, is refused with.
var (
	ErrOpen    = errors.New("this mark is open already")
	ErrNotOpen = errors.New("this mark is not open")
	ErrTaken   = errors.New("another open window has this way")
)

// OpenWindow opens a window, for o.For from the moment of the call, and
// returns it as read back. Then it removes what conntrack keeps of flows of
// earlier windows between the same ends: on the same ports they would be
// refused as theirs. That takes a look through all of conntrack, for which
// flows on other ports need not wait. Flows of the mark itself stay, so that a
// window lost to somebody's "flush ruleset" can be put back for the rest of its
// time without cutting its sessions.
//
// It is ErrOpen if the mark is live, ErrTaken if another live window has a way
// that means some of the same packets. Nothing is open after an error.
func (k *Kernel) OpenWindow(o firewall.Opening) (Live, error) {
	end := bootTime() + o.For // before anything takes time
	els, err := o.Elements()
	if err != nil {
		return Live{}, err
	}
	l, t, err := k.putWindow(o, els, end)
	if err != nil {
		return Live{}, fmt.Errorf("opening window %d: %w", o.Mark, err)
	}
	if err := k.dropStale(o.Mark, o.Meets, t); err != nil {
		_, cerr := k.CloseWindow(o.Mark)
		return Live{}, errors.Join(fmt.Errorf("opening window %d: removing old flows: %w", o.Mark, err), cerr)
	}
	l.Left = max(0, end-bootTime()) // the look took its time
	return l, nil
}

// putWindow puts a window's elements into the kernel and reads them back. The
// table is that before it.
func (k *Kernel) putWindow(o firewall.Opening, els map[string][]firewall.Elem, end time.Duration) (Live, liveTable, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t, err := k.readLive()
	if err != nil {
		return Live{}, t, err
	}
	if _, ok := t.marks[o.Mark]; ok {
		return Live{}, t, ErrOpen
	}
	// Ways without their mark let nothing in. They are left when somebody else
	// took the mark away, and would be in its own window's way.
	if old := t.of(o.Mark); len(old) > 0 {
		if err := k.remove(old); err != nil && !errors.Is(err, unix.ENOENT) {
			return Live{}, t, fmt.Errorf("removing what is left of it: %w", err)
		}
		if t, err = k.readLive(); err != nil {
			return Live{}, t, err
		}
	}
	if err := t.free(els); err != nil {
		return Live{}, t, err
	}
	if err := k.addWays(els, end); err != nil {
		return Live{}, t, err
	}
	l, err := k.readBack(o.Mark, els, o.For)
	return l, t, err
}

// free reports ErrTaken if an element overlaps one that is live.
func (t liveTable) free(els map[string][]firewall.Elem) error {
	for name, es := range els {
		for _, e := range es {
			if slices.ContainsFunc(t.ways[name], e.Overlaps) {
				return ErrTaken
			}
		}
	}
	return nil
}

// addWays adds elements in one transaction, all ending at the same boot time.
func (k *Kernel) addWays(els map[string][]firewall.Elem, end time.Duration) error {
	return k.batch(func(c *nftables.Conn) error { return k.queueAdd(c, els, end) })
}

// queueAdd queues the adding of elements, all ending at the same boot time.
func (k *Kernel) queueAdd(c *nftables.Conn, els map[string][]firewall.Elem, end time.Duration) error {
	now := bootTime()
	for name, es := range els {
		s, ok := k.layout[name]
		if !ok {
			return fmt.Errorf("no set %s", name)
		}
		var ts []timed
		for _, e := range es {
			ts = append(ts, timed{e, end})
		}
		if err := addTimed(c, s, ts, now, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// readBack checks that the kernel holds all of els, ending when they should;
// else it takes everything of the mark away again.
func (k *Kernel) readBack(m firewall.Mark, els map[string][]firewall.Elem, most time.Duration) (Live, error) {
	t, err := k.readLive()
	if err == nil {
		ls := t.windows(bootTime())
		i := slices.IndexFunc(ls, func(l Live) bool { return l.Mark == m })
		open := i >= 0
		for name, es := range els {
			for _, e := range es {
				if name != "win_live" && !slices.ContainsFunc(t.ways[name], e.Equal) {
					open = false
				}
			}
		}
		// The kernel counts in ticks, so it may say a little more than asked.
		if open && ls[i].Left <= most+20*time.Millisecond {
			return ls[i], nil
		}
		err = errors.New("kernel does not hold it")
	}
	_, cerr := k.closeLocked(m)
	return Live{}, errors.Join(fmt.Errorf("reading window %d back: %w", m, err), cerr)
}

// CloseWindow closes a window now: its mark first, which cuts its flows in
// both directions, then its ways. It returns how many live flows that cut.
// Closing a window that is not open is no error. The flows' conntrack entries
// stay, as the tombstones that keep them from being taken up again.
func (k *Kernel) CloseWindow(m firewall.Mark) (cut int, err error) {
	k.mu.Lock()
	wasOpen, err := k.closeLocked(m)
	k.mu.Unlock()
	if err != nil || !wasOpen {
		return 0, err
	}
	// It is closed. How many flows that cut is worth knowing, not failing for:
	// whoever hears an error believes it open.
	n, err := k.countLive(m)
	if err != nil {
		return 0, nil
	}
	return n, nil
}

func (k *Kernel) closeLocked(m firewall.Mark) (wasOpen bool, err error) {
	for range 10 {
		t, err := k.readLive()
		if errors.Is(err, unix.ENOENT) {
			return false, nil // no table: nothing is open
		}
		if err != nil {
			return false, fmt.Errorf("closing window %d: %w", m, err)
		}
		all := map[string][]firewall.Elem{}
		if _, ok := t.marks[m]; ok {
			wasOpen = true
			all["win_live"] = []firewall.Elem{m.Elem()}
		}
		if err := k.remove(all); err != nil {
			if errors.Is(err, unix.ENOENT) {
				continue // it ended by itself meanwhile
			}
			return false, fmt.Errorf("closing window %d: %w", m, err)
		}
		if err := k.remove(t.of(m)); err != nil {
			if errors.Is(err, unix.ENOENT) {
				continue
			}
			return false, fmt.Errorf("closing window %d: %w", m, err)
		}
		return wasOpen, nil
	}
	return false, fmt.Errorf("closing window %d: its elements change all the time", m)
}

// of are the elements of the mark's ways.
func (t liveTable) of(m firewall.Mark) map[string][]firewall.Elem {
	out := map[string][]firewall.Elem{}
	for name, es := range t.ways {
		for _, e := range es {
			if name != "dnat4" && markOf(e.Data[0]) == m {
				out[name] = append(out[name], e)
			}
		}
	}
	if ds := t.translations(out["win4"]); len(ds) > 0 {
		out["dnat4"] = ds
	}
	return out
}

// translations are the elements of dnat4 that lead to the ways in of win4.
// They say where to, not whose they are; the way in with the same ends does.
func (t liveTable) translations(ways []firewall.Elem) (out []firewall.Elem) {
	for _, e := range ways {
		for _, d := range t.ways["dnat4"] {
			if d.Leads(e) {
				out = append(out, d)
			}
		}
	}
	return out
}

// remove deletes elements in a transaction of their own: one that has just
// ended makes the kernel undo the whole of it with ENOENT.
func (k *Kernel) remove(els map[string][]firewall.Elem) error {
	if len(els) == 0 {
		return nil
	}
	return k.batch(func(c *nftables.Conn) error { return k.queueRemove(c, els) })
}

// queueRemove queues the removing of elements, all of which must be there.
func (k *Kernel) queueRemove(c *nftables.Conn, els map[string][]firewall.Elem) error {
	for name, es := range els {
		s, ok := k.layout[name]
		if !ok {
			return fmt.Errorf("no set %s", name)
		}
		n, err := encodeSet(table(), s)
		if err != nil {
			return err
		}
		s.Timeout = false // a deletion names the key alone
		if err := eachChunk(s, es, func(els []nftables.SetElement) error { return c.SetDeleteElements(n, els) }); err != nil {
			return err
		}
	}
	return nil
}

// Forget drops what was counted for a window, once it is on record and no
// packet of it can come any more.
func (k *Kernel) Forget(m firewall.Mark) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.passed, m)
	delete(k.dead, m)
	for _, name := range []string{"win_bytes", "win_dead"} {
		err := k.remove(map[string][]firewall.Elem{name: {m.Elem()}})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("forgetting counts of window %d: %w", m, err)
		}
	}
	return nil
}

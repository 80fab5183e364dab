package kernel

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"monban/firewall"
)

// sweepAfter leaves alone what is about to end by itself: the elements of a
// window do not all end in the same tick.
const sweepAfter = time.Second

// Sweep removes ways that belong to no open window and says how many there
// were. Most let nothing in, since their mark is not live, but they are in the
// way of the next window on the same port. Those that no window has, though they
// name an open one, let in whom Live cannot say: their flows end with them.
func (k *Kernel) Sweep() (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	// The ways first, then the marks: of a window opened meanwhile, by the
	// self-test's own process, no way has been read without its mark.
	read := map[string][]element{}
	for _, name := range ways {
		els, _, err := k.liveElements(name)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return 0, fmt.Errorf("reading the ways in: %w", err)
		}
		read[name] = els
	}
	t, err := k.readLive()
	if errors.Is(err, unix.ENOENT) {
		return 0, nil // no table
	}
	if err != nil {
		return 0, fmt.Errorf("reading open windows: %w", err)
	}
	plain := plainOf(read)
	odd := firewall.Odd(plain)
	own := slices.DeleteFunc(plain["win4"], func(e firewall.Elem) bool { return slices.ContainsFunc(odd["win4"], e.Equal) })
	stray, n, marks := map[string][]firewall.Elem{}, 0, map[firewall.Mark]bool{}
	for name, els := range read {
		for _, e := range els {
			strange := slices.ContainsFunc(odd[name], e.Elem.Equal)
			if e.left != 0 && e.left <= sweepAfter || !strange && t.owned(name, e.Elem, own) {
				continue
			}
			stray[name] = append(stray[name], e.Elem)
			n++
			if m := markOf(e.Data[0]); strange {
				_, marks[m] = t.marks[m]
			}
		}
	}
	if n == 0 {
		return 0, nil
	}
	if err := k.remove(stray); errors.Is(err, unix.ENOENT) {
		return 0, nil // one ended meanwhile, which undoes the rest; the next sweep takes it
	} else if err != nil {
		return 0, fmt.Errorf("removing ways without a window: %w", err)
	}
	for m, live := range marks {
		if !live {
			continue // its flows are over already
		}
		if err := k.strandBeside(m, t.without(stray), func(firewall.Flow) bool { return true }); err != nil {
			return n, fmt.Errorf("ending flows of strange ways: %w", err)
		}
	}
	return n, nil
}

// plainOf are elements without their times.
func plainOf(read map[string][]element) map[string][]firewall.Elem {
	out := map[string][]firewall.Elem{}
	for name, els := range read {
		for _, e := range els {
			out[name] = append(out[name], e.Elem)
		}
	}
	return out
}

// owned says whether an element of a map of ways belongs to a window of t: by
// its mark, or for a translation by the way it leads to, which is one of ins.
// The self-test's own is its own to close, from another process, mark first.
func (t liveTable) owned(name string, e firewall.Elem, ins []firewall.Elem) bool {
	lives := func(m firewall.Mark) bool {
		_, ok := t.marks[m]
		return ok || m == firewall.Canary
	}
	if name != "dnat4" {
		return lives(markOf(e.Data[0]))
	}
	return slices.ContainsFunc(ins, func(w firewall.Elem) bool { return lives(markOf(w.Data[0])) && e.Leads(w) })
}

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
// were. They let nothing in, since their mark is not live, but they are in the
// way of the next window on the same port.
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
	stray, n := map[string][]firewall.Elem{}, 0
	for name, els := range read {
		for _, e := range els {
			if (e.left == 0 || e.left > sweepAfter) && !t.owned(name, e.Elem, read["win4"]) {
				stray[name] = append(stray[name], e.Elem)
				n++
			}
		}
	}
	if n == 0 {
		return 0, nil
	}
	if err := k.remove(stray); err != nil && !errors.Is(err, unix.ENOENT) {
		return 0, fmt.Errorf("removing ways without a window: %w", err)
	}
	return n, nil
}

// owned says whether an element of a map of ways belongs to a window of t: by
// its mark, or for a translation by the way it leads to, which is one of ins.
// The self-test's own is its own to close, from another process, mark first.
func (t liveTable) owned(name string, e firewall.Elem, ins []element) bool {
	lives := func(m firewall.Mark) bool {
		_, ok := t.marks[m]
		return ok || m == firewall.Canary
	}
	if name != "dnat4" {
		return lives(markOf(e.Data[0]))
	}
	return slices.ContainsFunc(ins, func(w element) bool { return lives(markOf(w.Data[0])) && e.Leads(w.Elem) })
}

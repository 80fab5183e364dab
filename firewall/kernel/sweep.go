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
	t, err := k.readLive()
	if errors.Is(err, unix.ENOENT) {
		return 0, nil // no table
	}
	if err != nil {
		return 0, fmt.Errorf("reading open windows: %w", err)
	}
	stray, n := map[string][]firewall.Elem{}, 0
	for _, name := range ways {
		els, _, err := k.liveElements(name)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("reading the ways in: %w", err)
		}
		for _, e := range els {
			if (e.left == 0 || e.left > sweepAfter) && !t.owned(name, e.Elem) {
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
// its mark, or for a translation by the way it leads to.
func (t liveTable) owned(name string, e firewall.Elem) bool {
	if name != "dnat4" {
		_, ok := t.marks[markOf(e.Data[0])]
		return ok
	}
	return slices.ContainsFunc(t.ways["win4"], func(w firewall.Elem) bool {
		_, ok := t.marks[markOf(w.Data[0])]
		return ok && e.Leads(w)
	})
}

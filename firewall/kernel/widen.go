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

// AddWays adds ways to the open window o.Mark for the rest of its time, since
// its device has a new address, say. Ways it has already are left as they are,
// and o.For does not count. It is ErrNotOpen if the window is not open or about
// to end, ErrTaken if another one has such a way.
func (k *Kernel) AddWays(o firewall.Opening) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	fail := func(err error) error { return fmt.Errorf("adding to window %d: %w", o.Mark, err) }
	t, end, err := k.rest(o.Mark)
	if err != nil {
		return fail(err)
	}
	o.For, o.ByName = firewall.MaxOpen, true
	els, err := o.Elements()
	if err != nil {
		return fail(err)
	}
	delete(els, "win_live")
	t.leave(els, firewall.Elem.Equal)
	if len(els) == 0 {
		return nil
	}
	if err := t.free(els); err != nil {
		return fail(err)
	}
	if err := k.dropStale(o.Mark, o.Meets, t); err != nil {
		return fail(fmt.Errorf("removing old flows: %w", err))
	}
	if err := k.addWays(els, end); err != nil {
		return fail(err)
	}
	_, err = k.readBack(o.Mark, els, end-bootTime())
	return err
}

// AddGates lets devices dial further addresses in the open window m, for the
// rest of its time: those its tool's names lead to. Gates that are there already
// are left, those of another window too: a flow has one mark. It is ErrNotOpen
// if the window is not open or about to end. Who asked for the name waits for
// it, so that flows of earlier windows are left to DropStale.
func (k *Kernel) AddGates(m firewall.Mark, gs []firewall.Gate) error {
	els, err := m.GateElems(gs)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	t, end, err := k.rest(m)
	if err != nil {
		return fmt.Errorf("adding to window %d: %w", m, err)
	}
	t.leave(els, firewall.Elem.Overlaps)
	if len(els) == 0 {
		return nil
	}
	if err := k.addWays(els, end); err != nil {
		return fmt.Errorf("adding to window %d: %w", m, err)
	}
	k.opened[m] = append(k.opened[m], gs...)
	return nil
}

// DropStale removes what conntrack keeps of flows of earlier windows through
// the gates opened since it was last called: on the same ports they would be
// refused as theirs.
func (k *Kernel) DropStale() error {
	k.mu.Lock()
	opened := k.opened
	k.opened = map[firewall.Mark][]firewall.Gate{}
	t, err := liveTable{}, error(nil)
	if len(opened) > 0 {
		t, err = k.readLive()
	}
	k.mu.Unlock()
	if err != nil {
		return fmt.Errorf("removing old flows: %w", err)
	}
	for m, gs := range opened {
		if err := k.dropStale(m, func(f firewall.Flow) bool { return throughAny(gs, f) }, t); err != nil {
			return fmt.Errorf("removing old flows from the gates of window %d: %w", m, err)
		}
	}
	return nil
}

// rest reads the table and says when an open window ends.
func (k *Kernel) rest(m firewall.Mark) (liveTable, time.Duration, error) {
	t, err := k.readLive()
	if err != nil {
		return t, 0, err
	}
	end, ok := t.marks[m]
	if !ok || end-bootTime() < leastRest {
		return t, 0, ErrNotOpen
	}
	return t, end, nil
}

// leave takes out of els what the table has the like of.
func (t liveTable) leave(els map[string][]firewall.Elem, like func(a, b firewall.Elem) bool) {
	for name, es := range els {
		es = slices.DeleteFunc(es, func(e firewall.Elem) bool {
			return slices.ContainsFunc(t.ways[name], func(have firewall.Elem) bool { return like(have, e) })
		})
		if els[name] = es; len(es) == 0 {
			delete(els, name)
		}
	}
}

// RemoveWays takes ways from the open window o.Mark, since its device no longer
// has the address or they never were its own, and ends the flows that no other
// way of the window is for: who has the address next is not meant. Ways that are
// not the window's, or not there, are none to take away; o.For does not count.
func (k *Kernel) RemoveWays(o firewall.Opening) error { return k.take(o.Mark, o.Ways(), o.Meets) }

// RemoveGates is RemoveWays for gates.
func (k *Kernel) RemoveGates(m firewall.Mark, gs []firewall.Gate) error {
	els, err := m.GateElems(gs)
	if err != nil {
		return err
	}
	return k.take(m, els, func(f firewall.Flow) bool { return throughAny(gs, f) })
}

func throughAny(gs []firewall.Gate, f firewall.Flow) bool {
	return slices.ContainsFunc(gs, func(g firewall.Gate) bool { return g.Meets(f) })
}

// take removes those of the elements that the window m has, then ends the flows
// they met.
func (k *Kernel) take(m firewall.Mark, els map[string][]firewall.Elem, meets func(firewall.Flow) bool) error {
	fail := func(err error) error { return fmt.Errorf("taking from window %d: %w", m, err) }
	k.mu.Lock()
	defer k.mu.Unlock()
	for range 10 {
		t, err := k.readLive()
		if err != nil {
			return fail(err)
		}
		gone := t.only(els)
		if err := k.remove(gone); errors.Is(err, unix.ENOENT) {
			continue // one ended by itself meanwhile
		} else if err != nil {
			return fail(err)
		}
		if err := k.strandBeside(m, t.without(gone), meets); err != nil {
			return fail(fmt.Errorf("ending flows: %w", err))
		}
		return nil
	}
	return fail(errors.New("its elements change all the time"))
}

// strandBeside ends flows of the window m that none of the ways it keeps is for.
func (k *Kernel) strandBeside(m firewall.Mark, kept map[string][]firewall.Elem, which func(firewall.Flow) bool) error {
	ways, gates := firewall.WaysOf(kept)[m], firewall.GatesOf(kept)[m]
	return k.strand(m, func(f firewall.Flow) bool { return which(f) && !ways.Meets(f) && !throughAny(gates, f) })
}

// without is what the maps hold but for some elements.
func (t liveTable) without(gone map[string][]firewall.Elem) map[string][]firewall.Elem {
	out := map[string][]firewall.Elem{}
	for name, es := range t.ways {
		out[name] = slices.DeleteFunc(slices.Clone(es), func(e firewall.Elem) bool { return slices.ContainsFunc(gone[name], e.Equal) })
	}
	return out
}

// only are those of els that the table has, with the translations to them.
func (t liveTable) only(els map[string][]firewall.Elem) map[string][]firewall.Elem {
	out := map[string][]firewall.Elem{}
	for name, es := range els {
		for _, e := range es {
			if name != "dnat4" && slices.ContainsFunc(t.ways[name], e.Equal) {
				out[name] = append(out[name], e)
			}
		}
	}
	if ds := t.translations(out["win4"]); len(ds) > 0 {
		out["dnat4"] = ds
	}
	return out
}

// ExtendWindow gives an open window another end, left from now, and returns it
// as read back. Every element of it is replaced in one transaction, so that no
// packet finds one missing; deleting and adding is what kernels before 6.12 can
// do. If it is not open (ErrNotOpen) nothing is opened.
func (k *Kernel) ExtendWindow(m firewall.Mark, left time.Duration) (Live, error) {
	fail := func(err error) (Live, error) { return Live{}, fmt.Errorf("extending window %d: %w", m, err) }
	if left < firewall.MinOpen || left > firewall.MaxOpen {
		return fail(fmt.Errorf("cannot be open for %s", left))
	}
	end := bootTime() + left // before anything takes time
	k.mu.Lock()
	defer k.mu.Unlock()
	t, _, err := k.rest(m)
	if errors.Is(err, unix.ENOENT) {
		err = ErrNotOpen // no table
	}
	if err != nil {
		return fail(err)
	}
	els := t.of(m)
	els["win_live"] = []firewall.Elem{m.Elem()}
	err = k.batch(func(c *nftables.Conn) error {
		if err := k.queueRemove(c, els); err != nil {
			return err
		}
		return k.queueAdd(c, els, end)
	})
	if errors.Is(err, unix.ENOENT) {
		err = errors.Join(ErrNotOpen, err) // it ended meanwhile, and stays so
	}
	if err != nil {
		return fail(err)
	}
	return k.readBack(m, els, left)
}

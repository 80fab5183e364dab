package kernel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"

	"monban/firewall"
)

// Apply makes the kernel hold exactly rs, in one transaction: rules are
// written anew, static sets changed by their difference, and the elements of
// live sets with their timers left alone, so that an open window and its
// sessions notice nothing. Flows from the LAN that began when a vendor was none
// yet, or an address not blocked, end. Then it reads the table back; an error names the
// first difference. Applying twice is harmless. No other table is touched.
//
// Only where the table itself has another layout (another version of this
// program, a foreign hand) is it made anew: then elements that still fit are
// put back with the rest of their time.
func (k *Kernel) Apply(rs firewall.Ruleset) error {
	if err := rs.Check(); err != nil {
		return fmt.Errorf("refusing rules: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	have, err := k.snapshot()
	if err != nil {
		return fmt.Errorf("reading table %s: %w", firewall.Table, err)
	}
	if !have.exists {
		k.told.forgetAll()
	}
	if have.exists && needsRebuild(have, rs) {
		err = k.rebuild(have, rs)
	} else {
		err = k.batch(func(c *nftables.Conn) error { return replace(c, have, rs) })
		if errors.Is(err, unix.EMSGSIZE) {
			err = k.inPieces(have, rs)
		}
	}
	// ENOBUFS says that answers were lost, not that the change was: reading
	// back decides.
	if err != nil && !errors.Is(err, unix.ENOBUFS) {
		return fmt.Errorf("replacing table %s: %w", firewall.Table, err)
	}
	if err := k.compare(rs); err != nil {
		return err
	}
	if err := k.cutUnpermitted(have, rs); err != nil {
		return fmt.Errorf("cutting flows the new rules do not permit: %w", err)
	}
	return nil
}

// Read returns what the kernel holds of our table in the form of
// Ruleset.String, without elements of live sets. A rule or object that is not
// of our making shows as a line no Ruleset has.
func (k *Kernel) Read() (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, err := k.snapshot()
	if err != nil {
		return "", fmt.Errorf("reading table %s: %w", firewall.Table, err)
	}
	return s.String(), nil
}

// Holds reports nil if the kernel holds exactly rs, else the first difference.
func (k *Kernel) Holds(rs firewall.Ruleset) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.compare(rs)
}

// String is the table as text; empty if there is none.
func (s snapshot) String() string {
	if !s.exists {
		return ""
	}
	text := s.rules.String()
	for _, o := range s.odd {
		text += "# " + o + "\n"
	}
	return text
}

func (k *Kernel) compare(rs firewall.Ruleset) error {
	s, err := k.snapshot()
	if err != nil {
		return fmt.Errorf("reading table %s back: %w", firewall.Table, err)
	}
	want := rs
	want.Chains, want.Sets, want.Counters = slices.Clone(rs.Chains), slices.Clone(rs.Sets), slices.Clone(rs.Counters)
	want.Sort()
	got := strings.Split(s.String(), "\n")
	for i, line := range strings.Split(want.String(), "\n") {
		if i >= len(got) || got[i] != line {
			return fmt.Errorf("kernel holds other rules: line %d should be %q, is %q", i+1, line, slices.Concat(got, make([]string, i+1))[i])
		}
	}
	if n := strings.Count(want.String(), "\n"); len(got) > n+1 {
		return fmt.Errorf("kernel holds more than the rules: %q", got[n])
	}
	return nil
}

// needsRebuild says whether the table cannot become rs by replacing rules: a
// live set of another layout, a chain at another hook, things of other kinds.
func needsRebuild(have snapshot, rs firewall.Ruleset) bool {
	if len(have.odd) > 0 {
		return true
	}
	for _, s := range have.rules.Sets {
		w, ok := rs.Set(s.Name)
		if ok && !w.SameSchema(s) && (w.Live() || s.Live()) {
			return true
		}
	}
	for _, c := range have.rules.Chains {
		for _, w := range rs.Chains {
			if w.Name == c.Name && !sameHook(w.Hook, c.Hook) {
				return true
			}
		}
	}
	return false
}

func sameHook(a, b *firewall.Hook) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && a.At == b.At && a.Priority == b.Priority
}

// replace queues the whole change. Order matters: rules go before what they
// use, and come after it.
func replace(c *nftables.Conn, have snapshot, rs firewall.Ruleset) error {
	t := c.AddTable(table())
	if have.exists {
		c.FlushTable(t)
	}
	for _, ch := range have.rules.Chains {
		if !slices.ContainsFunc(rs.Chains, func(w firewall.Chain) bool { return w.Name == ch.Name }) {
			c.DelChain(&nftables.Chain{Table: t, Name: ch.Name})
		}
	}
	for _, n := range have.rules.Counters {
		if !slices.Contains(rs.Counters, n) {
			c.DeleteObject(&nftables.NamedObj{Table: t, Name: n, Type: nftables.ObjTypeCounter})
		}
	}
	for _, s := range have.rules.Sets {
		if w, ok := rs.Set(s.Name); !ok || !w.SameSchema(s) {
			c.DelSet(&nftables.Set{Table: t, Name: s.Name})
		}
	}
	for _, n := range rs.Counters {
		if !slices.Contains(have.rules.Counters, n) {
			c.AddObj(&nftables.NamedObj{Table: t, Name: n, Type: nftables.ObjTypeCounter,
				Obj: &expr.Counter{Packets: have.counts[n].Packets, Bytes: have.counts[n].Bytes}})
		}
	}
	for _, s := range rs.Sets {
		if err := replaceSet(c, t, have.rules, s); err != nil {
			return err
		}
	}
	return addChains(c, t, rs)
}

// replaceSet makes a set if there is none and brings a static one to the
// wanted elements.
func replaceSet(c *nftables.Conn, t *nftables.Table, have firewall.Ruleset, want firewall.Set) error {
	n, err := encodeSet(t, want)
	if err != nil {
		return err
	}
	old, ok := have.Set(want.Name)
	if !ok || !old.SameSchema(want) {
		old = firewall.Set{}
		if err := c.AddSet(n, nil); err != nil {
			return fmt.Errorf("set %s: %w", want.Name, err)
		}
	}
	if want.Live() {
		return nil
	}
	gone, added := difference(old.Elems, want.Elems)
	if err := eachChunk(want, gone, func(els []nftables.SetElement) error { return c.SetDeleteElements(n, els) }); err != nil {
		return err
	}
	return eachChunk(want, added, func(els []nftables.SetElement) error { return c.SetAddElements(n, els) })
}

// addChains queues all chains, then all rules: a jump needs its target.
func addChains(c *nftables.Conn, t *nftables.Table, rs firewall.Ruleset) error {
	chains := map[string]*nftables.Chain{}
	for _, ch := range rs.Chains {
		n := &nftables.Chain{Table: t, Name: ch.Name}
		if h := ch.Hook; h != nil {
			policy := nftables.ChainPolicyDrop
			if h.Policy == firewall.Accept {
				policy = nftables.ChainPolicyAccept
			}
			n.Type, n.Policy = nftables.ChainType(h.Type), &policy
			n.Hooknum = nftables.ChainHookRef(nftables.ChainHook(slices.Index(hookNames, h.At)))
			n.Priority = nftables.ChainPriorityRef(nftables.ChainPriority(h.Priority))
		}
		chains[ch.Name] = c.AddChain(n)
	}
	anon := func(ty firewall.Type, rs []firewall.Range) (*nftables.Set, error) { return addUnnamed(c, t, ty, rs) }
	for _, ch := range rs.Chains {
		for _, r := range ch.Rules {
			exprs, err := encodeRule(r, anon)
			if err != nil {
				return fmt.Errorf("chain %s: %w", ch.Name, err)
			}
			n := &nftables.Rule{Table: t, Chain: chains[ch.Name], Exprs: exprs}
			if r.Why != "" {
				n.UserData = userdata.AppendString(nil, userdata.TypeComment, r.Why)
			}
			c.AddRule(n)
		}
	}
	return nil
}

// addUnnamed queues the set of a match with several values.
func addUnnamed(c *nftables.Conn, t *nftables.Table, ty firewall.Type, rs []firewall.Range) (*nftables.Set, error) {
	n, err := encodeSet(t, firewall.Set{Key: []firewall.Type{ty}})
	if err != nil {
		return nil, err
	}
	n.Anonymous, n.Constant = true, true
	var els []nftables.SetElement
	for _, r := range rs {
		e, err := encodeElem(firewall.Set{Key: []firewall.Type{ty}}, firewall.Elem{Key: []firewall.Range{r}}, 0)
		if err != nil {
			return nil, err
		}
		els = append(els, e...)
	}
	if err := c.AddSet(n, els); err != nil {
		return nil, fmt.Errorf("unnamed set: %w", err)
	}
	return n, nil
}

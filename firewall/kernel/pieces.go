package kernel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"

	"monban/firewall"
)

// inPieces is Apply where the socket cannot hold the whole change (a user
// namespace may not enlarge it): everything but the block sets in one
// transaction, then those a thousand elements at a time. A blocked address
// that is blocked a moment later lets nobody in.
func (k *Kernel) inPieces(have snapshot, rs firewall.Ruleset) error {
	main := rs
	main.Sets = slices.Clone(rs.Sets)
	for i, s := range main.Sets {
		if !strings.HasPrefix(s.Name, "blocked") {
			continue
		}
		main.Sets[i].Elems = nil
		if old, ok := have.rules.Set(s.Name); ok && old.SameSchema(s) {
			main.Sets[i].Elems = old.Elems
		}
	}
	if err := k.batch(func(c *nftables.Conn) error { return replace(c, have, main) }); err != nil {
		return err
	}
	for i, s := range rs.Sets {
		n, err := encodeSet(table(), s)
		if err != nil {
			return err
		}
		gone, added := difference(main.Sets[i].Elems, s.Elems)
		for part := range slices.Chunk(gone, 1000) {
			if err := k.batch(func(c *nftables.Conn) error {
				return eachChunk(s, part, func(els []nftables.SetElement) error { return c.SetDeleteElements(n, els) })
			}); err != nil {
				return err
			}
		}
		for part := range slices.Chunk(added, 1000) {
			if err := k.batch(func(c *nftables.Conn) error {
				return eachChunk(s, part, func(els []nftables.SetElement) error { return c.SetAddElements(n, els) })
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachChunk encodes elements without time-out in pieces that fit one message
// each.
func eachChunk(s firewall.Set, els []firewall.Elem, send func([]nftables.SetElement) error) error {
	for part := range slices.Chunk(els, maxElements) {
		var out []nftables.SetElement
		for _, e := range part {
			n, err := encodeElem(s, e, 0)
			if err != nil {
				return err
			}
			out = append(out, n...)
		}
		if err := send(out); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
	}
	return nil
}

// difference returns what is only in a and what is only in b.
func difference(a, b []firewall.Elem) (onlyA, onlyB []firewall.Elem) {
	key := func(e firewall.Elem) string { // fields of a set have fixed lengths, so joined they stay apart
		var b strings.Builder
		for _, r := range e.Key {
			b.WriteString(string(r.From) + string(r.To))
		}
		for _, v := range e.Data {
			b.WriteString(string(v))
		}
		return b.String()
	}
	inB := map[string]bool{}
	for _, e := range b {
		inB[key(e)] = true
	}
	inA := map[string]bool{}
	for _, e := range a {
		inA[key(e)] = true
		if !inB[key(e)] {
			onlyA = append(onlyA, e)
		}
	}
	for _, e := range b {
		if !inA[key(e)] {
			onlyB = append(onlyB, e)
		}
	}
	return onlyA, onlyB
}

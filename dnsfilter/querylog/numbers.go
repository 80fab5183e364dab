package querylog

import (
	"bytes"
	"hash/maphash"
)

// numbers gives each different text a number, from 0 on in the order in which
// they come. A Go map of strings would allocate each text and hash what it
// grows over again; with every question another name that took more of the
// processor than answering them.
type numbers struct {
	seed  maphash.Seed
	slots []uint32 // by hash: number + 1, or 0; a power of two, at most half of them taken
	sums  []uint32 // by number: the hash
	ends  []uint32 // by number: where its text ends in text
	text  []byte
}

const leastSlots = 2 * slots

func newNumbers() *numbers {
	return &numbers{seed: maphash.MakeSeed(), slots: make([]uint32, leastSlots)}
}

// of returns b's number; b is copied if it is new.
func (n *numbers) of(b []byte) uint32 {
	sum := uint32(maphash.Bytes(n.seed, b))
	mask := uint32(len(n.slots) - 1)
	at := sum & mask
	for ; n.slots[at] != 0; at = (at + 1) & mask {
		if i := n.slots[at] - 1; n.sums[i] == sum && bytes.Equal(n.at(i), b) {
			return i
		}
	}
	i := uint32(len(n.sums))
	n.slots[at] = i + 1
	n.sums, n.text = append(n.sums, sum), append(n.text, b...)
	n.ends = append(n.ends, uint32(len(n.text)))
	if 2*len(n.sums) > len(n.slots) {
		n.grow()
	}
	return i
}

func (n *numbers) grow() {
	n.slots = make([]uint32, 2*len(n.slots))
	mask := uint32(len(n.slots) - 1)
	for i, at := range n.sums {
		for at &= mask; n.slots[at] != 0; at = (at + 1) & mask {
		}
		n.slots[at] = uint32(i) + 1
	}
}

// at returns the text with number i.
func (n *numbers) at(i uint32) []byte {
	from := uint32(0)
	if i > 0 {
		from = n.ends[i-1]
	}
	return n.text[from:n.ends[i]]
}

func (n *numbers) len() int { return len(n.sums) }

// reset forgets all texts; what a flood made big is given back.
func (n *numbers) reset() {
	if len(n.slots) > leastSlots {
		*n = numbers{seed: n.seed, slots: make([]uint32, leastSlots)}
	}
	clear(n.slots)
	n.sums, n.ends, n.text = n.sums[:0], n.ends[:0], n.text[:0]
}

package list

import (
	"bytes"
	"math/bits"
	"slices"

	"monban/gateway/text"
)

// A Builder collects names from sources and makes a List of them. The zero
// Builder is not usable; see NewBuilder.
type Builder struct {
	key     Key
	chunks  []*chunk // all full but the last; growing one slice would copy it
	count   int
	sources []Report
	table
}

// A table is what the entries have in common.
type table struct {
	classes     []class
	self, below depths
}

// A chunk is 12 bytes a name; a slice of structs would be 16.
type chunk struct {
	hash  [chunkSize]uint64
	where [chunkSize]place
}

const (
	chunkSize = 1 << 15
	maxNames  = maxLine // bounds the memory of a build: 22 bytes each meanwhile
	minWidth  = 12      // with 48 bits stored, 60 tell names apart in the smallest list
)

// NewBuilder returns a Builder that hashes with k.
func NewBuilder(k Key) *Builder { return &Builder{key: k} }

// add takes one more canonical name.
func (b *Builder) add(name []byte, what class, line int) error {
	if b.count == maxNames {
		return errTooBig
	}
	i := slices.Index(b.classes, what)
	if i < 0 {
		if i = len(b.classes); i == maxClasses {
			return text.NewFault("dns.too_many_lists", "max", maxSources)
		}
		b.classes = append(b.classes, what)
	}
	if b.count%chunkSize == 0 {
		b.chunks = append(b.chunks, new(chunk))
	}
	c, at := b.chunks[len(b.chunks)-1], b.count%chunkSize
	c.hash[at], c.where[at] = sip(b.key, name), place(i)<<lineBits|place(line)
	b.count++
	n := bytes.Count(name, []byte(".")) + 1
	if what&holdsSelf != 0 {
		b.self.add(n)
	}
	if what&holdsBelow != 0 {
		b.below.add(n)
	}
	return nil
}

// cut forgets all names but the first n, so that a source that breaks off
// leaves nothing behind.
func (b *Builder) cut(n int, t table) {
	b.chunks = b.chunks[:(n+chunkSize-1)/chunkSize]
	b.count, b.table = n, t
}

// Build returns the List of all names added; of lines that say the same of a
// name the first is kept. The Builder is empty afterwards.
func (b *Builder) Build() *List {
	width := max(minWidth, bits.Len(uint(b.count/16))) // 8 to 16 names a bucket
	l := &List{
		key: b.key, width: uint(width), sources: b.sources, classes: b.classes, self: b.self, below: b.below,
		start: make([]uint32, 1<<width+1),
		tails: make([]uint32, b.count),
		more:  make([]uint16, b.count),
		where: make([]place, b.count),
	}
	chunks, count := b.chunks, b.count
	*b = Builder{key: b.key}
	l.scatter(chunks, count)
	l.sort()
	l.settle()
	return l
}

// settle sets what follows from the sources and classes.
func (l *List) settle() {
	for i, r := range l.sources {
		if r.Format == RPZ || r.Format == DNSMasq {
			l.specific |= 1 << i
		}
	}
	l.exceptions = slices.ContainsFunc(l.classes, func(c class) bool { return c&exception != 0 })
}

// scatter puts every entry into its bucket and the chunks away; afterwards
// start holds the ends of the buckets.
func (l *List) scatter(chunks []*chunk, count int) {
	shift := 64 - l.width
	for k, c := range chunks {
		for _, h := range c.hash[:min(chunkSize, count-k*chunkSize)] {
			l.start[h>>shift+1]++
		}
	}
	for i := 1; i < len(l.start); i++ {
		l.start[i] += l.start[i-1]
	}
	for k, c := range chunks {
		for i, h := range c.hash[:min(chunkSize, count-k*chunkSize)] {
			at := l.start[h>>shift]
			l.start[h>>shift]++
			h <<= l.width
			l.tails[at], l.more[at], l.where[at] = uint32(h>>32), uint16(h>>16), c.where[i]
		}
		chunks[k] = nil
	}
}

// sort orders each bucket, drops repeats and what was withdrawn, and closes
// the gaps they leave.
func (l *List) sort() {
	lo, to := uint32(0), uint32(0)
	for k := range len(l.start) - 1 {
		hi := l.start[k]
		l.start[k] = to
		l.sortBucket(lo, hi)
		for lo < hi {
			end := lo + 1
			for end < hi && l.tails[end] == l.tails[lo] && l.more[end] == l.more[lo] {
				end++
			}
			to = l.keep(lo, end, to)
			lo = end
		}
	}
	l.start[len(l.start)-1] = to
	l.tails, l.more, l.where = shrunk(l.tails, to), shrunk(l.more, to), shrunk(l.where, to)
}

// keep moves what counts of the entries of one name to to, and returns the
// place after it.
func (l *List) keep(lo, hi, to uint32) uint32 {
	if hi == lo+1 && l.classes[l.where[lo]>>lineBits]&withdrawn == 0 { // mostly
		l.tails[to], l.more[to], l.where[to] = l.tails[lo], l.more[lo], l.where[lo]
		return to + 1
	}
	var gone [maxClasses]bool // withdrawn, or there already
	for _, p := range l.where[lo:hi] {
		if c := l.classes[p>>lineBits]; c&withdrawn != 0 {
			if i := slices.Index(l.classes, c&^withdrawn); i >= 0 {
				gone[i] = true
			}
		}
	}
	for i := lo; i < hi; i++ {
		k := l.where[i] >> lineBits
		if l.classes[k]&withdrawn != 0 || gone[k] {
			continue
		}
		gone[k] = true
		l.tails[to], l.more[to], l.where[to] = l.tails[i], l.more[i], l.where[i]
		to++
	}
	return to
}

// sortBucket is an insertion sort, for buckets are short. Equal hashes keep
// their order, so the first line wins. A bucket is long when a few names stand
// on very many lines.
func (l *List) sortBucket(lo, hi uint32) {
	if hi-lo > 256 {
		l.sortLong(lo, hi)
		return
	}
	for i := lo + 1; i < hi; i++ {
		t, m, w := l.tails[i], l.more[i], l.where[i]
		j := i
		for ; j > lo && (l.tails[j-1] > t || l.tails[j-1] == t && l.more[j-1] > m); j-- {
			l.tails[j], l.more[j], l.where[j] = l.tails[j-1], l.more[j-1], l.where[j-1]
		}
		l.tails[j], l.more[j], l.where[j] = t, m, w
	}
}

func (l *List) sortLong(lo, hi uint32) {
	type entry struct {
		hash  uint64
		where place
	}
	all := make([]entry, 0, hi-lo)
	for i := lo; i < hi; i++ {
		all = append(all, entry{uint64(l.tails[i])<<16 | uint64(l.more[i]), l.where[i]})
	}
	byHash := func(a, b entry) int {
		switch {
		case a.hash < b.hash:
			return -1
		case a.hash > b.hash:
			return 1
		}
		return 0
	}
	if !slices.IsSortedFunc(all, byHash) {
		slices.SortStableFunc(all, byHash)
	}
	for k, e := range all {
		i := lo + uint32(k)
		l.tails[i], l.more[i], l.where[i] = uint32(e.hash>>16), uint16(e.hash), e.where
	}
}

// shrunk copies s when many repeats left it mostly unused.
func shrunk[T any](s []T, n uint32) []T {
	s = s[:n]
	if cap(s) > len(s)+len(s)/8 {
		return append(make([]T, 0, n), s...)
	}
	return s
}

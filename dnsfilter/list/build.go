package list

import (
	"math/bits"
	"slices"
)

// A Builder collects names from sources and makes a List of them. The zero
// Builder is not usable; see NewBuilder.
type Builder struct {
	key     Key
	chunks  [][]pair // all full but the last; growing one slice would copy it
	count   int
	sources []Report
}

type pair struct {
	hash  uint64
	where place
}

const (
	chunkSize = 1 << 15
	// maxNames bounds the memory of a build: 16 bytes each meanwhile.
	maxNames = 16 << 20
)

// NewBuilder returns a Builder that hashes with k.
func NewBuilder(k Key) *Builder { return &Builder{key: k} }

// add takes one more canonical name; false when there are too many.
func (b *Builder) add(name string, where place) bool {
	if b.count == maxNames {
		return false
	}
	if b.count%chunkSize == 0 {
		b.chunks = append(b.chunks, make([]pair, 0, chunkSize))
	}
	last := &b.chunks[len(b.chunks)-1]
	*last = append(*last, pair{b.key.hash(name), where})
	b.count++
	return true
}

// cut forgets all names but the first n, so that a source that breaks off
// leaves nothing behind.
func (b *Builder) cut(n int) {
	b.chunks = b.chunks[:(n+chunkSize-1)/chunkSize]
	if n%chunkSize != 0 {
		last := &b.chunks[len(b.chunks)-1]
		*last = (*last)[:n%chunkSize]
	}
	b.count = n
}

// Build returns the List of all names added; a name on several lines is kept
// with its first. The Builder is empty afterwards.
func (b *Builder) Build() *List {
	width := bits.Len(uint(b.count / 32)) // 16 to 32 names a bucket
	l := &List{
		key: b.key, shift: uint(64 - width), sources: b.sources,
		start:  make([]uint32, 1<<width+1),
		hashes: make([]uint64, b.count),
		where:  make([]place, b.count),
	}
	l.scatter(b.chunks)
	b.chunks, b.count, b.sources = nil, 0, nil
	l.sort()
	return l
}

// scatter puts every pair into its bucket; afterwards start holds the ends of
// the buckets.
func (l *List) scatter(chunks [][]pair) {
	for _, c := range chunks {
		for _, p := range c {
			l.start[p.hash>>l.shift+1]++
		}
	}
	for i := 1; i < len(l.start); i++ {
		l.start[i] += l.start[i-1]
	}
	for _, c := range chunks {
		for _, p := range c {
			at := &l.start[p.hash>>l.shift]
			l.hashes[*at], l.where[*at] = p.hash, p.where
			*at++
		}
	}
}

// sort orders each bucket, drops repeats and closes the gaps they leave.
func (l *List) sort() {
	lo, to := uint32(0), uint32(0)
	for k := range len(l.start) - 1 {
		hi := l.start[k]
		l.start[k] = to
		l.sortBucket(int(lo), int(hi))
		for i := lo; i < hi; i++ {
			if i > lo && l.hashes[i] == l.hashes[i-1] {
				continue
			}
			l.hashes[to], l.where[to] = l.hashes[i], l.where[i]
			to++
		}
		lo = hi
	}
	l.start[len(l.start)-1] = to
	l.hashes, l.where = shrunk(l.hashes, to), shrunk(l.where, to)
}

// sortBucket is an insertion sort: buckets are short, and a bucket that is
// long because one name stands on a million lines is in order already. Equal
// hashes keep their order, so the first place wins.
func (l *List) sortBucket(lo, hi int) {
	for i := lo + 1; i < hi; i++ {
		h, w := l.hashes[i], l.where[i]
		j := i
		for ; j > lo && l.hashes[j-1] > h; j-- {
			l.hashes[j], l.where[j] = l.hashes[j-1], l.where[j-1]
		}
		l.hashes[j], l.where[j] = h, w
	}
}

// shrunk copies s when many repeats left it mostly unused.
func shrunk[T any](s []T, n uint32) []T {
	s = s[:n]
	if cap(s) > len(s)+len(s)/8 {
		return slices.Clone(s)
	}
	return s
}

package list

import (
	"bytes"
	"maps"
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
	known map[string]uint32 // limits, by what they say
	// patterns are those of all sources so far, for their bounds; Build makes
	// new ones.
	found patterns
}

// A table is what the entries have in common, and what is said of few.
type table struct {
	classes     []class
	self, below depths
	limits      []limit
	limitSize   int
	limited     []limited
	patterns    int // how many there are
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
func NewBuilder(k Key) *Builder { return &Builder{key: k, known: map[string]uint32{}} }

// add takes one more canonical name.
func (b *Builder) add(name []byte, what class, line int) error {
	return b.enter(name, what, what, line)
}

// enter is add for an entry of one class of which says is said.
func (b *Builder) enter(name []byte, what, says class, line int) error {
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
	if says&holdsSelf != 0 {
		b.self.add(n)
	}
	if says&holdsBelow != 0 {
		b.below.add(n)
	}
	return nil
}

// addLimited is add for a name of which the line says more; full is true if
// there is no room for it.
func (b *Builder) addLimited(name []byte, what class, line int, m *limit) (full bool, err error) {
	i, ok := b.limit(m)
	if !ok || len(b.limited) == lineLimited {
		return true, nil
	}
	source := what.source()
	if err := b.enter(name, class(source)<<flagBits|underLimit|holdsSelf|holdsBelow, what, line); err != nil {
		return false, err
	}
	b.limited = append(b.limited, limited{At: atLine(source, line), Says: what & flags, Limit: i})
	return false, nil
}

// limit keeps m, once; false without room.
func (b *Builder) limit(m *limit) (uint32, bool) {
	key := m.key()
	i, ok := b.known[key]
	if ok {
		return i, true
	}
	if b.limitSize+m.size() > limitBytes {
		return 0, false
	}
	i = uint32(len(b.limits))
	b.known[key], b.limitSize = i, b.limitSize+m.size()
	b.limits = append(b.limits, *m)
	return i, true
}

// addPattern takes a rule that is no name. The error says why it cannot be.
func (b *Builder) addPattern(p pattern, m *limit) error {
	if !m.none() {
		i, ok := b.limit(m)
		if !ok {
			return errRegexLarge
		}
		p.Limit = i + 1
	}
	if err := b.found.add(p); err != nil {
		return err
	}
	b.patterns++
	return nil
}

// cut forgets all names but the first n, so that a source that breaks off
// leaves nothing behind.
func (b *Builder) cut(n int, t table) {
	b.chunks = b.chunks[:(n+chunkSize-1)/chunkSize]
	b.count, b.table = n, t
	maps.DeleteFunc(b.known, func(_ string, i uint32) bool { return int(i) >= len(t.limits) })
	if len(b.found.all) > t.patterns {
		b.found, _ = remade(b.found.all[:t.patterns])
	}
}

// remade is patterns of these, which were taken before.
func remade(all []pattern) (ps patterns, err error) {
	for _, p := range all {
		if err := ps.add(p); err != nil {
			return ps, err
		}
	}
	ps.settle()
	return ps, nil
}

// Build returns the List of all names added; of lines that say the same of a
// name the first is kept. The Builder is empty afterwards.
func (b *Builder) Build() *List {
	width := max(minWidth, bits.Len(uint(b.count/16))) // 8 to 16 names a bucket
	l := &List{
		key: b.key, width: uint(width), sources: b.sources, classes: b.classes, self: b.self, below: b.below,
		limits: b.limits, limited: b.limited,
		start: make([]uint32, 1<<width+1),
		tails: make([]uint32, b.count),
		more:  make([]uint16, b.count),
		where: make([]place, b.count),
	}
	chunks, count, found := b.chunks, b.count, b.found.all
	*b = *NewBuilder(b.key)
	l.scatter(chunks, count)
	l.sort()
	if found = standing(found); len(found) > 0 {
		if ps, err := remade(found); err == nil { // they were taken before
			l.patterns = &ps
		}
	}
	l.settle()
	return l
}

// standing are the patterns that were not withdrawn, once each.
func standing(all []pattern) (kept []pattern) {
	type rule struct {
		source uint32
		says   class
		limit  uint32
		text   string
	}
	of := func(p pattern) rule { return rule{p.At >> lineBits, p.Says, p.Limit, p.Text} }
	gone := map[rule]bool{}
	for _, p := range all {
		if p.Says&withdrawn != 0 {
			p.Says &^= withdrawn
			gone[of(p)] = true
		}
	}
	for _, p := range all {
		if p.Says&withdrawn == 0 && !gone[of(p)] {
			gone[of(p)] = true
			kept = append(kept, pattern{At: p.At, Says: p.Says, Limit: p.Limit, Text: p.Text})
		}
	}
	return kept
}

// settle sets what follows from the sources and classes.
func (l *List) settle() {
	for i, r := range l.sources {
		if r.Format == RPZ || r.Format == DNSMasq {
			l.specific |= 1 << i
		}
	}
	l.weighed = l.patterns != nil || slices.ContainsFunc(l.classes, func(c class) bool { return c&(exception|underLimit) != 0 })
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
	if hi == lo+1 && l.classes[l.where[lo]>>lineBits]&(withdrawn|underLimit) == 0 { // mostly
		l.tails[to], l.more[to], l.where[to] = l.tails[lo], l.more[lo], l.where[lo]
		return to + 1
	}
	var gone [maxClasses]bool // withdrawn, or there already
	var under []place
	for _, p := range l.where[lo:hi] {
		switch c := l.classes[p>>lineBits]; {
		case c&underLimit != 0:
			under = append(under, p)
		case c&withdrawn != 0:
			if i := slices.Index(l.classes, c&^withdrawn); i >= 0 {
				gone[i] = true
			}
		}
	}
	nth := 0
	for i := lo; i < hi; i++ {
		k := l.where[i] >> lineBits
		switch c := l.classes[k]; {
		case c&underLimit != 0:
			if nth++; l.surplus(under, nth-1) {
				continue
			}
		case c&withdrawn != 0, gone[k]:
			continue
		default:
			gone[k] = true
		}
		l.tails[to], l.more[to], l.where[to] = l.tails[i], l.more[i], l.where[i]
		to++
	}
	return to
}

// surplus says whether the i-th of these entries of one name, all under limits,
// was withdrawn or said before.
func (l *List) surplus(under []place, i int) bool {
	says, m := l.limitOf(under[i])
	if says&withdrawn != 0 {
		return true
	}
	source := l.classes[under[i]>>lineBits].source()
	for k, p := range under {
		if k == i || l.classes[p>>lineBits].source() != source {
			continue
		}
		if also, n := l.limitOf(p); n == m && (also == says|withdrawn || k < i && also == says) {
			return true
		}
	}
	return false
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

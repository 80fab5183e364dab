// Package list reads lists of refused names and says which list and line a
// name stands on.
//
// It holds hashes, not names, decides nothing about clients or answers, and
// fetches nothing; package dnsfilter does the deciding.
package list

import (
	"net/netip"
	"slices"
	"strings"
)

// A List is a finished set of names. It never changes, so any number of
// goroutines may read it; a new list is built beside it and swapped in.
//
// Names are kept as sorted keyed hashes in buckets by their top bits, of which
// each entry stores the 48 bits that follow: at least 60 bits tell two names
// apart, and nobody can look for a pair that shares them without the key. Ten
// bytes a name, its line included, and one cache miss each for the bucket's
// start and its hashes. The line is stored because the file may be another one
// by the time somebody asks.
type List struct {
	key         Key
	width       uint     // the top bits of a hash that are its bucket
	start       []uint32 // first entry of each bucket, and the end of the last
	tails       []uint32 // the 32 bits of the hash after those
	more        []uint16 // and the 16 after those
	where       []place
	classes     []class
	sources     []Report
	self, below depths // how many labels entries have that hold themselves, or what is below them
	specific    Lists  // those in which the more specific entry wins
	weighed     bool   // the first entry found need not be the one that counts: see weigh
	limits      []limit
	limited     []limited // in order
	patterns    *patterns // nil: none
}

// An Entry says where a name was found.
type Entry struct {
	List string // Name of the Source
	Line int    // its line, from 1
	At   int    // where in the name asked for the entry's begins: 0, or a label; 0 for a pattern
}

// Lists is a choice of the sources of a List: bit i is that of Sources()[i].
type Lists uint64

// All chooses every source.
const All = ^Lists(0)

// A place packs what an entry says (an index into classes) and the line it
// came from.
type place uint32

const (
	lineBits   = 24
	maxLine    = 1<<lineBits - 1
	maxClasses = 1 << (32 - lineBits)
	maxSources = 64
)

// A class is a source and what its line says of the name.
type class uint16

const (
	holdsSelf  class = 1 << iota // the name itself
	holdsBelow                   // all below it
	exception                    // is not refused
	important                    // whatever the exceptions say
	withdrawn                    // the same rule without this does not count; none is left after Build
	underLimit                   // what it says, and when, stands in limited; the other flags do not
	flagBits   = iota
	flags      = 1<<flagBits - 1
)

func (c class) source() int { return int(c >> flagBits) }

// depths is a set of numbers of labels; the last bit stands for all above.
type depths uint16

const (
	// maxDepth bounds the probes of a look-up to 8: one for the name itself,
	// and one for each number of labels an entry for all below may have.
	maxDepth = 7
	deepest  = 15
)

func (d depths) has(labels int) bool { return d>>min(labels, deepest)&1 != 0 }
func (d *depths) add(labels int)     { *d |= 1 << min(labels, deepest) }

func labels(name string) int { return strings.Count(name, ".") + 1 }

// above returns the next name above that may have an entry for all below, and
// its number of labels. name has n, more than 1.
func above(name string, n int) (string, int) {
	left := min(n-1, maxDepth)
	for i := 0; ; i++ { // labels are short: quicker than searching for each dot
		if name[i] == '.' {
			if n--; n == left {
				return name[i+1:], left
			}
		}
	}
}

// A Query is what is looked for.
type Query struct {
	Name   string     // in canonical form (see Canonical)
	Type   uint16     // of the records asked for, as on the wire; 0: any
	Client netip.Addr // who asks, unmapped; invalid: nobody
	Device string     // the short name of the client; empty: it has none
	In     Lists      // where to look
	Anyone bool       // whoever asks: Client and Device do not count
}

// Lookup says whether name is refused, and by what, to whom the lists know
// nothing of. See Find.
func (l *List) Lookup(name string) (Entry, bool) { return l.Find(Query{Name: name, In: All}) }

// Find says whether one of the chosen lists refuses what q asks, and which
// entry does: of several the most specific, patterns last, of several equal
// ones that of the list read first. An exception lifts the entries of its own
// list only, but no important ones; in RPZ zones and dnsmasq files the more
// specific of entry and exception wins. A rule for some types, clients or
// devices is there for them alone. A nil List is empty. Find allocates nothing
// and looks at most 8 times into the list, once if no entry stands for the
// names below it; it tries the patterns with which q's name has three octets in
// common, and a few others (see maxPatterns).
func (l *List) Find(q Query) (Entry, bool) {
	if l == nil {
		return Entry{}, false
	}
	if l.weighed {
		return l.weigh(q)
	}
	name, in := q.Name, q.In
	n := labels(name)
	if l.self.has(n) {
		if e, ok := l.at(name, 0, holdsSelf, in); ok {
			return e, true
		}
	}
	if l.below == 0 {
		return Entry{}, false
	}
	for rest := name; n > 1; {
		rest, n = above(rest, n)
		if l.below.has(n) {
			if e, ok := l.at(name, len(name)-len(rest), holdsBelow, in); ok {
				return e, true
			}
		}
	}
	return Entry{}, false
}

// at is the first entry of name's suffix from that octet on that holds name.
func (l *List) at(name string, from int, kind class, in Lists) (Entry, bool) {
	for i, hi := l.equal(sip(l.key, name[from:])); i < hi; i++ {
		p := l.where[i]
		c := l.classes[p>>lineBits]
		if c&kind != 0 && in>>c.source()&1 != 0 {
			return Entry{List: l.sources[c.source()].Name, Line: int(p & maxLine), At: from}, true
		}
	}
	return Entry{}, false
}

// equal returns the range of entries with hash h.
func (l *List) equal(h uint64) (lo, hi uint32) {
	bucket := h >> (64 - l.width)
	h <<= l.width
	tail, more := uint32(h>>32), uint16(h>>16)
	lo, end := l.start[bucket], l.start[bucket+1]
	for i, have := range l.tails[lo:end] {
		if have < tail {
			continue
		}
		for hi = lo + uint32(i); hi < end && l.tails[hi] == tail; hi++ {
			if l.more[hi] == more {
				for lo = hi; hi < end && l.tails[hi] == tail && l.more[hi] == more; hi++ {
				}
				return lo, hi
			}
		}
		break
	}
	return 0, 0
}

// Choose returns the sources of these names; what is no source's name is left
// out.
func (l *List) Choose(names ...string) (in Lists) {
	if l == nil {
		return 0
	}
	for i, r := range l.sources {
		if slices.Contains(names, r.Name) {
			in |= 1 << i
		}
	}
	return in
}

// Len is the number of entries: different names, a name once for each list it
// stands on and each thing said of it there, and patterns.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	n := len(l.where)
	if l.patterns != nil {
		n += len(l.patterns.all)
	}
	return n
}

// Sources tells what was read, in the order of reading.
func (l *List) Sources() []Report {
	if l == nil {
		return nil
	}
	return slices.Clone(l.sources)
}

// Bytes is the memory the names take, that of limits and patterns by estimate.
func (l *List) Bytes() int {
	if l == nil {
		return 0
	}
	n := 4*cap(l.start) + 4*cap(l.tails) + 2*cap(l.more) + 4*cap(l.where) + 12*cap(l.limited)
	for i := range l.limits {
		n += l.limits[i].size()
	}
	if l.patterns != nil {
		n += l.patterns.bytes()
	}
	return n
}

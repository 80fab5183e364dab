// Package list reads lists of refused names and says which list and line a
// name stands on.
//
// It holds hashes, not names, decides nothing about clients or answers, and
// fetches nothing; package dnsfilter does the deciding.
package list

// A List is a finished set of names. It never changes, so any number of
// goroutines may read it; a new list is built beside it and swapped in.
//
// Names are kept as sorted 64-bit keyed hashes in buckets by their top bits:
// 12 bytes a name, one cache miss for the bucket's start and one for its
// hashes. Two names share a hash once in 2^64 pairs, and nobody can look for
// such a pair without the key.
type List struct {
	key     Key
	shift   uint     // hash >> shift is its bucket
	start   []uint32 // first entry of each bucket, and the end of the last
	hashes  []uint64
	where   []place
	sources []Report
}

// An Entry says where a name was found.
type Entry struct {
	List string // Name of the Source
	Line int    // its line, from 1
}

// A place packs which source (6 bits) and which line (26 bits) a name came from.
type place uint32

const (
	lineBits   = 26
	maxLine    = 1<<lineBits - 1
	maxSources = 1 << (32 - lineBits)
)

func newPlace(source, line int) place {
	return place(source)<<lineBits | place(min(line, maxLine))
}

// Lookup says whether name is on the list, and the first source and line that
// hold it. name is in canonical form (see Canonical). A nil List is empty.
func (l *List) Lookup(name string) (Entry, bool) {
	if l == nil {
		return Entry{}, false
	}
	h := l.key.hash(name)
	bucket := h >> l.shift
	lo, hi := l.start[bucket], l.start[bucket+1]
	for i, have := range l.hashes[lo:hi] {
		if have >= h {
			if have != h {
				break
			}
			p := l.where[lo+uint32(i)]
			return Entry{List: l.sources[p>>lineBits].Name, Line: int(p & maxLine)}, true
		}
	}
	return Entry{}, false
}

// Len is the number of different names.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	return len(l.hashes)
}

// Sources tells what was read, in the order of reading.
func (l *List) Sources() []Report {
	if l == nil {
		return nil
	}
	return append([]Report(nil), l.sources...)
}

// Bytes is the memory the names take.
func (l *List) Bytes() int {
	if l == nil {
		return 0
	}
	return 8*cap(l.hashes) + 4*cap(l.where) + 4*cap(l.start)
}

package querylog

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Rules are what of the questions may be kept, and how.
type Rules struct {
	Keep time.Duration // how long; 30 days if zero
	// Mask has names replaced by a mark before anything else happens to them:
	// the start of a hash with a secret that is in no file, and gone after a
	// day or at the end of the process. Nobody can read the name back, nor try
	// whether it was a certain one. Within a day the same name has the same
	// mark. What else would tell, an alias or the line of a list, is left out.
	Mask bool
	// Off has nothing written to the disk, and what is there deleted. Sums are
	// told all the same, of masked names.
	Off bool
}

func (r *Rules) hides() bool { return r.Mask || r.Off }

// Set puts rules in force; they act on what comes now, and on what is deleted
// with the next write.
func (l *Log) Set(r Rules) {
	if l == nil {
		return
	}
	if r.Keep <= 0 {
		r.Keep = 30 * 24 * time.Hour
	}
	was := l.rules.Swap(&r)
	if was.Off == r.Off && was.Keep == r.Keep {
		return
	}
	select {
	case l.tidyNow <- struct{}{}:
	default:
	}
}

// Rules are those in force.
func (l *Log) Rules() Rules {
	if l == nil {
		return Rules{Off: true}
	}
	return *l.rules.Load()
}

const (
	maskSize = 13 // a mark and 48 bits
	maskDay  = 24 * 60 * 60
	maskMark = '#' // no name has one
)

// Masked says whether name stands for one that is not kept.
func Masked(name string) bool { return name != "" && name[0] == maskMark }

// A maskKey is the secret of one day.
type maskKey struct {
	day int64
	key [sha256.Size]byte
}

func (l *Log) maskKey(at time.Time) *maskKey {
	day := at.Unix() / maskDay
	k := l.mask.Load()
	for k == nil || k.day != day {
		fresh := &maskKey{day: day}
		rand.Read(fresh.key[:]) // never fails: it ends the process instead
		if l.mask.CompareAndSwap(k, fresh) {
			return fresh
		}
		k = l.mask.Load()
	}
	return k
}

// maskName is what is kept of name, in to. It allocates nothing.
func (l *Log) maskName(to *[maskSize]byte, name []byte, at time.Time) []byte {
	if len(name) == 0 {
		return name
	}
	k := l.maskKey(at)
	var in [sha256.Size + maxString]byte
	n := copy(in[:], k.key[:])
	n += copy(in[n:], name)
	sum := sha256.Sum256(in[:n])
	to[0] = maskMark
	hex.Encode(to[1:], sum[:(maskSize-1)/2])
	return to[:]
}

package list

import "slices"

// sound says whether look-ups stay within l and find all that is in it.
func (l *List) sound() bool {
	if l.start[0] != 0 || l.start[len(l.start)-1] != uint32(len(l.where)) || !l.soundLimits() {
		return false
	}
	for k, lo := range l.start[:len(l.start)-1] {
		hi := l.start[k+1]
		if lo > hi || hi > uint32(len(l.where)) {
			return false
		}
		tails, more, where := l.tails[lo:hi], l.more[lo:hi], l.where[lo:hi]
		for i, t := range tails {
			c := int(where[i] >> lineBits)
			if c >= len(l.classes) || l.classes[c]&underLimit != 0 && !l.hasLimit(where[i]) {
				return false
			}
			if i > 0 && (tails[i-1] > t || tails[i-1] == t && more[i-1] > more[i]) {
				return false
			}
		}
	}
	return true
}

func (l *List) soundLimits() bool {
	for i, x := range l.limited {
		if int(x.Limit) >= len(l.limits) || i > 0 && l.limited[i-1].At >= x.At || x.Says&^flags != 0 {
			return false
		}
	}
	return !slices.ContainsFunc(l.limits, func(m limit) bool { return !m.sound() })
}

// hasLimit says whether there is something at p that limitOf can find.
func (l *List) hasLimit(p place) bool {
	at := atLine(l.classes[p>>lineBits].source(), int(p&maxLine))
	_, ok := slices.BinarySearchFunc(l.limited, at, func(x limited, at uint32) int { return int(int64(x.At) - int64(at)) })
	return ok
}

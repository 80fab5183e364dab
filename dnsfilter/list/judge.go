package list

// A contest is the best entry of each list that holds a name.
type contest struct {
	best [maxSources]contender
	any  bool
}

type contender struct {
	rank   uint16 // 0: none
	at     uint8  // where in the name its own begins; ofPattern: nowhere
	except bool
	line   uint32
}

const (
	ofPattern    = 0xff
	patternLevel = 1 // of how specific an entry is; names are from 2 on
)

// weigh is Find where there are exceptions, limits or patterns. Without
// patterns nothing need be weighed before an entry is found.
func (l *List) weigh(q Query) (Entry, bool) {
	if l.patterns != nil {
		return l.judge(&q)
	}
	n := labels(q.Name)
	if l.self.has(n) {
		if _, ok := l.at(q.Name, 0, holdsSelf, q.In); ok {
			return l.judge(&q)
		}
	}
	if l.below == 0 {
		return Entry{}, false
	}
	for rest := q.Name; n > 1; {
		rest, n = above(rest, n)
		if l.below.has(n) {
			if _, ok := l.at(q.Name, len(q.Name)-len(rest), holdsBelow, q.In); ok {
				return l.judge(&q)
			}
		}
	}
	return Entry{}, false
}

// judge weighs all entries that hold q's name, list by list.
func (l *List) judge(q *Query) (Entry, bool) {
	var c contest
	level := uint16(patternLevel + maxDepth + 2)
	kind := holdsSelf
	for rest, n := q.Name, labels(q.Name); ; rest, n = above(rest, n) {
		level--
		if kind == holdsSelf && l.self.has(n) || kind == holdsBelow && l.below.has(n) {
			for i, hi := l.equal(sip(l.key, rest)); i < hi; i++ {
				p := l.where[i]
				says := l.classes[p>>lineBits]
				s := says.source()
				if says&kind == 0 || q.In>>s&1 == 0 {
					continue
				}
				if says&underLimit != 0 {
					var m *limit
					if says, m = l.limitOf(p); says&kind == 0 || !m.holds(q, says&exception != 0) {
						continue
					}
				}
				l.enter(&c, s, says, level, contender{at: uint8(len(q.Name) - len(rest)), line: uint32(p & maxLine)})
			}
		}
		if kind = holdsBelow; n == 1 {
			break
		}
	}
	if l.patterns != nil {
		l.patterns.each(q.Name, func(p *pattern) {
			s := int(p.At >> lineBits)
			if q.In>>s&1 == 0 || p.Limit > 0 && !l.limits[p.Limit-1].holds(q, p.Says&exception != 0) || !p.match(q.Name) {
				return
			}
			l.enter(&c, s, p.Says, patternLevel, contender{at: ofPattern, line: p.At & maxLine})
		})
	}
	if !c.any {
		return Entry{}, false
	}
	return l.winner(&c)
}

// enter takes x for the best of its list if it is. Of equal ones the first line
// is: patterns come in no order.
func (l *List) enter(c *contest, source int, says class, level uint16, x contender) {
	weight := uint16(says & (exception | important)) // in that order
	x.rank = weight<<4 | level
	if l.specific>>source&1 != 0 {
		x.rank = level<<4 | weight
	}
	x.except = says&exception != 0
	if b := &c.best[source]; x.rank > b.rank || x.rank == b.rank && x.at == ofPattern && x.line < b.line {
		*b, c.any = x, true
	}
}

func (l *List) winner(c *contest) (Entry, bool) {
	win := -1
	for s := range l.sources {
		if b := &c.best[s]; b.rank > 0 && !b.except && (win < 0 || b.at < c.best[win].at) {
			win = s
		}
	}
	if win < 0 {
		return Entry{}, false
	}
	e := Entry{List: l.sources[win].Name, Line: int(c.best[win].line), At: int(c.best[win].at)}
	if e.At == ofPattern {
		e.At = 0
	}
	return e, true
}

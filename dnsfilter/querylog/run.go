package querylog

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// A Sink is what a Log needs and tells while it runs. The writer alone calls
// it, never two functions at a time.
type Sink struct {
	// Owner says which device an address belongs to, by a name that stays
	// (its hardware address); optional, "" if unknown.
	Owner func(netip.Addr) string
	// Since says from which id on what is on disk was not told yet, to an
	// earlier run either; ok is false as long as that is not known. Then
	// Counted is told of all of it, once, and from there on of each write.
	Since func() (id uint64, ok bool)
	// Counted is told of what is on disk now. Nil: nobody wants to know.
	Counted func(Counts)
}

// Counts are some records added up. Whoever keeps what they add up to also
// keeps Next, the id from which on nothing is in them.
type Counts struct {
	Next uint64
	All  []Count
}

// A Count is how often one device asked for one name in one hour, with one
// outcome.
type Count struct {
	Hour    int64 // since 1970, UTC
	Device  string
	Name    string
	Verdict Verdict
	Reason  string
	N       uint64
}

// Run writes until ctx ends, once a minute or when much has come, and then the
// rest. It returns nil; what goes wrong is in Stats, and is reported.
func (l *Log) Run(ctx context.Context, s Sink) error {
	if l == nil {
		<-ctx.Done()
		return nil
	}
	if s.Owner != nil {
		l.owner.Store(&s.Owner)
	}
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	l.begin(s)
	for {
		select {
		case <-ctx.Done():
			l.Flush(s)
			return l.close()
		case <-tick.C:
			l.Flush(s)
		case <-l.tidyNow:
			l.lessen()
		case <-l.wake:
			l.drain(s)
		}
	}
}

// begin looks after what earlier runs have left.
func (l *Log) begin(s Sink) {
	l.w.one.Lock()
	defer l.w.one.Unlock()
	if err := l.tidy(); err != nil {
		l.complain(err)
	}
	l.tell(s)
}

// lessen deletes what may not be kept any longer.
func (l *Log) lessen() {
	l.w.one.Lock()
	defer l.w.one.Unlock()
	if l.rules.Load().Off {
		l.w.close()
	}
	if err := l.tidy(); err != nil {
		l.complain(err)
	}
}

func (l *Log) close() error {
	l.w.one.Lock()
	defer l.w.one.Unlock()
	l.w.close()
	return nil
}

// Flush writes what is in memory, with one sync.
func (l *Log) Flush(s Sink) {
	l.w.one.Lock()
	defer l.w.one.Unlock()
	l.encode(s)
	l.write(s)
	l.tell(s)
}

// drain makes room in memory, and writes only when much has come together.
func (l *Log) drain(s Sink) {
	l.w.one.Lock()
	defer l.w.one.Unlock()
	l.encode(s)
	if len(l.w.ready) >= flushAt || l.w.enc.sum.full() {
		l.write(s)
		l.tell(s)
	}
}

// encode takes the front's records into ready. l.w.one is held.
func (l *Log) encode(s Sink) {
	w := &l.w
	l.mu.Lock()
	full := l.front
	n := uint64(len(full.slots))
	if n == 0 {
		l.mu.Unlock()
		return
	}
	l.front, l.spare = l.spare, nil
	first := w.next.Load()
	w.next.Store(first + n)
	l.mu.Unlock()
	out, err := w.enc.encode(w.ready, full, first, s.Owner)
	if err != nil {
		l.lost.Add(n)
		l.complain(err)
	} else {
		w.ready, w.ends, w.holds = out, append(w.ends, len(out)), w.holds+n
	}
	full.reset()
	l.mu.Lock()
	l.spare = full
	l.mu.Unlock()
}

// write puts what is ready on disk, or counts it as lost. l.w.one is held.
func (l *Log) write(s Sink) {
	w := &l.w
	if len(w.ends) == 0 {
		return
	}
	before := w.file
	var err error
	if l.rules.Load().Off {
		w.close() // what there was is deleted
	} else {
		err = w.put(l)
	}
	if err != nil {
		l.lost.Add(w.holds)
		l.complain(err)
	} else {
		w.trouble.Store(nil)
		if w.caughtUp && s.Counted != nil {
			s.Counted(w.enc.sum.counts(w.next.Load()))
		}
	}
	w.enc.sum.reset()
	w.ready, w.ends, w.holds = w.ready[:0], w.ends[:0], 0
	if cap(w.ready) > 2*flushAt {
		w.ready = nil
	}
	if w.file != before || err != nil || l.bytes.Load() > l.o.MaxBytes {
		if err := l.tidy(); err != nil {
			l.complain(err)
		}
	}
}

// tell catches up with what was on disk before anybody could be told.
// l.w.one is held, so that nothing is told twice.
func (l *Log) tell(s Sink) {
	if l.w.caughtUp || s.Counted == nil || s.Since == nil {
		return
	}
	from, ok := s.Since()
	if !ok {
		return
	}
	l.w.caughtUp = true
	if err := l.recount(from, s.Counted); err != nil {
		l.complain(err)
	}
}

// complain keeps what went wrong, and reports it seldom.
func (l *Log) complain(err error) {
	err = fmt.Errorf("writing the query log: %w", err)
	l.w.trouble.Store(&err)
	if now := l.o.Now(); l.o.Report != nil && now.Sub(l.w.told).Abs() >= time.Hour {
		l.w.told = now
		l.o.Report(err)
	}
}

// recount adds up what is on disk from the record from on, a file at a time.
func (l *Log) recount(from uint64, f func(Counts)) error {
	all, err := segments(l.o.Dir)
	if err != nil {
		return err
	}
	var errs []error
	sum := newTally()
	for i, s := range all {
		if i+1 < len(all) && all[i+1].first <= from {
			continue
		}
		b, err := readSegment(s.path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		next := uint64(0)
		batches(b, func(h head, batch []byte) {
			if h.end() <= from {
				return
			}
			part, err := decode(batch)
			if err != nil {
				return
			}
			for i := max(from, h.first) - h.first; i < uint64(len(part)); i++ {
				sum.record(&part[i])
			}
			if next = h.end(); sum.full() {
				f(sum.counts(next))
				sum.reset()
			}
		})
		if next > 0 {
			f(sum.counts(next))
			sum.reset()
		}
	}
	return errors.Join(errs...)
}

// deviceOf is whom a record is counted for: the device, or the bare address.
func deviceOf(owner string, a netip.Addr) string {
	if owner != "" {
		return owner
	}
	return a.WithZone("").String()
}

package querylog

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A Query says which records are wanted. The zero Query wants all.
type Query struct {
	Device  string  // Owner, or the address of a client that belonged to nobody
	Name    string  // part of the name, or of its alias; lower case
	Verdict Verdict // 0: any
	// From and To bound the time: From ≤ At < To; zero: no bound.
	From, To time.Time
	Before   uint64 // only records with a smaller id; 0: from the newest
	Limit    int    // at most so many; 100 if zero, never over 1000
}

// A Page is some records, newest first.
type Page struct {
	Records []Record
	// Next is the Before of the page that follows; 0: there is nothing more.
	Next uint64
	// Until is how far back this page has looked, when it stopped before the
	// end of the log without filling: a search of everything is done in steps.
	Until time.Time
}

// maxLook is how many records one Read looks at before it gives what it has.
const maxLook = 500_000

// Read returns the records that q wants, those in memory too. What cannot be
// read of the disk is left out.
func (l *Log) Read(ctx context.Context, q Query) (Page, error) {
	if l == nil {
		return Page{}, nil
	}
	if q.Limit <= 0 {
		q.Limit = 100
	}
	r := reader{q: q, limit: min(q.Limit, 1000)}
	if q.Before == 0 {
		r.q.Before = 1<<64 - 1
	}
	for _, part := range slices.Backward(l.pending()) {
		if r.take(part) {
			return r.page, nil
		}
	}
	all, err := segments(l.o.Dir)
	if err != nil {
		return Page{}, err
	}
	for _, s := range slices.Backward(all) {
		if s.first >= r.q.Before || s.over().Before(q.From) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return Page{}, err
		}
		b, err := readSegment(s.path)
		if err != nil {
			continue
		}
		type place struct {
			head
			batch []byte
		}
		var places []place
		batches(b, func(h head, batch []byte) { places = append(places, place{h, batch}) })
		for _, p := range slices.Backward(places) {
			if p.first >= r.q.Before || !q.To.IsZero() && p.from >= q.To.UnixMilli() || !q.From.IsZero() && p.to < q.From.UnixMilli() {
				continue
			}
			part, err := decode(p.batch)
			if err != nil {
				continue
			}
			if r.take(part) {
				return r.page, nil
			}
		}
	}
	return r.page, nil
}

// pending are the records that are not on disk, oldest first.
func (l *Log) pending() [][]Record {
	l.w.one.Lock() // not during a write: what it takes away must be on disk before it is looked for there
	defer l.w.one.Unlock()
	var out [][]Record
	begin := 0
	for _, end := range l.w.ends {
		if part, err := decode(l.w.ready[begin:end]); err == nil {
			out = append(out, part)
		}
		begin = end
	}
	l.mu.Lock() // for two copies only: whoever answers must not wait
	b := buffer{slots: slices.Clone(l.front.slots), names: slices.Clone(l.front.names)}
	first := l.w.next.Load()
	l.mu.Unlock()
	part := make([]Record, len(b.slots))
	for i := range part {
		s := &b.slots[i]
		part[i] = Record{ID: first + uint64(i), At: time.UnixMilli(s.at).UTC(), Client: s.client.WithZone(""), Name: string(b.nameOf(s)), Type: s.typ,
			Verdict: s.verdict, Reason: s.reason, List: s.list, Line: int(s.line), Via: s.via, Tool: s.tool}
		if owner := l.owner.Load(); owner != nil {
			part[i].Owner = (*owner)(s.client)
		}
	}
	return append(out, part)
}

// A reader fills a page.
type reader struct {
	q      Query
	limit  int
	looked int
	page   Page
}

// take looks at records, the newest first, and says whether the page is done.
func (r *reader) take(all []Record) bool {
	for i := range slices.Backward(all) {
		x := &all[i]
		if x.ID >= r.q.Before {
			continue
		}
		if r.looked++; r.wants(x) {
			if len(r.page.Records) == r.limit {
				r.page.Next = r.page.Records[r.limit-1].ID
				return true
			}
			r.page.Records = append(r.page.Records, *x)
		}
		if r.looked == maxLook {
			r.page.Next, r.page.Until = x.ID, x.At
			return true
		}
	}
	return false
}

func (r *reader) wants(x *Record) bool {
	q := &r.q
	return (q.Verdict == 0 || x.Verdict == q.Verdict) &&
		(q.Name == "" || strings.Contains(x.Name, q.Name) || strings.Contains(x.Via, q.Name)) &&
		(q.Device == "" || deviceOf(x.Owner, x.Client) == q.Device) &&
		(q.From.IsZero() || !x.At.Before(q.From)) && (q.To.IsZero() || x.At.Before(q.To))
}

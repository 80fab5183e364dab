// Package querylog keeps who asked for which name and what became of it: taken
// in without waiting, written in compressed batches to files of its own, read
// newest first.
//
// It decides nothing about names, and no answer ever waits for it: what the
// disk does not take is counted and gone. Totals over months are not here but
// in the database, added up from what Run tells its Sink.
package querylog

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Verdict is what became of a question.
type Verdict uint8

// The verdicts.
const (
	Answered Verdict = iota + 1 // from outside or from memory
	Refused                     // by the filter
	Local                       // answered here, of our own
	Failed                      // nobody could say

	lastVerdict = Failed
)

// A Record is one question.
type Record struct {
	ID      uint64 // in the order of arrival, without gaps but for what was lost; set by the Log
	At      time.Time
	Client  netip.Addr
	Owner   string // the device Client belonged to then; set by the Log from its Sink
	Name    string // canonical
	Type    uint16 // of the DNS
	Verdict Verdict
	Reason  string // code dns.reason.*
	List    string // of a refusal: which list …
	Line    int    // … and line
	Via     string // the alias that decided, if not the name itself
	Tool    string // the remote-support tool whose name it is
}

// Bounds of the log's memory and files.
const (
	slots     = 8192      // records that wait for the writer, at most
	arena     = 256 << 10 // bytes of their names
	flushAt   = 512 << 10 // bytes that are written before their minute is over
	maxString = 255       // bytes of a text in a record; more is cut
	page      = 4096      // what a disk writes at least

	flushEvery = time.Minute
	segmentMax = 8 << 20  // bytes of a file, about
	hourly     = 64 << 20 // bytes written in an hour, at most: a flood of questions must not wear the card out
)

// Options of Open.
type Options struct {
	Dir string // required; made if it is not there
	// Keep is how long records are kept, at most a day more, until Set says
	// otherwise; 30 days if zero.
	Keep time.Duration
	// MaxBytes is how much all files may take; 256 MiB if zero. The oldest go.
	MaxBytes int64
	Now      func() time.Time // time.Now if nil
	// Synced says whether Now can be believed; nil: always. Nothing is deleted
	// for its age by a clock that cannot.
	Synced func() bool
	Report func(error) // optional; told of what went wrong with the disk, once an hour at most
}

// A Log takes records in and reads them back. Its methods may be called by
// many goroutines; a nil Log takes nothing and has nothing.
type Log struct {
	o    Options
	wake chan struct{} // the writer: the front is half full
	// tidyNow is told that less may be kept.
	tidyNow chan struct{}

	mu    sync.Mutex // the front; never held over a disk
	front *buffer
	spare *buffer // nil while it is being encoded

	rules atomic.Pointer[Rules]
	mask  atomic.Pointer[maskKey]
	lost  atomic.Uint64
	bytes atomic.Int64 // of all files
	owner atomic.Pointer[func(netip.Addr) string]

	w writer
}

// Stats are counts since the start.
type Stats struct {
	Lost  uint64 // records that found no room, in memory or on disk
	Bytes int64  // all files take
	Error string // what was wrong with the disk at the last write; empty: nothing
}

// Open opens or makes the log in o.Dir. What an earlier run wrote stays as it
// is; a batch that was torn by a crash is left out when reading.
func Open(o Options) (*Log, error) {
	if o.Dir == "" {
		return nil, errors.New("opening the query log: no directory")
	}
	if o.Keep <= 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Log{o: o, wake: make(chan struct{}, 1), tidyNow: make(chan struct{}, 1), front: newBuffer(), spare: newBuffer()}
	l.rules.Store(&Rules{Keep: o.Keep})
	if err := l.w.open(l); err != nil {
		return nil, fmt.Errorf("opening the query log: %w", err)
	}
	return l, nil
}

// Keep is how long records are kept.
func (l *Log) Keep() time.Duration {
	if l == nil {
		return 0
	}
	return l.rules.Load().Keep
}

// Add takes in that name was asked for, masked if the rules say so. It waits for no disk, allocates nothing
// and keeps nothing of name, which may stand in a buffer on the caller's stack;
// r.ID, r.Owner and r.Name do not matter. Without room the record is counted
// and gone.
func (l *Log) Add(name []byte, r Record) {
	if l == nil {
		return
	}
	var masked [maskSize]byte
	if l.rules.Load().hides() {
		name = l.maskName(&masked, name, r.At)
		r.Line, r.Via = 0, "" // they would tell
	}
	l.mu.Lock()
	ok := l.front.add(name, &r)
	n := len(l.front.slots)
	l.mu.Unlock()
	if !ok {
		l.lost.Add(1)
	}
	if n == slots/2 || !ok {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Stats returns the counts now.
func (l *Log) Stats() Stats {
	if l == nil {
		return Stats{}
	}
	s := Stats{Lost: l.lost.Load(), Bytes: l.bytes.Load()}
	if err := l.w.trouble.Load(); err != nil {
		s.Error = (*err).Error()
	}
	return s
}

// A buffer is records that wait to be encoded.
type buffer struct {
	slots []slot
	names []byte
}

// A slot is a record; its name stands in the buffer's names.
type slot struct {
	at      int64 // Unix milliseconds
	client  netip.Addr
	name    uint32
	size    uint8
	verdict Verdict
	typ     uint16
	line    int32
	reason  string
	list    string
	via     string
	tool    string
}

func newBuffer() *buffer {
	return &buffer{slots: make([]slot, 0, slots), names: make([]byte, 0, arena)}
}

func (b *buffer) add(name []byte, r *Record) bool {
	name = name[:min(len(name), maxString)]
	if len(b.slots) == cap(b.slots) || len(name) > cap(b.names)-len(b.names) {
		return false
	}
	b.slots = append(b.slots, slot{at: r.At.UnixMilli(), client: r.Client, name: uint32(len(b.names)), size: uint8(len(name)), verdict: r.Verdict,
		typ: r.Type, line: int32(r.Line), reason: r.Reason, list: r.List, via: r.Via, tool: r.Tool})
	b.names = append(b.names, name...)
	return true
}

func (b *buffer) nameOf(s *slot) []byte { return b.names[s.name : s.name+uint32(s.size)] }

func (b *buffer) reset() {
	clear(b.slots) // so that no texts are kept alive
	b.slots, b.names = b.slots[:0], b.names[:0]
}

func cut(s string) string { return s[:min(len(s), maxString)] }

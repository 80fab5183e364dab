package querylog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A segment is one file of batches, named by the id of its first record and
// by when it was made, in hex: 00000000000012d4-69b3c200.mql.
type segment struct {
	first uint64
	made  time.Time // on the log's own clock; nothing is written a day later
	path  string
	size  int64
}

// over is when nothing more was written to it.
func (s segment) over() time.Time { return s.made.Add(24 * time.Hour) }

const (
	suffix      = ".mql"
	roomStep    = 1 << 20
	maxSegments = 20_000 // more files than that are not ours
)

// segments lists the files, the oldest first.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, e := range entries {
		first, made, ok := parseName(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile, for its age
		}
		if err != nil {
			return nil, err
		}
		all = append(all, segment{first: first, made: made, path: filepath.Join(dir, e.Name()), size: info.Size()})
		if len(all) > maxSegments {
			return nil, fmt.Errorf("more than %d files", maxSegments)
		}
	}
	slices.SortFunc(all, func(a, b segment) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	return all, nil
}

func segmentName(first uint64, made time.Time) string {
	return fmt.Sprintf("%016x-%08x%s", first, uint32(made.Unix()), suffix)
}

func parseName(name string) (first uint64, made time.Time, ok bool) {
	name, ok = strings.CutSuffix(name, suffix)
	if !ok || len(name) != 25 || name[16] != '-' {
		return 0, time.Time{}, false
	}
	first, err := strconv.ParseUint(name[:16], 16, 64)
	sec, err2 := strconv.ParseUint(name[17:], 16, 32)
	return first, time.Unix(int64(sec), 0), err == nil && err2 == nil
}

// batches calls f for each whole batch of a segment's bytes, oldest first.
// What was torn or spoilt in between is left out.
func batches(b []byte, f func(h head, batch []byte)) {
	for at := 0; at < len(b); {
		h, n, err := readHead(b[at:])
		if err == nil && whole(b[at:at+n]) {
			f(h, b[at:at+n])
			at += n
			continue
		}
		next := bytes.Index(b[at+1:], magic)
		if next < 0 {
			return
		}
		at += 1 + next
	}
}

// readSegment reads a file of at most about segmentMax.
func readSegment(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(info.Size(), 2*segmentMax))
	n, err := f.ReadAt(b, 0)
	if n < len(b) { // written by somebody else, and cut meanwhile
		return b[:n], nil
	}
	return b, err
}

// A writer puts batches on disk. Only Run and Flush use it, one at a time.
type writer struct {
	one sync.Mutex // held over the disk

	enc   *encoder
	next  atomic.Uint64 // id of the first record in memory
	ready []byte        // batches that are not on disk yet, back to back
	ends  []int         // where each of them ends
	holds uint64        // records in ready, which enc has added up

	caughtUp bool // the sink was told of everything on disk

	file    *os.File // nil: a new one is made
	size    int64
	room    int64 // bytes the disk has set aside for it
	day     int64 // the file's, UTC
	hour    int64
	written int64 // in this hour

	trouble atomic.Pointer[error]
	told    time.Time
}

func (w *writer) open(l *Log) error {
	if err := os.MkdirAll(l.o.Dir, 0o700); err != nil {
		return err
	}
	w.enc = newEncoder()
	all, err := segments(l.o.Dir)
	if err != nil {
		return err
	}
	w.next.Store(1)
	for _, s := range all {
		l.bytes.Add(s.size)
	}
	// Past the last record that is there, and past each file's name, which may
	// hold nothing but a torn batch.
	for _, s := range slices.Backward(all) {
		w.next.Store(max(w.next.Load(), s.first+1))
		found := false
		if b, err := readSegment(s.path); err == nil {
			batches(b, func(h head, _ []byte) {
				found = true
				w.next.Store(max(w.next.Load(), h.end()))
			})
		}
		if found {
			break
		}
	}
	return nil
}

// put writes all ready batches with one sync, each within one page of the disk
// where it fits one: a page is what the disk writes each time, however little
// is new in it. On an error nothing of them counts as written.
func (w *writer) put(l *Log) error {
	now := l.o.Now()
	if h := now.Unix() / 3600; h != w.hour {
		w.hour, w.written = h, 0
	}
	if w.written > hourly {
		return errors.New("more in one hour than a log should take")
	}
	if day := now.Unix() / 86400; w.file != nil && (w.size > segmentMax || day != w.day) {
		w.close()
	}
	if w.file == nil {
		first := w.next.Load() - w.holds
		f, err := os.OpenFile(filepath.Join(l.o.Dir, segmentName(first, now)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		w.file, w.size, w.room, w.day = f, 0, 0, now.Unix()/86400
		if err := syncDir(l.o.Dir); err != nil {
			w.close()
			return err
		}
	}
	if err := w.reserve(w.size + int64(len(w.ready)) + page*int64(len(w.ends))); err != nil {
		w.close()
		return err
	}
	at, begin := w.size, 0
	for _, end := range w.ends {
		b := w.ready[begin:end]
		begin = end
		if over := at % page; over+int64(len(b)) > page && len(b) <= page {
			at += page - over
		}
		if _, err := w.file.WriteAt(b, at); err != nil {
			w.close() // what is in it now is for the reader to leave out
			return err
		}
		at += int64(len(b))
	}
	if err := w.file.Sync(); err != nil {
		w.close()
		return err
	}
	l.bytes.Add(at - w.size)
	w.written += at - w.size
	w.size = at
	return nil
}

// reserve sets room aside in large steps, so that a small write is one of data
// alone: a page for the file's own administration each time would double it.
func (w *writer) reserve(upTo int64) error {
	if upTo <= w.room {
		return nil
	}
	n := (upTo - w.room + roomStep - 1) / roomStep * roomStep
	switch err := unix.Fallocate(int(w.file.Fd()), 0, w.room, n); err {
	case nil:
		w.room += n
	case unix.EOPNOTSUPP, unix.ENOSYS:
		w.room = 1 << 62 // not on this file system
	default:
		return err
	}
	return nil
}

func (w *writer) close() {
	if w.file != nil {
		// What was set aside and not used; if that fails, it stays as zeros.
		w.file.Truncate(w.size)
		w.file.Close()
		w.file = nil
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// tidy deletes what is too old or too much. The newest file stays.
func (l *Log) tidy() error {
	all, err := segments(l.o.Dir)
	if err != nil {
		return err
	}
	var total int64
	for _, s := range all {
		total += s.size
	}
	oldest := time.Time{}
	rules := l.rules.Load()
	if l.o.Synced == nil || l.o.Synced() {
		oldest = l.o.Now().Add(-rules.Keep)
	}
	for i, s := range all {
		last := i == len(all)-1
		if rules.Off || !last && total > l.o.MaxBytes || s.over().Before(oldest) && (!last || l.w.file == nil) {
			if e := os.Remove(s.path); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
				continue
			}
			total -= s.size
		}
	}
	l.bytes.Store(total)
	return err
}

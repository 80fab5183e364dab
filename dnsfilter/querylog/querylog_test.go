package querylog

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

var (
	noon = time.Date(2027, 3, 2, 3, 0, 0, 0, time.UTC)
	desk = netip.MustParseAddr("192.168.10.21")
	xray = netip.MustParseAddr("2001:db8:10::30")
)

// A hand is a clock that stands until it is moved.
type hand struct{ at time.Time }

func (h *hand) now() time.Time { return h.at }

func opened(t testing.TB, dir string, change func(*Options)) *Log {
	t.Helper()
	o := Options{Dir: dir, Now: func() time.Time { return noon }}
	if change != nil {
		change(&o)
	}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.close() })
	return l
}

// rec is the n-th question of a made-up day.
func rec(n int) Record {
	r := Record{At: noon.Add(time.Duration(n) * 137 * time.Millisecond), Client: desk, Name: fmt.Sprintf("www%d.example", n%50), Type: 1,
		Verdict: Answered, Reason: "dns.reason.unlisted"}
	if n%3 == 0 {
		r.Client, r.Type = xray, 28
	}
	if n%10 == 7 {
		r.Verdict, r.Reason, r.List, r.Line = Refused, "dns.reason.listed", "広告", n
	}
	if n%100 == 57 {
		r.Reason, r.List, r.Line, r.Via, r.Tool = "dns.reason.tool", "", 0, "router1.teamviewer.com", "TeamViewer"
	}
	return r
}

func put(l *Log, r Record) { l.Add([]byte(r.Name), r) }

func owner(a netip.Addr) string {
	if a == desk {
		return "00:1b:8b:00:00:31"
	}
	return ""
}

// expected is what Read gives for rec(n) when it was the id-th.
func expected(id, n int) Record {
	r := rec(n)
	r.ID, r.At, r.Owner = uint64(id), r.At.Truncate(time.Millisecond), owner(r.Client)
	return r
}

func read(t testing.TB, l *Log, q Query) []Record {
	t.Helper()
	var all []Record
	for {
		p, err := l.Read(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Records...)
		if p.Next == 0 {
			return all
		}
		q.Before = p.Next
	}
}

// What goes in comes out, newest first, page by page: from memory, from this
// run's files and from an earlier run's.
func TestLog(t *testing.T) {
	dir := t.TempDir()
	s := Sink{Owner: owner}
	l := opened(t, dir, nil)
	l.owner.Store(&s.Owner)
	for n := range 1000 {
		put(l, rec(n))
		if n%100 == 99 && n < 800 {
			l.Flush(s)
		}
	}
	check := func(l *Log, what string) {
		t.Helper()
		for _, limit := range []int{1000, 7} {
			got := read(t, l, Query{Limit: limit})
			if len(got) != 1000 {
				t.Fatalf("%s: %d records", what, len(got))
			}
			for i, r := range got {
				if want := expected(1000-i, 999-i); !reflect.DeepEqual(r, want) {
					t.Fatalf("%s: %+v, want %+v", what, r, want)
				}
			}
		}
	}
	check(l, "from memory and disk")
	l.Flush(s)
	check(l, "from disk")
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	l = opened(t, dir, nil)
	check(l, "after a start")
	put(l, rec(5))
	l.Flush(s)
	if got := read(t, l, Query{}); len(got) != 1001 || got[0].ID != 1001 {
		t.Errorf("%d records, the newest %d", len(got), got[0].ID)
	}
	if st := l.Stats(); st.Lost != 0 || st.Error != "" || st.Bytes == 0 {
		t.Errorf("%+v", st)
	}
}

func TestFilters(t *testing.T) {
	l := opened(t, t.TempDir(), nil)
	s := Sink{Owner: owner}
	for n := range 1000 {
		put(l, rec(n))
		if n%90 == 0 {
			l.Flush(s)
		}
	}
	l.owner.Store(&s.Owner)
	for what, c := range map[string]struct {
		q    Query
		want func(Record) bool
	}{
		"device":    {Query{Device: "00:1b:8b:00:00:31"}, func(r Record) bool { return r.Client == desk }},
		"address":   {Query{Device: xray.String()}, func(r Record) bool { return r.Client == xray }},
		"name part": {Query{Name: "www7."}, func(r Record) bool { return strings.Contains(r.Name, "www7.") }},
		"alias":     {Query{Name: "teamviewer"}, func(r Record) bool { return r.Tool != "" }},
		"verdict":   {Query{Verdict: Refused}, func(r Record) bool { return r.Verdict == Refused }},
		"time": {Query{From: noon.Add(time.Minute), To: noon.Add(70 * time.Second)}, func(r Record) bool {
			return !r.At.Before(noon.Add(time.Minute)) && r.At.Before(noon.Add(70*time.Second))
		}},
		"all of it": {Query{Device: xray.String(), Name: "www", Verdict: Refused, From: noon.Add(time.Minute)}, func(r Record) bool {
			return r.Client == xray && r.Verdict == Refused && !r.At.Before(noon.Add(time.Minute))
		}},
		"nothing": {Query{Name: "no such name"}, func(Record) bool { return false }},
	} {
		var want []Record
		for n := 999; n >= 0; n-- {
			if r := expected(n+1, n); c.want(r) {
				want = append(want, r)
			}
		}
		c.q.Limit = 9
		if got := read(t, l, c.q); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d records, want %d", what, len(got), len(want))
		}
	}
}

// A file cut at any byte, or with a flipped one, loses the batch it is in and
// nothing else; the next run goes on behind it.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, dir, nil)
	for n := range 300 {
		put(l, rec(n))
		if n%100 == 99 {
			l.Flush(Sink{})
		}
	}
	l.close()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var begins []int
	batches(good, func(_ head, b []byte) {
		begins = append(begins, int(uintptr(unsafe.Pointer(&b[0]))-uintptr(unsafe.Pointer(&good[0]))))
	})
	if len(begins) != 3 {
		t.Fatal(begins)
	}
	count := func(b []byte) (ids []uint64) {
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		l := opened(t, dir, nil)
		for _, r := range read(t, l, Query{Limit: 1000}) {
			ids = append(ids, r.ID)
		}
		return ids
	}
	for cut := 0; cut < len(good); cut += 13 {
		whole := 0
		for i := range begins {
			if i+1 < len(begins) && cut >= begins[i+1] || i+1 == len(begins) && cut == len(good) {
				whole++
			}
		}
		if got := count(good[:cut]); len(got) != 100*whole {
			t.Fatalf("cut at %d: %d records, want %d", cut, len(got), 100*whole)
		}
	}
	for at := begins[1]; at < begins[2]; at += 7 {
		b := slices.Clone(good)
		b[at] ^= 0x10
		got := count(b)
		// Padding between two batches may be anything.
		if len(got) != 200 && !(len(got) == 300 && at > begins[1]+headSize) {
			t.Fatalf("byte %d flipped: %d records", at, len(got))
		}
	}
	if err := os.WriteFile(files[0], good[:begins[2]+20], 0o600); err != nil {
		t.Fatal(err)
	}
	l = opened(t, dir, nil)
	put(l, rec(1))
	l.Flush(Sink{})
	if got := read(t, l, Query{Limit: 1000}); len(got) != 201 || got[0].ID != 201 {
		t.Errorf("after a torn batch: %d records, the newest %d", len(got), got[0].ID)
	}
}

// What is not written within its minute is all that a crash takes: everything
// flushed is in the files while the process lives on.
func TestCrashLosesAMinute(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, dir, nil)
	for n := range 200 {
		put(l, rec(n))
		if n == 149 {
			l.Flush(Sink{})
		}
	}
	after := opened(t, dir, nil) // as after kill -9: nothing of l's memory is there
	if got := read(t, after, Query{Limit: 1000}); len(got) != 150 {
		t.Errorf("%d records", len(got))
	}
	if flushEvery > time.Minute {
		t.Error("a minute is the promise")
	}
}

// A disk that takes nothing stops nobody; what it did not take is counted, and
// said once an hour.
func TestDiskRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	said := 0
	h := &hand{noon}
	l := opened(t, dir, func(o *Options) {
		o.Now, o.Report = h.now, func(error) { said++ }
	})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		put(l, rec(1))
		l.Flush(Sink{})
		h.at = h.at.Add(time.Minute)
	}
	if st := l.Stats(); st.Lost != 3 || st.Error == "" || said != 1 {
		t.Errorf("%+v, said %d times", st, said)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(l, rec(2))
	l.Flush(Sink{})
	if st := l.Stats(); st.Lost != 3 || st.Error != "" {
		t.Errorf("%+v", st)
	}
	if got := read(t, l, Query{}); len(got) != 1 || got[0].ID != 4 {
		t.Errorf("%+v", got)
	}
}

// Without a writer the memory fills, and what follows is counted.
func TestNeverWaits(t *testing.T) {
	l := opened(t, t.TempDir(), nil)
	for n := range slots + 100 {
		put(l, rec(n))
	}
	if st := l.Stats(); st.Lost != 100 {
		t.Errorf("%+v", st)
	}
	long := rec(0)
	long.Name = strings.Repeat("a", 300)
	l.Flush(Sink{})
	for range 2 * slots {
		put(l, long)
	}
	l.Flush(Sink{})
	if p, _ := l.Read(t.Context(), Query{}); len(p.Records) == 0 || len(p.Records[0].Name) != maxString {
		t.Error("a long name")
	}
	var none *Log
	put(none, rec(0))
	if p, err := none.Read(t.Context(), Query{}); err != nil || len(p.Records) != 0 || none.Stats() != (Stats{}) || none.Keep() != 0 {
		t.Error("a log that is off")
	}
}

func TestRetention(t *testing.T) {
	dir := t.TempDir()
	h := &hand{noon}
	synced := true
	l := opened(t, dir, func(o *Options) {
		o.Now, o.Keep, o.Synced = h.now, 3*24*time.Hour, func() bool { return synced }
	})
	for day := range 10 {
		put(l, rec(day))
		l.Flush(Sink{})
		h.at = h.at.AddDate(0, 0, 1)
	}
	if got := read(t, l, Query{}); len(got) != 4 && len(got) != 5 {
		t.Errorf("%d days of 3", len(got))
	}
	synced, h.at = false, h.at.AddDate(20, 0, 0)
	before := len(read(t, l, Query{}))
	put(l, rec(0))
	l.Flush(Sink{})
	if got := read(t, l, Query{}); len(got) != before+1 {
		t.Errorf("a clock nobody believes deleted %d", before+1-len(got))
	}
	small := opened(t, t.TempDir(), func(o *Options) { o.Now, o.MaxBytes = h.now, 3*page })
	for range 20 {
		for n := range 500 {
			put(small, rec(n))
		}
		small.Flush(Sink{})
		h.at = h.at.AddDate(0, 0, 1)
	}
	if st := small.Stats(); st.Bytes > roomStep+4*page || len(read(t, small, Query{Limit: 1000})) < 500 {
		t.Errorf("%+v", st)
	}
}

// The sums a sink is told of are exact: with a database that comes late, with
// a crash between two writes of it, with a flush while nobody listens.
func TestSumsAreExact(t *testing.T) {
	dir := t.TempDir()
	type kept struct {
		total uint64
		next  uint64
	}
	var disk kept // as the database has it
	n := 0
	for run := range 5 {
		l := opened(t, dir, nil)
		mem := disk
		ready := false
		s := Sink{Owner: owner, Since: func() (uint64, bool) { return disk.next, ready }, Counted: func(c Counts) {
			for _, x := range c.All {
				mem.total += x.N
				if x.Hour < noon.Unix()/3600 || x.Device == "" || x.Name == "" || x.Verdict == 0 {
					t.Errorf("%+v", x)
				}
			}
			mem.next = c.Next
		}}
		l.begin(s)
		for i := range 10 {
			for range 37 {
				put(l, rec(n))
				n++
			}
			l.Flush(s)
			ready = ready || i >= run
			if i == 6 {
				disk = mem
			}
		}
		if run > 0 && run < 4 { // the last has everything again
			l.close()
			continue // and what came after the seventh was never kept
		}
		if run == 4 && mem.total != uint64(n) {
			t.Errorf("%d counted of %d", mem.total, n)
		}
		l.close()
	}
}

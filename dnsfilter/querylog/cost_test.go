package querylog

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// written is what this process has had written, by the kernel's count: bytes
// of dirtied pages on a real disk, and bytes handed over.
func written(t testing.TB) (pages, bytes int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip("no /proc/self/io: ", err)
	}
	for line := range strings.Lines(string(b)) {
		fmt.Sscanf(line, "write_bytes: %d", &pages)
		fmt.Sscanf(line, "wchar: %d", &bytes)
	}
	return pages, bytes
}

// aDay makes the questions of a clinic: a few names make most of them, some
// are asked once.
func aDay(rnd *rand.Rand) func(at time.Time) Record {
	var clients []netip.Addr
	for i := range 25 {
		clients = append(clients, netip.AddrFrom4([4]byte{192, 168, 10, byte(20 + i)}))
	}
	zipf := rand.NewZipf(rnd, 1.2, 3, 4000)
	return func(at time.Time) Record {
		n := zipf.Uint64()
		r := Record{At: at, Client: clients[rnd.IntN(len(clients))], Name: fmt.Sprintf("host-%x.service%d.example.co.jp", n*2654435761, n%97), Type: 1,
			Verdict: Answered, Reason: "dns.reason.unlisted"}
		if n%3 == 0 {
			r.Type = 28
		}
		if n%5 == 1 {
			r.Verdict, r.Reason, r.List, r.Line = Refused, "dns.reason.listed", "ads", int(n)
		}
		return r
	}
}

// A day of 300,000 questions, with the flush of each of its 1,440 minutes,
// makes the disk write less than what is left of 10 MB when the database has
// had its 2: also when they are spread evenly, which is the dearest.
func TestBytesWrittenInADay(t *testing.T) {
	if testing.Short() {
		t.Skip("1,440 syncs")
	}
	const questions, minutes, most = 300_000, 1440, 8_000_000
	h := &hand{noon.Truncate(24 * time.Hour)}
	dir := t.TempDir()
	l := opened(t, dir, func(o *Options) { o.Now = h.now })
	next := aDay(rand.New(rand.NewPCG(1, 2)))
	pages, handed := written(t)
	sent := 0
	for m := range minutes {
		for due := questions * (m + 1) / minutes; sent < due; sent++ {
			put(l, next(h.at.Add(time.Duration(questions*(m+1)/minutes-sent)*-288*time.Millisecond)))
		}
		l.Flush(Sink{})
		h.at = h.at.Add(time.Minute)
	}
	pages2, handed2 := written(t)
	pages, handed = pages2-pages, handed2-handed
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	t.Logf("%d questions, %d flushes: %d bytes of pages written, %d handed over (%.1f a question), %d on disk in %d files",
		questions, minutes, pages, handed, float64(handed)/questions, size, len(files))
	// On a file system without a disk nothing is counted; a page for each
	// flush is what it would have been at least.
	if worst := max(pages, handed, int64(math.Ceil(float64(handed)/minutes/page))*page*minutes); worst > most {
		t.Errorf("%d bytes written, at most %d", worst, most)
	}
	if st := l.Stats(); st.Lost != 0 || len(files) > 2 {
		t.Errorf("%+v, %d files", st, len(files))
	}
}

// Add is on every answer's way, with the name in a buffer on the stack.
func TestAddAllocatesNothing(t *testing.T) {
	l := opened(t, t.TempDir(), nil)
	r := rec(7)
	if n := testing.AllocsPerRun(1000, func() {
		var buf [256]byte
		l.Add(append(buf[:0], "www.some-clinic.example"...), r)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAdd is the cost on an answer's way; BenchmarkWrite, for one record
// too, is what the writer does beside, without the disk.
func BenchmarkAdd(b *testing.B) {
	l := opened(b, b.TempDir(), nil)
	r := rec(7)
	name := []byte(r.Name)
	b.ReportAllocs()
	for b.Loop() {
		l.Add(name, r)
		if len(l.front.slots) == slots {
			l.front.reset()
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	clinic := aDay(rnd)
	for what, next := range map[string]func(time.Time) Record{
		"clinic": clinic,
		"hot": func(at time.Time) Record {
			return Record{At: at, Client: desk, Name: fmt.Sprintf("host%d.example.co.jp", rnd.IntN(1000)), Type: 1, Verdict: Answered, Reason: "dns.reason.unlisted"}
		},
		"refused": func(at time.Time) Record {
			n := rnd.IntN(100_000)
			return Record{At: at, Client: desk, Name: fmt.Sprintf("ads%d.blocked.example", n), Type: 1, Verdict: Refused, Reason: "dns.reason.listed", List: "big", Line: n}
		},
	} {
		b.Run(what, func(b *testing.B) {
			e := newEncoder()
			buf := newBuffer()
			for n := range slots {
				r := next(noon.Add(time.Duration(n) * time.Millisecond))
				buf.add([]byte(r.Name), &r)
			}
			var out []byte
			var err error
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				if n++; n%len(buf.slots) == 0 {
					if out, err = e.encode(out[:0], buf, 1, owner); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(len(out))/float64(len(buf.slots)), "bytes/record")
		})
	}
}

func FuzzBatches(f *testing.F) {
	e := newEncoder()
	for _, n := range []int{1, 3, 200} {
		b := newBuffer()
		for i := range n {
			r := rec(i)
			b.add([]byte(r.Name), &r)
		}
		out, err := e.encode(nil, b, uint64(n), owner)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(out, true)
		f.Add(append(out, out...), false)
		f.Add(out[:len(out)-3], true)
	}
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if h, n, err := readHead(b); mend && err == nil && h.size > 0 {
			// Past the sum, as somebody would get who writes files.
			sum := sumOf(b[:n])
			copy(b[4:8], sum[:])
		}
		seen := 0
		batches(b, func(h head, batch []byte) {
			seen++
			all, err := decode(batch)
			if err != nil {
				return
			}
			if len(all) != int(h.count) || all[0].ID != h.first {
				t.Errorf("%d records of %d", len(all), h.count)
			}
			for _, r := range all {
				if r.Verdict == 0 || r.Verdict > lastVerdict || len(r.Name) > maxString {
					t.Errorf("%+v", r)
				}
			}
		})
		if seen > len(b)/headSize {
			t.Errorf("%d batches in %d bytes", seen, len(b))
		}
	})
}

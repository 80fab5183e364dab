package list

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manyLines is a hosts file of n different names.
func manyLines(n int) string {
	b := make([]byte, 0, 42*n)
	for i := range n {
		b = strconv.AppendInt(append(b, "0.0.0.0 host"...), int64(i)*7919, 10)
		b = strconv.AppendInt(append(b, ".ads-"...), int64(i%9973), 10)
		b = append(b, ".example\n"...)
	}
	return string(b)
}

func TestMillionIsSmall(t *testing.T) {
	file := manyLines(1_000_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	l := build(t, file)
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if l.Len() != 1_000_000 {
		t.Fatalf("%d names", l.Len())
	}
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	if held > 11_000_000 || l.Bytes() > 10_500_000 {
		t.Errorf("a million names hold %d bytes of heap, %d by own count", held, l.Bytes())
	}
	t.Logf("a million names: %v, %d bytes", took, l.Bytes())
	if e, ok := l.Lookup("host7919.ads-1.example"); !ok || e.Line != 2 {
		t.Error(e, ok)
	}
	runtime.KeepAlive(file)
}

// bigFile is a file of a million hosts lines on disk; with that many names no
// test measures its own copy.
func bigFile(b *testing.B) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), "million.hosts")
	if err := os.WriteFile(name, []byte(manyLines(1_000_000)), 0o600); err != nil {
		b.Fatal(err)
	}
	return name
}

func buildFile(b *testing.B, name string) *List {
	b.Helper()
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := NewBuilder(NewKey())
	if _, err := w.Add(Source{Name: "million", Text: f}); err != nil {
		b.Fatal(err)
	}
	return w.Build()
}

// A million hosts lines are a list within 1.2 s, with 120 MB at most
// meanwhile, and 45 MB afterwards, the test's own included.
func BenchmarkBuildMillion(b *testing.B) {
	name := bigFile(b)
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the peak begins anew
		b.Log(err)
	}
	var l *List
	b.ReportAllocs()
	for b.Loop() {
		l = buildFile(b, name)
	}
	each := b.Elapsed() / time.Duration(b.N)
	peak := memory(b, "VmHWM")
	debug.FreeOSMemory()
	rest := memory(b, "VmRSS")
	b.ReportMetric(peak, "peak-MB")
	b.ReportMetric(rest, "rest-MB")
	b.ReportMetric(float64(l.Bytes())/1e6, "list-MB")
	if each > 1200*time.Millisecond || peak > 120 || rest > 45 {
		b.Errorf("%v a list, peak %.0f MB, %.0f MB afterwards; want 1.2 s, 120 and 45 MB", each, peak, rest)
	}
	runtime.KeepAlive(l)
}

// memory reads a line of /proc/self/status, in MB.
func memory(b *testing.B, what string) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, what+": %f kB", &kb); n == 1 {
			return kb * 1024 / 1e6
		}
	}
	b.Fatal("no " + what)
	return 0
}

// A compiled file of a million names gives its first right answer within
// 30 ms.
func BenchmarkLoadMillion(b *testing.B) {
	name := filepath.Join(b.TempDir(), "compiled")
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := build(b, manyLines(1_000_000)).Write(f); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		l, err := Load(f)
		if err != nil {
			b.Fatal(err)
		}
		if e, ok := l.Lookup("host7919.ads-1.example"); !ok || e.Line != 2 {
			b.Fatal(e, ok)
		}
		f.Close()
	}
	if each := b.Elapsed() / time.Duration(b.N); each > 30*time.Millisecond {
		b.Errorf("%v until the first answer, want 30 ms", each)
	}
}

// Of a hosts list, a look-up is one probe; of rules for all below it is one
// more for each number of labels they have, which long names do not add to.
func BenchmarkLookup(b *testing.B) {
	hosts := build(b, manyLines(1_000_000))
	rules := build(b, strings.NewReplacer("0.0.0.0 ", "||", "example\n", "example^\n").Replace(manyLines(1_000_000)))
	except := build(b, manyLines(1_000_000)+"||a.test^\n@@||b.test^\n")
	names := make([]string, 4096)
	for i := range names {
		names[i] = fmt.Sprintf("host%d.ads-%d.example", i*7919*200, i*200%9973)
	}
	deep := strings.Repeat("a.", 100)
	for _, c := range []struct {
		name           string
		l              *List
		prefix, suffix string
		hit            bool
	}{
		{"hosts hit", hosts, "", "", true}, {"hosts miss", hosts, "x", "", false}, {"hosts miss deep", hosts, deep, ".jp", false},
		{"rules hit", rules, "", "", true}, {"rules hit below", rules, "www.", "", true},
		{"rules miss", rules, "www.x", "", false}, {"rules miss deep", rules, deep, ".jp", false},
		{"exceptions hit", except, "", "", true}, {"exceptions miss", except, "x", "", false},
	} {
		b.Run(c.name, func(b *testing.B) {
			asked := make([]string, len(names))
			for i, n := range names {
				asked[i] = c.prefix + n + c.suffix
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := c.l.Lookup(asked[i%len(asked)]); ok != c.hit {
					b.Fatal(asked[i%len(asked)])
				}
			}
		})
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	l := build(t, "||ads.example^\n@@||good.ads.example^\n0.0.0.0 host.example\n", "||good.ads.example^\n")
	for _, name := range []string{"ads.example", "x.good.ads.example", "host.example", "www.nothing.example", strings.Repeat("a.", 100) + "example"} {
		if n := testing.AllocsPerRun(100, func() { l.Lookup(name) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// However small or big the list, names that differ in one of the first 60 bits
// of their hashes differ.
func TestHashBits(t *testing.T) {
	for _, n := range []int{1, 1000, 100_000} {
		l := build(t, manyLines(n))
		h := sip(l.key, "host0.ads-0.example")
		if lo, hi := l.equal(h); hi != lo+1 {
			t.Fatalf("of %d names %d are this one", n, hi-lo)
		}
		for bit := range 60 {
			if lo, hi := l.equal(h ^ 1<<(63-bit)); lo != hi {
				t.Errorf("of %d names: bit %d does not count", n, bit)
			}
		}
	}
}

// The longest name there is leads to 7 names above it that are looked for.
func TestProbes(t *testing.T) {
	name, n, probes := strings.Repeat("a.", 126)+"b", 127, 1
	for rest, left := name, n; left > 1; probes++ {
		rest, left = above(rest, left)
		if labels(rest) != left || !strings.HasSuffix(name, "."+rest) {
			t.Fatalf("%s has %d labels", rest, left)
		}
	}
	if probes != 8 {
		t.Errorf("%d probes", probes)
	}
}

package list

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"monban/gateway/text"
)

func build(t testing.TB, sources ...string) *List {
	t.Helper()
	b := NewBuilder(NewKey())
	for i, s := range sources {
		if _, err := b.AddHosts(Source{Name: fmt.Sprintf("list%d", i+1), Text: strings.NewReader(s)}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Build()
}

func TestHosts(t *testing.T) {
	l := build(t, "\ufeff# comment\n"+ // 1
		"0.0.0.0 ads.example\n"+
		"127.0.0.1\tTrack.Example. second.example # why\r\n"+
		"\n"+
		"::  広告。例え.テスト\n"+ // 5
		"<html><body>rubbish</body>\n"+
		"192.168.1.9 nas.example\n"+
		"0.0.0.0 good.example bad..example\n"+
		"127.0.0.1 localhost localhost.localdomain\n"+
		"255.255.255.255 broadcasthost\n"+ // 10
		"0.0.0.0 0.0.0.0\n"+
		"0.0.0.0 "+strings.Repeat("x", 10_000)+" tail.example\n"+
		"0.0.0.0 _dmarc.under_score.example\n"+
		"0.0.0.0\n"+
		"0.0.0.0 10.1.2.3\n"+ // 15
		"0.0.0.0 ads.example#again\n"+
		"0 last.example",
		"0.0.0.0 other.example\n0.0.0.0 ads.example\n")
	for name, want := range map[string]Entry{
		"ads.example":                       {"list1", 2},
		"track.example":                     {"list1", 3},
		"second.example":                    {"list1", 3},
		"xn--4rrt1v.xn--r8jz45g.xn--zckzah": {"list1", 5},
		"good.example":                      {"list1", 8},
		"_dmarc.under_score.example":        {"list1", 13},
		"last.example":                      {"list1", 17},
		"other.example":                     {"list2", 1},
	} {
		if got, ok := l.Lookup(name); !ok || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "example", "nas.example", "tail.example", "x.ads.example", "10.1.2.3", "localhost", "ADS.example"} {
		if e, ok := l.Lookup(name); ok {
			t.Errorf("%q is on the list: %v", name, e)
		}
	}
	r := l.Sources()[0]
	if r.Lines != 17 || r.Bad != 6 || fmt.Sprint(r.First) != "[6 7 8 12 14 15]" || r.Names != 8 {
		t.Errorf("report: %+v", r)
	}
	if l.Len() != 8 {
		t.Errorf("%d names", l.Len())
	}
}

func TestNilAndEmpty(t *testing.T) {
	var none *List
	for _, l := range []*List{none, build(t), build(t, "# nothing\n")} {
		if _, ok := l.Lookup("a.example"); ok || l.Len() != 0 {
			t.Error("an empty list holds something")
		}
	}
}

// A source that fails leaves nothing of itself, and what was there stays.
func TestSourceLeftOut(t *testing.T) {
	many := strings.Repeat("0.0.0.0 a.example b.example c.example\n", chunkSize)
	for code, s := range map[string]Source{
		"dns.list_too_big":    {Text: strings.NewReader(many), Limit: int64(len(many)) - 1},
		"dns.list_unreadable": {Text: io.MultiReader(strings.NewReader(many), iotest.ErrReader(errors.New("card gone")))},
		"dns.list_not_hosts":  {Text: strings.NewReader("<!doctype html>\n<p>Not found</p>\n")},
	} {
		b := NewBuilder(NewKey())
		if _, err := b.AddHosts(Source{Name: "good", Text: strings.NewReader("0.0.0.0 kept.example\n")}); err != nil {
			t.Fatal(err)
		}
		s.Name = "bad"
		_, err := b.AddHosts(s)
		var f *text.Fault
		if !errors.As(err, &f) || f.Code != code {
			t.Errorf("%s: %v", code, err)
		}
		if _, err := b.AddHosts(Source{Name: "next", Text: strings.NewReader("0.0.0.0 next.example\n")}); err != nil {
			t.Fatal(err)
		}
		l := b.Build()
		if e, ok := l.Lookup("next.example"); !ok || e.List != "next" || l.Len() != 2 || len(l.Sources()) != 2 {
			t.Errorf("%s: %d names, %v", code, l.Len(), e)
		}
	}
	whole := Source{Name: "whole", Text: strings.NewReader(many), Limit: int64(len(many))}
	if _, err := NewBuilder(NewKey()).AddHosts(whole); err != nil {
		t.Error("a list of just the limit:", err)
	}
}

func TestTooMany(t *testing.T) {
	b := NewBuilder(NewKey())
	for i := range maxSources {
		if _, err := b.AddHosts(Source{Name: fmt.Sprint(i), Text: strings.NewReader("")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.AddHosts(Source{Name: "more", Text: strings.NewReader("")}); err == nil {
		t.Error("taken")
	}
	b = NewBuilder(NewKey())
	b.count = maxNames
	b.chunks = make([][]pair, maxNames/chunkSize)
	if _, err := b.AddHosts(Source{Name: "more", Text: strings.NewReader("0.0.0.0 a.example\n")}); err == nil {
		t.Error("taken beyond the bound")
	}
}

// The list agrees with a plain map on every name, on and off it.
func TestAgainstMap(t *testing.T) {
	label := rapid.StringMatching(`[a-z0-9_-]{1,6}`)
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(label, 0, 2).Draw(t, "labels"), ".") + "a.test"
	})
	rapid.Check(t, func(t *rapid.T) {
		b := NewBuilder(KeyOf([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))))
		want := map[string]Entry{}
		for s := range rapid.IntRange(0, 3).Draw(t, "sources") {
			names := rapid.SliceOfN(name, 0, 300).Draw(t, "names")
			var file strings.Builder
			for i, n := range names {
				fmt.Fprintf(&file, "0.0.0.0 %s\n", n)
				if _, ok := want[n]; !ok {
					want[n] = Entry{fmt.Sprint(s), i + 1}
				}
			}
			if _, err := b.AddHosts(Source{Name: fmt.Sprint(s), Text: strings.NewReader(file.String())}); err != nil {
				t.Fatal(err)
			}
		}
		l := b.Build()
		if l.Len() != len(want) {
			t.Fatalf("%d names, want %d", l.Len(), len(want))
		}
		for n, e := range want {
			if got, ok := l.Lookup(n); !ok || got != e {
				t.Fatalf("%s: %v %v, want %v", n, got, ok, e)
			}
		}
		for _, n := range rapid.SliceOfN(name, 0, 100).Draw(t, "others") {
			if _, ok := l.Lookup(n); ok != (want[n] != Entry{}) {
				t.Fatalf("%s: %v", n, ok)
			}
		}
	})
}

// One name on very many lines must not make building slow.
func TestRepeats(t *testing.T) {
	const lines = 1 << 18
	began := time.Now()
	build(t, manyLines(lines))
	usual := time.Since(began)
	began = time.Now()
	l := build(t, strings.Repeat("0.0.0.0 host7919.ads-1.example\n", lines))
	if took := time.Since(began); took > 10*usual {
		t.Errorf("took %v, different names %v", took, usual)
	}
	if l.Len() != 1 || l.Bytes() > 1<<20 {
		t.Errorf("%d names in %d bytes", l.Len(), l.Bytes())
	}
}

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
	if held > 13_000_000 || l.Bytes() > 12_500_000 {
		t.Errorf("a million names hold %d bytes of heap, %d by own count", held, l.Bytes())
	}
	t.Logf("a million names: %v, %d bytes", took, l.Bytes())
	if e, ok := l.Lookup("host7919.ads-1.example"); !ok || e.Line != 2 {
		t.Error(e, ok)
	}
	runtime.KeepAlive(file)
}

func BenchmarkBuildMillion(b *testing.B) {
	file := manyLines(1_000_000)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		build(b, file)
	}
}

func BenchmarkLookup(b *testing.B) {
	l := build(b, manyLines(1_000_000))
	names := make([]string, 4096)
	for i := range names {
		names[i] = fmt.Sprintf("host%d.ads-%d.example", i*7919*200, i*200%9973)
	}
	for _, c := range []struct{ name, suffix string }{{"hit", ""}, {"miss", ".jp"}} {
		b.Run(c.name, func(b *testing.B) {
			asked := make([]string, len(names))
			for i, n := range names {
				asked[i] = n + c.suffix
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := l.Lookup(asked[i%len(asked)]); ok != (c.suffix == "") {
					b.Fatal(asked[i%len(asked)])
				}
			}
		})
	}
	if n := testing.AllocsPerRun(1000, func() { l.Lookup(names[7]) }); n > 0 {
		b.Errorf("%v allocations per look-up", n)
	}
}

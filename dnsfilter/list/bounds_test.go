package list

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"monban/gateway/text"
)

func add(t testing.TB, b *Builder, name, file string) Report {
	t.Helper()
	r, err := b.Add(Source{Name: name, Text: strings.NewReader(file), Format: AdBlock})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A list made to cost much takes bounded memory, and no name takes long: all
// that goes over the bounds is counted as unusable.
func TestHostilePatterns(t *testing.T) {
	var file strings.Builder
	for i := range 20_000 {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&file, "/(a|a)*(a|aa)+a{%d}b/\n", i%400)
		case 1:
			fmt.Fprintf(&file, "/(((x{20}){20}){20}%d)/\n", i) // far too large
		case 2:
			fmt.Fprintf(&file, "/\\pL{30}[a-%c]+%d/\n", 'b'+rune(i%20), i)
		case 3:
			fmt.Fprintf(&file, "||*a*aa*aaa*a%d^\n", i)
		default:
			fmt.Fprintf(&file, "/[a-z]+aaa[0-9a]*%d$/\n", i)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b := NewBuilder(NewKey())
	r := add(t, b, "hostile", file.String())
	l := b.Build()
	again := reload(t, l)
	long := strings.Repeat("a", 63) + "." + strings.Repeat("a", 63) + "." + strings.Repeat("a", 63) + "." + strings.Repeat("a", 61)
	began := time.Now()
	const n = 10
	for range n {
		l.Lookup(long)
	}
	each := time.Since(began) / n
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc) - int64(file.Len())
	t.Logf("%d patterns taken, %d lines not; the longest name takes %v, the list %d kB", r.Patterns, r.Unusable, each, held>>10)
	if r.Patterns == 0 || r.Patterns > maxPatterns || r.Patterns+r.Unusable+r.Bad != 20_000 || held > 64<<20 {
		t.Errorf("%+v, %d bytes held", r, held)
	}
	// Steps are a few nanoseconds; a machine that is busy with others gets ten
	// times that.
	if limit := 20 * time.Duration(patternSteps*len(long)) * 2; each > limit {
		t.Errorf("the longest name takes %v, want %v at most", each, limit)
	}
	runtime.KeepAlive(again)
}

// Lines with limits are bounded, too: about one name, and in all.
func TestHostileLimits(t *testing.T) {
	var one, many strings.Builder
	for i := range 200 {
		fmt.Fprintf(&one, "||a.example^$client=10.0.0.%d\n", i)
	}
	for i := range 20_000 {
		fmt.Fprintf(&many, "||n%d.example^$client=d%d\n", i, i)
	}
	many.WriteString("||x.example^$client=" + strings.Repeat("a|", limitItems) + "a\n")
	b := NewBuilder(NewKey())
	if r := add(t, b, "one", one.String()); r.Names != nameLimited || r.Unusable != 200-nameLimited {
		t.Errorf("%+v", r)
	}
	if r := add(t, b, "many", many.String()); r.Names == 0 || r.Names > limitBytes/256 || r.Names+r.Unusable != 20_001 {
		t.Errorf("%+v", r)
	}
	if l := b.Build(); l.Bytes() > 8<<20 {
		t.Errorf("%d bytes", l.Bytes())
	}
}

// A source that is refused takes its limits and patterns with it.
func TestSourceWithRulesLeftOut(t *testing.T) {
	b := NewBuilder(NewKey())
	add(t, b, "first", "||a*b.example^\n||x.example^$client=tablet\n")
	if _, err := b.Add(Source{Name: "bad", Limit: 70, Format: AdBlock, Text: strings.NewReader("/evil[0-9]/\n||y.example^$client=other\n||y.example^\n" + strings.Repeat("#", 100))}); err == nil {
		t.Fatal("taken")
	}
	add(t, b, "last", "||z.example^$client=other\n@@||a1b.example^\n/evil[a-z]/\n")
	l := b.Build()
	for _, c := range []struct {
		name, device, list string
	}{
		{"a1b.example", "", "first"}, {"x.example", "tablet", "first"}, {"x.example", "other", ""}, {"evil1.example", "", ""}, {"y.example", "other", ""},
		{"z.example", "other", "last"}, {"z.example", "tablet", ""}, {"evilx.example", "", "last"},
	} {
		for _, l := range []*List{l, reload(t, l)} {
			if e, _ := l.Find(Query{Name: c.name, Device: c.device, Type: 1, In: All}); e.List != c.list {
				t.Errorf("%s on %q: %+v", c.name, c.device, e)
			}
		}
	}
	if n := len(l.patterns.all); n != 2 || len(l.limits) != 2 {
		t.Errorf("%d patterns, %d limits", n, len(l.limits))
	}
}

func TestRulesAllocateNothing(t *testing.T) {
	l := build(t, "||ads.example^$client=192.0.2.1|tablet,dnstype=~AAAA\n||a*b.example^\n/^track[0-9]+\\./\n/[0-9]{9}/\n@@||good.ads.example^$denyallow=x.good.ads.example\n")
	q := Query{Type: 1, Device: "tablet", In: All}
	for _, q.Name = range []string{"www.ads.example", "axxb.example", "track7.example", "nothing.jp", "1234567890.example", "good.ads.example"} {
		l.Find(q) // the matcher's own memory, once
		if n := testing.AllocsPerRun(100, func() { l.Find(q) }); n > 0 {
			t.Errorf("%s: %v allocations", q.Name, n)
		}
	}
}

// What patterns add to a look-up that none of them is about, and to a list of
// a million names.
func BenchmarkPatterns(b *testing.B) {
	var rules strings.Builder
	for i := range 500 {
		fmt.Fprintf(&rules, "||ad*srv%d.*^\n/^pix[0-9]+\\.trk%d\\./\n", i, i)
	}
	plain := build(b, manyLines(100_000))
	with := build(b, manyLines(100_000), rules.String())
	for _, c := range []struct {
		name string
		l    *List
	}{{"none", plain}, {"1000", with}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := c.l.Lookup("www.shinryo-yoyaku.clinic.example.co.jp"); ok {
					b.Fatal("refused")
				}
			}
		})
	}
}

// A file of the version before is told from a damaged one.
func TestOlderFile(t *testing.T) {
	file := compiled(t)
	file[len(magic)] = fileVersion - 1
	seal(file)
	_, err := Load(strings.NewReader(string(file)))
	if f, ok := err.(*text.Fault); !ok || f.Unwrap() != ErrVersion {
		t.Error(err)
	}
}

// Two limits are the same only if they say the same, however they are written.
func TestLimitsStayApart(t *testing.T) {
	l := build(t, "||x.example^$client='a b'\n||y.example^$client=a|b\n||z.example^$client='a]'|'[b'\n||z.example^$client='a] [b'\n")
	for _, c := range []struct {
		name, device string
		want         bool
	}{{"x.example", "a b", true}, {"x.example", "a", false}, {"y.example", "a", true}, {"y.example", "b", true}, {"y.example", "a b", false},
		{"z.example", "a]", true}, {"z.example", "a] [b", true}} {
		if _, ok := l.Find(Query{Name: c.name, Device: c.device, In: All}); ok != c.want {
			t.Errorf("%s of %q: %v", c.name, c.device, ok)
		}
	}
}

// Asked for anyone, a name is refused if it is to one client.
func TestAnyone(t *testing.T) {
	l := build(t, "||a.example^$client=10.0.0.0/8\n||b.example^$client=~tablet\n||c.example^\n@@||c.example^$client=~desk\n||d.example^\n@@||d.example^\n||e.example^$client=desk,denyallow=e.example\n")
	for name, want := range map[string]bool{"a.example": true, "b.example": true, "c.example": true, "d.example": false, "e.example": false} {
		if _, ok := l.Find(Query{Name: name, In: All, Anyone: true}); ok != want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}

package querylog

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// inDir says whether some file of dir holds one of these, as it lies there or
// unpacked.
func inDir(t *testing.T, dir string, what ...string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		batches(b, func(_ head, batch []byte) {
			all, err := decode(batch)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range all {
				for _, w := range what {
					found = found || bytes.Contains([]byte(r.Name+" "+r.Via), []byte(w))
				}
			}
		})
	}
	return found
}

// Masked names are in no file and on no page, and still add up.
func TestMask(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	l, err := Open(Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	l.Set(Rules{Mask: true, Keep: 7 * 24 * time.Hour})
	var sums []Count
	sink := Sink{Since: func() (uint64, bool) { return 0, true }, Counted: func(c Counts) { sums = append(sums, c.All...) }}
	l.begin(sink)
	ask := func(name string) {
		l.Add([]byte(name), Record{At: now, Client: netip.MustParseAddr("192.168.10.21"), Verdict: Refused, Reason: "dns.reason.listed", List: "ads", Line: 77, Via: "alias.secret.example"})
	}
	ask("www.secret.example")
	ask("www.secret.example")
	ask("other.secret.example")
	ask("")
	l.Flush(sink)
	now = now.Add(24 * time.Hour)
	ask("www.secret.example")
	p, err := l.Read(context.Background(), Query{})
	if err != nil || len(p.Records) != 5 {
		t.Fatalf("%+v, %v", p, err)
	}
	r := p.Records
	for i, x := range r {
		if x.Line != 0 || x.Via != "" || x.List != "ads" || Masked(x.Name) != (i != 1) {
			t.Errorf("%d: %+v", i, x)
		}
	}
	if r[4].Name != r[3].Name || r[3].Name == r[2].Name || r[0].Name == r[4].Name {
		t.Errorf("marks %s %s %s, the day after %s", r[4].Name, r[3].Name, r[2].Name, r[0].Name)
	}
	l.Flush(sink)
	n := uint64(0)
	for _, c := range sums {
		n += c.N
	}
	if n != 5 {
		t.Errorf("%d questions added up: %+v", n, sums)
	}
	if inDir(t, dir, "secret") {
		t.Error("a name is on the disk")
	}
	name := []byte("www.example")
	if n := testing.AllocsPerRun(100, func() { l.Add(name, Record{At: now}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Off deletes what there is and writes no more; sums go on, of no names.
func TestOff(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var asked uint64
	sink := Sink{Since: func() (uint64, bool) { return 0, true }, Counted: func(c Counts) {
		for _, x := range c.All {
			if asked += x.N; l.Rules().Off && !Masked(x.Name) {
				t.Errorf("%+v", x)
			}
		}
	}}
	l.begin(sink)
	add := func() { l.Add([]byte("www.example"), Record{At: time.Now(), Verdict: Answered}) }
	add()
	l.Flush(sink)
	l.Set(Rules{Off: true})
	l.lessen()
	add()
	l.Flush(sink)
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 || asked != 2 {
		t.Errorf("%v; %d questions", files, asked)
	}
	l.Set(Rules{})
	add()
	l.Flush(sink)
	if !inDir(t, dir, "www.example") || asked != 3 {
		t.Error("nothing is kept after that")
	}
	var none *Log
	if none.Set(Rules{}); !none.Rules().Off {
		t.Error("no log keeps something")
	}
}

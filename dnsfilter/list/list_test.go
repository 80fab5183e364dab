package list

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"monban/gateway/text"
)

func build(t testing.TB, sources ...string) *List {
	t.Helper()
	b := NewBuilder(NewKey())
	for i, s := range sources {
		if _, err := b.Add(Source{Name: fmt.Sprintf("list%d", i+1), Text: strings.NewReader(s)}); err != nil {
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
		"ads.example":                       {"list1", 2, 0},
		"track.example":                     {"list1", 3, 0},
		"second.example":                    {"list1", 3, 0},
		"xn--4rrt1v.xn--r8jz45g.xn--zckzah": {"list1", 5, 0},
		"good.example":                      {"list1", 8, 0},
		"_dmarc.under_score.example":        {"list1", 13, 0},
		"last.example":                      {"list1", 17, 0},
		"other.example":                     {"list2", 1, 0},
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
	if l.Len() != 9 { // one stands on both lists
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
		"list.too_big":        {Text: strings.NewReader(many), Limit: int64(len(many)) - 1},
		"dns.list_unreadable": {Text: io.MultiReader(strings.NewReader(many), iotest.ErrReader(errors.New("card gone")))},
		"list.html":           {Text: strings.NewReader("\ufeff\r\n  <!doctype html>\n<p>Not found</p>\n")},
		"list.empty":          {Text: strings.NewReader(" \r\n\n")},
		"list.no_names":       {Text: strings.NewReader("{\"message\": \"Not Found\"}\n")},
	} {
		b := NewBuilder(NewKey())
		if _, err := b.AddHosts(Source{Name: "good", Text: strings.NewReader("0.0.0.0 kept.example\n")}); err != nil {
			t.Fatal(err)
		}
		s.Name = "bad"
		_, err := b.Add(s)
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
		if _, err := b.AddHosts(Source{Name: fmt.Sprint(i), Text: strings.NewReader("#")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.AddHosts(Source{Name: "more", Text: strings.NewReader("#")}); err == nil {
		t.Error("taken")
	}
	b = NewBuilder(NewKey())
	b.count = maxNames
	b.chunks = make([]*chunk, maxNames/chunkSize+1)
	if _, err := b.AddHosts(Source{Name: "more", Text: strings.NewReader("0.0.0.0 a.example\n")}); err == nil {
		t.Error("taken beyond the bound")
	}
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

// A few names in turn on very many lines, most of them in few buckets.
func TestRepeatsInTurn(t *testing.T) {
	const lines = 1 << 18
	began := time.Now()
	build(t, manyLines(lines))
	usual := time.Since(began)
	var file strings.Builder
	for i := range lines {
		fmt.Fprintf(&file, "0.0.0.0 host%d.example\n", i%200)
	}
	b := NewBuilder(NewKey())
	if _, err := b.Add(Source{Text: strings.NewReader(file.String())}); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.chunks {
		for i := range c.hash {
			c.hash[i] &= 1<<48 - 1 // all in one bucket
		}
	}
	began = time.Now()
	l := b.Build()
	if took := time.Since(began); took > 10*usual {
		t.Errorf("took %v, different names %v", took, usual)
	}
	if l.Len() != 200 {
		t.Errorf("%d names", l.Len())
	}
	for i, p := range l.where {
		if p&maxLine > 200 {
			t.Errorf("entry %d is of line %d, not of the first", i, p&maxLine)
		}
	}
}

// What is no text is refused wherever it shows.
func TestBinary(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("0.0.0.0 a.example\n"))
	z.Close()
	for name, s := range map[string]string{
		"gzip": packed.String(), "an ELF file": "\x7fELF\x02\x01\x01\x00\x00", "UTF-16": "\xff\xfe0\x00.\x000\x00",
		"zeros of a bad card, late": manyLines(8<<10) + strings.Repeat("\x00", 512) + "\n" + manyLines(10),
	} {
		b := NewBuilder(NewKey())
		_, err := b.Add(Source{Name: "x", Text: strings.NewReader(s)})
		var f *text.Fault
		if !errors.As(err, &f) || f.Code != "list.binary" || b.count != 0 {
			t.Errorf("%s: %v, %d names", name, err, b.count)
		}
	}
}

package gateway

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/gateway/people"
)

// logged is a running box with a query log in its state directory.
func logged(t *testing.T, dir string) *box {
	b := newBoxIn(t, dir)
	b.logNames()
	b.start()
	b.seen(rececom, "192.168.10.31", "2001:db8:10::31")
	return b
}

func (b *box) logNames() {
	b.t.Helper()
	l, err := querylog.Open(querylog.Options{Dir: b.dir + "/names", Now: b.o.Clock.Wall})
	if err != nil {
		b.t.Fatal(err)
	}
	b.o.QueryLog = l
}

func (b *box) sink() querylog.Sink {
	return querylog.Sink{Owner: b.ownerOf, Since: b.nameMark, Counted: b.countNames}
}

func (b *box) asked(client, name string, verdict querylog.Verdict) {
	r := querylog.Record{At: b.o.Clock.Wall(), Client: netip.MustParseAddr(client), Type: 65, Verdict: verdict, Reason: dnsfilter.Unlisted}
	if verdict == querylog.Refused {
		r.Reason, r.List, r.Line = dnsfilter.Listed, "lab", 1
	}
	b.o.QueryLog.Add([]byte(name), r)
}

func TestNames(t *testing.T) {
	t.Parallel()
	b := logged(t, t.TempDir())
	who := b.director()
	b.asked("192.168.10.31", "www.example", querylog.Answered)
	b.asked("2001:db8:10::31", listed, querylog.Refused)
	b.o.QueryLog.Flush(b.sink())
	b.asked("192.168.10.99", "xn--zckzah.example", querylog.Answered)
	p, err := b.Names(t.Context(), who, NameQuery{})
	if err != nil || len(p.Records) != 3 || p.Next != 0 || p.Keep != 30*24*time.Hour {
		t.Fatalf("%+v, %v", p, err)
	}
	if r := p.Records[1]; r.Name != listed || r.Verdict != "refused" || r.Reason != dnsfilter.Listed || r.List != "lab" || r.Line != 1 || r.Type != "HTTPS" ||
		r.Device != rececom.String() || r.DeviceName == "" || r.DeviceName == r.Device {
		t.Errorf("%+v", r)
	}
	if r := p.Records[0]; r.Device != "192.168.10.99" || r.DeviceName != "192.168.10.99" {
		t.Errorf("%+v", r)
	}
	for what, c := range map[string]struct {
		q NameQuery
		n int
	}{
		"device":        {NameQuery{Device: rececom.String()}, 2},
		"written apart": {NameQuery{Device: strings.ToUpper(strings.ReplaceAll(rececom.String(), ":", "-"))}, 2},
		"stranger":      {NameQuery{Device: "192.168.10.99"}, 1},
		"part":          {NameQuery{Name: "LAB."}, 1},
		"Japanese":      {NameQuery{Name: "テスト"}, 1},
		"verdict":       {NameQuery{Verdict: "refused"}, 1},
		"earlier":       {NameQuery{To: noon}, 0},
		"one":           {NameQuery{Limit: 1}, 1},
	} {
		if p, err := b.Names(t.Context(), who, c.q); err != nil || len(p.Records) != c.n {
			t.Errorf("%s: %d, %v", what, len(p.Records), err)
		}
	}
	fails(t, second(b.Names(t.Context(), who, NameQuery{Verdict: "x"})), "dns.bad_verdict")
	fails(t, second(b.Names(t.Context(), who, NameQuery{Device: "x"})), "dns.bad_client")
	fails(t, second(b.Names(t.Context(), staff, NameQuery{})), "people.may_not")
	b.kill()
	b.o.QueryLog = nil
	b.start()
	fails(t, second(b.Names(t.Context(), who, NameQuery{})), "dns.log_off")
}

func TestNameIn(t *testing.T) {
	for in, want := range map[string]string{
		"www.example": "www.example", " www.example. ": "www.example", "https://www.example/a?b#c": "www.example", "http://u:p@www.example:8080/": "www.example",
		"www.example:443": "www.example", "www.example/path": "www.example", "": "", "a:b": "a:b",
	} {
		if got := nameIn(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Statistics survive a crash exactly, and are the same from memory, from the
// database, and counted again.
func TestNameStatsSurvive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := logged(t, dir)
	who := b.director()
	day := noon.In(b.Zone()).Format(time.DateOnly)
	total := uint64(0)
	ask := func(n int) {
		for range n {
			b.asked("192.168.10.31", "www.example", querylog.Answered)
			b.asked("192.168.10.31", listed, querylog.Refused)
			b.asked("192.168.10.99", "other.example", querylog.Answered)
			total += 3
		}
		b.o.QueryLog.Flush(b.sink())
	}
	check := func(what string) {
		t.Helper()
		st, err := b.NameStats(t.Context(), who, day, "")
		if err != nil || st.Sum.Asked != total || st.Sum.Refused != total/3 || len(st.Hours) != 24 || len(st.Devices) != 2 || len(st.Tops) != 3 ||
			len(st.Refused) != 1 || st.Refused[0].Name != listed || len(st.Reasons) != 1 || st.Reasons[0].N != total/3 {
			t.Fatalf("%s: %+v, %v; want %d", what, st, err, total)
		}
		if h := st.Hours[12]; h.Asked != total || h.Start.In(b.Zone()).Hour() != 12 { // noon of Tokyo
			t.Errorf("%s: %+v", what, h)
		}
		one, err := b.NameStats(t.Context(), who, day, rececom.String())
		if err != nil || one.Sum.Asked != total/3*2 || len(one.Tops) != 2 || len(one.Devices) != 2 || one.Devices[0].Device != rececom.String() {
			t.Errorf("%s: %+v, %v", what, one, err)
		}
	}
	b.o.QueryLog.Flush(b.sink()) // nothing yet
	ask(5)
	check("from memory")
	b.writeNameStats(t.Context(), true)
	check("from the database")
	ask(7)
	check("from both")
	b.kill() // the seven are in the query log alone
	b.logNames()
	b.start()
	b.seen(rececom, "192.168.10.31")
	ask(1)
	check("after a crash")
	b.writeNameStats(t.Context(), true)
	b.kill()
	b.logNames()
	b.start()
	b.seen(rececom, "192.168.10.31")
	ask(2)
	check("after an orderly end")
	if _, err := b.NameStats(t.Context(), who, "x", ""); err == nil {
		t.Error("no such day")
	}
	if st, err := b.NameStats(t.Context(), who, "2020-01-01", ""); err != nil || st.Sum.Asked != 0 || len(st.Hours) != 24 {
		t.Errorf("%+v, %v", st, err)
	}
}

// A flood of names and devices stays bounded, and the totals are right.
func TestNameStatsBounded(t *testing.T) {
	b := running(t)
	var c querylog.Counts
	for i := range maxNameSums + maxHourSums {
		c.All = append(c.All, querylog.Count{Hour: 500_000, Device: fmt.Sprint("d", i%(2*maxHourSums)), Name: fmt.Sprint("n", i), Verdict: querylog.Answered, N: 1})
	}
	c.Next = 7
	b.countNames(c)
	s := &b.nameSums
	sum := uint64(0)
	for _, h := range s.hours {
		sum += h.Asked
	}
	if len(s.hours) > maxHourSums+1 || len(s.tops) > maxNameSums || sum != uint64(len(c.All)) {
		t.Errorf("%d hours, %d names, %d counted", len(s.hours), len(s.tops), sum)
	}
	b.writeNameStats(t.Context(), true)
	if len(s.hours)+len(s.tops) != 0 {
		t.Error("not written")
	}
}

// The query log's task writes what is left when it ends, sums included.
func TestQueryLogEndsInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := logged(t, dir)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.keepQueryLog(ctx) }()
	b.asked("192.168.10.31", "www.example", querylog.Answered)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	hours, err := b.db().NameHours(t.Context(), 0, 1<<40)
	if err != nil || len(hours) != 1 || hours[0].Asked != 1 {
		t.Errorf("%+v, %v", hours, err)
	}
}

// A whole day of a clinic, query log and statistics together, writes at most
// 10 MB: 300,000 questions, a flush each minute, the database every six hours. It is
// not parallel, since the kernel counts for the whole process.
func TestNamesWriteLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("1,440 syncs")
	}
	b := logged(t, t.TempDir())
	b.time.set(noon.Truncate(24*time.Hour), true)
	const questions, minutes, most = 300_000, 1440, 10_000_000
	pages, handed := writtenBytes(t)
	n := 0
	for m := range minutes {
		for due := questions * (m + 1) / minutes; n < due; n++ {
			// A few names make most of it, a tenth are seldom.
			name := fmt.Sprintf("host%d.service%d.example.co.jp", n*n%211, n%13)
			if n%10 == 3 {
				name = fmt.Sprintf("x%d.seldom.example", n)
			}
			b.asked(fmt.Sprintf("192.168.10.%d", 20+n%25), name, querylog.Answered+querylog.Verdict(n%7/6))
		}
		b.o.QueryLog.Flush(b.sink())
		b.time.pass(time.Minute)
		b.writeNameStats(t.Context(), false)
	}
	if err := b.db().Checkpoint(t.Context()); err != nil { // what the night does
		t.Fatal(err)
	}
	pages2, handed2 := writtenBytes(t)
	t.Logf("%d bytes of pages written, %d handed over", pages2-pages, handed2-handed)
	if got := max(pages2-pages, handed2-handed); got > most {
		t.Errorf("%d bytes written in a day, at most %d", got, most)
	}
	st, err := b.NameStats(t.Context(), people.Actor{Role: people.Director}, noon.Format(time.DateOnly), "")
	if err != nil || st.Sum.Asked == 0 {
		t.Errorf("%+v, %v", st.Sum, err)
	}
}

// writtenBytes is what this process has had written, by the kernel's count.
func writtenBytes(t *testing.T) (pages, handed int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip("no /proc/self/io: ", err)
	}
	for line := range strings.Lines(string(b)) {
		fmt.Sscanf(line, "write_bytes: %d", &pages)
		fmt.Sscanf(line, "wchar: %d", &handed)
	}
	return pages, handed
}

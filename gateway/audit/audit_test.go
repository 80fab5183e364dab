package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/gateway/audit"
	"monban/gateway/people"
)

var director = people.Actor{ID: 1, Name: "院長", Role: people.Director, Via: "page"}

// chain makes a log of one line per code.
func chain(t rapid.TB, codes ...string) []audit.Line {
	t.Helper()
	var head audit.Head
	var all []audit.Line
	for i, c := range codes {
		l, err := audit.Next(head, audit.Event{At: time.UnixMilli(1_800_000_000_000 + int64(i)), Synced: i%2 == 0,
			Who: director, Code: c, Args: json.RawMessage(`{"n":1}`)})
		if err != nil {
			t.Fatal(err)
		}
		head, all = l.Head(), append(all, l)
	}
	return all
}

func verify(lines []audit.Line, against ...audit.Head) (audit.Head, error) {
	v := audit.Verifier{Against: against}
	for _, l := range lines {
		v.Add(l) // the error is kept until End
	}
	return v.End()
}

func TestChainVerifies(t *testing.T) {
	all := chain(t, "a.b", "a.c", "a.d")
	head, err := verify(all, all[1].Head(), all[2].Head(), audit.Head{})
	if err != nil || head != all[2].Head() {
		t.Fatal(head, err)
	}
	if _, err := verify(nil); err != nil {
		t.Error("an empty log:", err)
	}
}

func TestWhatIsFound(t *testing.T) {
	all := chain(t, "a.a", "a.b", "a.c", "a.d", "a.e")
	last := all[4].Head()
	forged := chain(t, "a.a", "a.b", "x.x", "a.d", "a.e")
	edit := func(f func(*audit.Line)) []audit.Line {
		c := slices.Clone(all)
		f(&c[2])
		return c
	}
	for _, c := range []struct {
		name  string
		lines []audit.Line
		why   string
		line  uint64
	}{
		{"code", edit(func(l *audit.Line) { l.Code = "a.z" }), audit.Edited, 3},
		{"time", edit(func(l *audit.Line) { l.At = l.At.Add(time.Millisecond) }), audit.Edited, 3},
		{"synced", edit(func(l *audit.Line) { l.Synced = !l.Synced }), audit.Edited, 3},
		{"who", edit(func(l *audit.Line) { l.Who.Name = "受付" }), audit.Edited, 3},
		{"id", edit(func(l *audit.Line) { l.Who.ID = 2 }), audit.Edited, 3},
		{"role", edit(func(l *audit.Line) { l.Who.Role = people.Staff }), audit.Edited, 3},
		{"via", edit(func(l *audit.Line) { l.Who.Via = "socket" }), audit.Edited, 3},
		{"name, no UTF-8", edit(func(l *audit.Line) { l.Who.Name = "院長\xff" }), audit.Edited, 3},
		{"args", edit(func(l *audit.Line) { l.Args = json.RawMessage(`{"n":2}`) }), audit.Edited, 3},
		{"args, other form", edit(func(l *audit.Line) { l.Args = json.RawMessage(`{"n": 1}`) }), audit.Edited, 3},
		{"hash", edit(func(l *audit.Line) { l.Hash[0]++ }), audit.Edited, 3},
		{"prev", edit(func(l *audit.Line) { l.Prev[0]++ }), audit.Unchained, 3},
		{"deleted", slices.Delete(slices.Clone(all), 2, 3), audit.Missing, 3},
		{"deleted and numbered anew", renumber(slices.Delete(slices.Clone(all), 2, 3)), audit.Unchained, 3},
		{"doubled", slices.Insert(slices.Clone(all), 2, all[1]), audit.Unchained, 3},
		{"swapped", append(append(slices.Clone(all[:1]), all[2], all[1]), all[3:]...), audit.Missing, 2},
		{"cut", all[:3], audit.Cut, 4},
		{"emptied", nil, audit.Cut, 1},
		{"written anew", forged, audit.Rewritten, 5},
	} {
		_, err := verify(c.lines, last)
		var b *audit.Broken
		if !errors.As(err, &b) || b.Why != c.why || b.Line != c.line {
			t.Errorf("%s: got %v, want %s at %d", c.name, err, c.why, c.line)
		}
	}
}

func renumber(ls []audit.Line) []audit.Line {
	for i := range ls {
		ls[i].Seq = uint64(i + 1)
	}
	return ls
}

func TestNextRefuses(t *testing.T) {
	for _, args := range []string{`[]`, `"x"`, `null`, `{"b":1,"a":2}`, `{ }`, `{"a":1.5}`, `{"a":1}{}`, `{`} {
		if _, err := audit.Next(audit.Head{}, audit.Event{Code: "a.b", Args: json.RawMessage(args)}); err == nil {
			t.Errorf("arguments %s were taken", args)
		}
	}
	if _, err := audit.Next(audit.Head{}, audit.Event{}); err == nil {
		t.Error("a line without a code was taken")
	}
}

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":1,"a":[true,null,"x"]}`:          `{"a":[true,null,"x"],"b":1}`,
		`{"é":1,"z":-0,"a<b":"\u003c&\u2028"}`: "{\"a<b\":\"<&\u2028\",\"z\":0,\"é\":1}",
		`18446744073709551615`:                 `18446744073709551615`,
		`"\n\u0001\"\\/"`:                      `"\u000a\u0001\"\\/"`,
	} {
		got, err := audit.Canonical(json.RawMessage(in))
		if err != nil || string(got) != want {
			t.Errorf("Canonical(%s) = %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`1.0`, `1e3`, `18446744073709551616`, `-9223372036854775809`, strings.Repeat("[", 40) + strings.Repeat("]", 40)} {
		if got, err := audit.Canonical(json.RawMessage(in)); err == nil {
			t.Errorf("Canonical(%s) = %s, want an error", in, got)
		}
	}
}

// Two different events never have the same bytes, whatever stands in them.
func TestHashTellsEventsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := func() audit.Event {
			args, err := audit.Canonical(rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "args"))
			if err != nil {
				t.Fatal(err)
			}
			return audit.Event{At: time.UnixMilli(rapid.Int64Range(0, 3).Draw(t, "at")), Synced: rapid.Bool().Draw(t, "synced"),
				Who:  people.Actor{ID: rapid.Int64Range(0, 2).Draw(t, "id"), Name: rapid.SampledFrom([]string{"", "a", "a\",\"role\":\"x"}).Draw(t, "name")},
				Code: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "code"), Args: args}
		}
		a, b := event(), event()
		la, err := audit.Next(audit.Head{}, a)
		if err != nil {
			t.Fatal(err)
		}
		lb, err := audit.Next(audit.Head{}, b)
		if err != nil {
			t.Fatal(err)
		}
		same := a.At.Equal(b.At) && a.Synced == b.Synced && a.Who == b.Who && a.Code == b.Code && bytes.Equal(a.Args, b.Args)
		if same != (la.Hash == lb.Hash) {
			t.Fatalf("%+v and %+v: same hash %v", a, b, la.Hash == lb.Hash)
		}
	})
}

func FuzzParseHead(f *testing.F) {
	f.Add(audit.Head{}.String())
	f.Add(strings.Repeat("ab", 32) + ":12")
	f.Add(strings.Repeat("AB", 32) + ":+1")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := audit.ParseHead(s)
		if err == nil && h.String() != s {
			t.Errorf("%q reads as %s", s, h)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\u00e9"}]}`))
	f.Add([]byte(`"\ud800"`))
	f.Add([]byte(`{"a":1` + strings.Repeat("5", 400) + `,"a":2}`)) // no float64, and not the one that counts
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := audit.Canonical(json.RawMessage(b))
		if err != nil {
			return
		}
		twice, err := audit.Canonical(json.RawMessage(once))
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s becomes %s, then %s (%v)", b, once, twice, err)
		}
		if !json.Valid(b) || !json.Valid(once) {
			t.Errorf("%s or %s is no JSON", b, once)
		}
	})
}

func TestBytesThatAreNoText(t *testing.T) {
	l, err := audit.Next(audit.Head{}, audit.Event{Code: "a.b", Who: people.Actor{Name: "a\xffb"}})
	if err != nil || l.Who.Name != "a\uFFFDb" {
		t.Fatal(l.Who.Name, err)
	}
	kept := l
	kept.Who.Name = "a\xfeb" // the same once mended
	if _, err := verify([]audit.Line{kept}); err == nil {
		t.Error("a name changed to other bytes was not found")
	}
}

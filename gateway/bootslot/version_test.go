package bootslot

import (
	"cmp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// verscmp is systemd's order of versions, strverscmp_improved, step by step as
// src/fundamental/string-util-fundamental.c describes it.
func verscmp(a, b string) int {
	digit := func(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }
	letter := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	first := func(s string, c byte) int { // 0 if s begins with c
		if s != "" && s[0] == c {
			return 0
		}
		return 1
	}
	run := func(s string, ok func(byte) bool) (string, string) {
		i := 0
		for i < len(s) && ok(s[i]) {
			i++
		}
		return s[:i], s[i:]
	}
	for {
		other := func(c byte) bool { return !digit(string(c)) && !letter(c) && !strings.ContainsRune("~-^.", rune(c)) }
		_, a = run(a, other)
		_, b = run(b, other)
		for i, c := range []byte("~-^.") {
			if i == 1 && (a == "" || b == "") {
				return cmp.Compare(min(len(a), 1), min(len(b), 1))
			}
			if first(a, c) == 0 || first(b, c) == 0 {
				if r := cmp.Compare(first(a, c), first(b, c)); r != 0 {
					return r
				}
				a, b = a[1:], b[1:]
			}
		}
		var x, y string
		if digit(a) || digit(b) {
			number := func(c byte) bool { return digit(string(c)) }
			if x, a = run(a, number); x == "" {
				return -1
			}
			if y, b = run(b, number); y == "" {
				return 1
			}
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if r := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); r != 0 {
				return r
			}
			continue
		}
		x, a = run(a, letter)
		y, b = run(b, letter)
		if r := cmp.Or(strings.Compare(x[:min(len(x), len(y))], y[:min(len(x), len(y))]), cmp.Compare(len(x), len(y))); r != 0 {
			return r
		}
		if a == "" && b == "" {
			return 0
		}
	}
}

// The order that systemd's own documentation of it gives, to see that the model
// is one.
func TestModelOfSystemdsOrder(t *testing.T) {
	rising := strings.Fields("122.1 123~rc1-1 123 123-a 123-a.1 123-1 123-1.1 123^post1 123.a-1 123.1-1 123a-1 124-1")
	for i, a := range rising {
		for j, b := range rising {
			if verscmp(a, b) != cmp.Compare(i, j) {
				t.Errorf("%s and %s: %d", a, b, verscmp(a, b))
			}
		}
	}
}

func version(t testing.TB, s string) Version {
	t.Helper()
	v, err := ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func anyVersion() *rapid.Generator[Version] {
	return rapid.Custom(func(t *rapid.T) Version {
		part := rapid.OneOf(rapid.Uint32Range(0, 3), rapid.Uint32Range(9, 11), rapid.Uint32Range(99990, 99999))
		v := Version{n: [3]uint32{part.Draw(t, "a"), part.Draw(t, "b"), part.Draw(t, "c")}, debug: rapid.Bool().Draw(t, "debug")}
		if v.n == [3]uint32{} {
			v.n[2] = 1
		}
		return v
	})
}

// What we call newer, the loader starts first; and what is written is read back.
func TestVersionOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyVersion().Draw(t, "a"), anyVersion().Draw(t, "b")
		if got, want := a.Compare(b), verscmp(a.String(), b.String()); got != want {
			t.Errorf("%s and %s: %d, the loader says %d", a, b, got, want)
		}
		if back, err := ParseVersion(a.String()); err != nil || back != a {
			t.Errorf("%s is read as %s, %v", a, back, err)
		}
	})
}

func FuzzVersion(f *testing.F) {
	for _, s := range []string{"0.1.0", "1.2.3-debug", "0.0.0", "01.2.3", "1.2", "99999.0.0", "100000.0.0", "1.2.3-debug-debug", "1.2.3\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err == nil && (v.String() != s || v.IsZero()) {
			t.Errorf("%q is read as %q", s, v)
		}
		var u Version
		if err2 := u.UnmarshalText([]byte(s)); (err2 == nil) != (err == nil || s == "") {
			t.Errorf("%q: %v and %v", s, err, err2)
		}
	})
}

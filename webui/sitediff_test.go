package webui

import (
	"strings"
	"testing"
)

// A comparison as diff -u writes it; taking it apart gives both texts back.
func TestUnified(t *testing.T) {
	same := func(s string) string { return s }
	for _, x := range []struct{ before, after, want string }{
		{"", "", ""},
		{"a\n", "a\n", ""},
		{"a\n", "a", ""},
		{"", "a\nb\n", "@@ -1 +1 @@\n+ a\n+ b\n"},
		{"a\nb\n", "", "@@ -1 +1 @@\n- a\n- b\n"},
		{"a\nb\nc\n", "a\nX\nc\n", "@@ -1 +1 @@\n  a\n- b\n+ X\n  c\n"},
		{"1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n6\n7\n", "@@ -4 +4 @@\n  4\n  5\n  6\n+ 7\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "X\n2\n3\n4\n5\n6\n7\n8\nY\n", "@@ -1 +1 @@\n- 1\n+ X\n  2\n  3\n  4\n@@ -6 +6 @@\n  6\n  7\n  8\n- 9\n+ Y\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n", "X\n2\n3\n4\n5\n6\n7\nY\n", "@@ -1 +1 @@\n- 1\n+ X\n  2\n  3\n  4\n  5\n  6\n  7\n- 8\n+ Y\n"},
		{"a\nb\nc\nd\n", "b\nc\nX\nd\n", "@@ -1 +1 @@\n- a\n  b\n  c\n+ X\n  d\n"},
	} {
		all := diffLines(x.before, x.after)
		got, _, _ := unified(all, same)
		if got != x.want {
			t.Errorf("%q, %q:\n%s\nwant\n%s", x.before, x.after, got, x.want)
		}
		apart(t, all, x.before, x.after)
	}
}

func apart(t *testing.T, all []diffLine, before, after string) {
	t.Helper()
	var a, b []string
	for _, l := range all {
		if l.sign != '+' {
			a = append(a, l.text)
		}
		if l.sign != '-' {
			b = append(b, l.text)
		}
	}
	if strings.Join(a, "\n") != strings.Join(lines(before), "\n") || strings.Join(b, "\n") != strings.Join(lines(after), "\n") {
		t.Errorf("%q, %q came apart as %q, %q", before, after, a, b)
	}
}

func FuzzUnified(f *testing.F) {
	f.Add("a\nb\nc", "b\nx\nc\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		all := diffLines(before, after)
		apart(t, all, before, after)
		s, added, gone := unified(all, func(s string) string { return s })
		if (added+gone == 0) != (s == "") {
			t.Errorf("%d %d %q", added, gone, s)
		}
	})
}

package webui

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// A comparison as diff -u writes it, with a space behind each sign.
func TestUnified(t *testing.T) {
	same := func(s string) string { return s }
	for _, x := range []struct{ before, after, want string }{
		{"", "", ""},
		{"a\n", "a\n", ""},
		{"a\n", "a", ""},
		{"", "a\nb\n", "@@ -0,0 +1,2 @@\n+ a\n+ b\n"},
		{"a\nb\n", "", "@@ -1,2 +0,0 @@\n- a\n- b\n"},
		{"a\nb\nc\n", "a\n\nc", "@@ -1,3 +1,3 @@\n  a\n- b\n+ \n  c\n"},
		{"1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n6\n7\n", "@@ -4,3 +4,4 @@\n  4\n  5\n  6\n+ 7\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n", "X\n2\n3\n4\n5\n6\n7\n8\n9\n", "@@ -1,4 +1,4 @@\n- 1\n+ X\n  2\n  3\n  4\n@@ -6,3 +6,4 @@\n  6\n  7\n  8\n+ 9\n"},
	} {
		if got, _, _ := written(unified(x.before, x.after), same); got != x.want {
			t.Errorf("%q, %q:\n%s\nwant\n%s", x.before, x.after, got, x.want)
		}
	}
}

// Lines that differ are never shown the same; others are shown as they are.
func TestApartLines(t *testing.T) {
	for _, x := range []struct{ before, after, want string }{
		{"a\u00a0b", "a b", "- a<U+00A0>b\n+ a b\n"},
		{"a\tb", "a b", "- a<U+0009>b\n+ a b\n"},
		{"a", "a  ", "- a\n+ a<U+0020><U+0020>\n"},
		{"が", "か\u3099", "- が\n+ <U+304B><U+3099>\n"},
		{"神", "\ufa19", "- 神\n+ <U+FA19>\n"},
		{"a\u200b", "a\u202e", "- a<U+200B>\n+ a<U+202E>\n"},
		{"a", "a\ufe0f", "- a\n+ a<U+FE0F>\n"},
		{"a<\xff", "a<\xfe", "- a<U+003C><FF>\n+ a<U+003C><FE>\n"},
		{"a\u00a0b", "a b\na<U+00A0>b", "- a<U+00A0>b\n+ a b\n+ a<U+003C>U+00A0>b\n"},
		{"key = 1", "  key = 1", "- key = 1\n+   key = 1\n"},
		{"a <\t", "b <\t", "- a < \n+ b < \n"},
	} {
		all := unified(x.before, x.after)
		show, alike := apartLines(all)
		if got, _, _ := written(all[1:], show); got != x.want || alike != strings.Contains(got, "<U+") {
			t.Errorf("%q, %q: %s", x.before, x.after, got)
		}
	}
	// A line that only moves is the same on both sides.
	all := unified("\u3000x\na\nb\n", "a\nb\n\u3000x\n")
	if show, alike := apartLines(all); alike || show("\u3000x") != " x" {
		t.Error("a line that moved is said to be another")
	}
}

func FuzzApartLines(f *testing.F) {
	f.Add("a\u00a0b<", "a b<U+003C>")
	f.Add("か\u3099\t", "が")
	f.Fuzz(func(t *testing.T, before, after string) {
		all := unified(before, after)
		show, _ := apartLines(all)
		shown := map[string]string{}
		for _, l := range all {
			if !l.changed() {
				continue
			}
			s := strings.TrimRight(show(l.text), " ")
			if strings.Contains(s, "\n") || !utf8.ValidString(s) {
				t.Errorf("%q is shown as %q", l.text, s)
			}
			if was, ok := shown[s]; ok && was[1:] != l.text && was[0] != l.sign {
				t.Errorf("%q and %q are both shown as %q", was[1:], l.text, s)
			}
			shown[s] = string(l.sign) + l.text
		}
	})
}

// Every line is of one kind, and none gets lost.
func FuzzUnified(f *testing.F) {
	f.Add("a\nb\nc", "b\nx\nc\n")
	f.Add("@@\n\\ No newline", "-\n+\n\r")
	f.Fuzz(func(t *testing.T, before, after string) {
		all := unified(before, after)
		_, added, gone := written(all, func(s string) string { return s })
		if n := bytes.Count(ended(after), []byte("\n")) - bytes.Count(ended(before), []byte("\n")); added-gone != n {
			t.Errorf("%d added, %d gone, and it has %d lines more", added, gone, n)
		}
		if (len(all) == 0) != bytes.Equal(ended(before), ended(after)) {
			t.Errorf("%q", all)
		}
		for _, l := range all {
			if !strings.ContainsRune("@ -+", rune(l.sign)) {
				t.Errorf("%c %q", l.sign, l.text)
			}
		}
	})
}

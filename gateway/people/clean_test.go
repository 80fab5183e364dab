package people_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"monban/gateway/people"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"受付PC":                                  "受付PC",
		"  X線\u3000 室 \t1 ":                     "X線 室 1",
		"か\u3099":                               "が",           // NFC
		"葛\U000E0100":                           "葛\U000E0100", // a variant of a kanji is a name
		"a\u202eb\u2066c\u200bd\ufeffe":         "abcde",       // direction, zero width
		"a\x00b\x1b[31mc\u0085d":                "ab[31mc d",
		"a\u2028b\nc":                           "a b c",
		"a\xff\xfeb":                            "ab",
		"e\u0301\u0301\u0301\u0301\u0301\u0301": "é\u0301\u0301",
		"\u0301a":                               "a",
		"\u3164x\u2800":                         "x",
		"\ue000a\U000F0000":                     "a",
		"<script>":                              "<script>", // the page escapes; a name is a name
		strings.Repeat("あ", 64):                 strings.Repeat("あ", 64),
	} {
		if got, err := people.Clean(in); err != nil || got != want {
			t.Errorf("Clean(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", " ", "\u202e", "\u3164\u2800", strings.Repeat("あ", 65), strings.Repeat("a", 1<<20)} {
		if got, err := people.Clean(in); err == nil {
			t.Errorf("Clean(%.20q) = %q, want a fault", in, got)
		}
	}
}

func TestKey(t *testing.T) {
	for _, same := range [][2]string{{"Ｘ線", "x線"}, {"ｶﾞﾝﾏ", "ガンマ"}, {"Reception", "reception"}, {"a\u200bb", "AB"}} {
		if people.Key(same[0]) != people.Key(same[1]) {
			t.Errorf("%q and %q are told apart", same[0], same[1])
		}
	}
	if people.Key("受付1") == people.Key("受付2") {
		t.Error("different names are the same")
	}
}

func FuzzClean(f *testing.F) {
	f.Add("院長")
	f.Add("a\u202e\u0301\u0301\u0301")
	f.Add("\u1100\u1161\u11a8\u0300\u0345")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := people.Clean(in)
		if err != nil {
			return
		}
		if again, err := people.Clean(got); err != nil || again != got {
			t.Errorf("%q cleans to %q, then %q (%v)", in, got, again, err)
		}
		if !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) || utf8.RuneCountInString(got) > people.MaxName ||
			strings.TrimSpace(got) != got || strings.ContainsFunc(got, func(r rune) bool { return unicode.In(r, unicode.C) }) {
			t.Errorf("%q cleans to %q", in, got)
		}
		if people.Key(got) != people.Key(in) {
			t.Errorf("key of %q changes by cleaning", in)
		}
	})
}

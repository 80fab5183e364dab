package request

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// However it reaches the clinic, the request is the same.
func TestParseForgives(t *testing.T) {
	said := sign1(t, usual())
	want, err := Parse(said)
	if err != nil {
		t.Fatal(err)
	}
	each := func(f func(line string) string) string {
		var b strings.Builder
		for line := range strings.Lines(said) {
			b.WriteString(f(strings.TrimSuffix(line, "\n")) + "\n")
		}
		return b.String()
	}
	_, body, _ := strings.Cut(said, "\n")
	looks := strings.NewReplacer("0", "O", "1", "l", "V", "u")
	numberless := each(func(l string) string { _, rest := cutLabel(l); return rest })
	for how, text := range map[string]string{
		"lower case":       strings.ToLower(said),
		"full width":       wide(said),
		"no line feed":     strings.TrimSpace(said),
		"Windows":          strings.ReplaceAll(said, "\n", "\r\n"),
		"no spaces":        each(func(l string) string { return strings.ReplaceAll(l, " ", "") }),
		"hyphens":          each(func(l string) string { return strings.ReplaceAll(l, " ", "–") }),
		"typed kana bar":   each(func(l string) string { return strings.ReplaceAll(l, " ", "ー") }),
		"alike letters":    looks.Replace(said),
		"quoted":           each(func(l string) string { return "> " + l }),
		"quoted twice":     each(func(l string) string { return ">> \t" + l }),
		"empty lines":      each(func(l string) string { return l + "\n" }),
		"no numbers":       numberless,
		"other numbering":  each(func(l string) string { return strings.Replace(l, ". ", ")", 1) }),
		"wrapped":          each(func(l string) string { return l[:len(l)/10*5] + "\n" + l[len(l)/10*5:] }),
		"in one line":      strings.ReplaceAll(numberless, "\n", " "),
		"without the head": body,
		"bare groups":      numberless[strings.Index(numberless, "\n")+1:],
		"zero width":       each(func(l string) string { return strings.ReplaceAll(l, " ", " \u200b\ufeff") }),
		"a mail": "お世話になっております。imaging の山田です。\n下記のとおり依頼いたします。\n\n" + said +
			"\nBest regards,\nYAMADA\nTel 03-0000-0000\n",
		"a head within words":            "依頼: " + strings.Replace(said, "\n", " です。\n", 1),
		"a mail without the head":        "Dear Sirs\nyours is here\nhere it comes\n" + body + "thanks\n",
		"a reply with the old one below": said + "\n> old mail\n> " + strings.ReplaceAll(sign1(t, other()), "\n", "\n> "),
		"words between the lines":        strings.Replace(said, "\n 5.", "\n--- 2枚目 ---\n 5.", 1),
		"the QR code":                    want.QR(),
	} {
		got, err := Parse(text)
		if err != nil || got.Digest() != want.Digest() || !bytes.Equal(got.signature, want.signature) {
			t.Errorf("%s: %v\n%s", how, err, text)
		}
	}
}

func other() Request {
	r := usual()
	r.Reason = "older"
	return r
}

// What is wrong is named by its line.
func TestParseNamesTheLine(t *testing.T) {
	said := sign1(t, usual())
	lines := strings.Split(strings.TrimSpace(said), "\n") // [0] is the head
	n := len(lines) - 1
	swap := func(i, j int) []string {
		l := slices.Clone(lines)
		l[i], l[j] = l[j], l[i]
		return l
	}
	put := func(i int, s string) []string { l := slices.Clone(lines); l[i] = s; return l }
	bare := func(ls []string) (out []string) {
		for _, l := range ls {
			_, rest := cutLabel(l)
			out = append(out, rest)
		}
		return out
	}
	type told struct {
		code string
		line any
	}
	bad := func(line int) told { return told{"request.bad_line", line} }
	for how, c := range map[string]struct {
		lines []string
		want  told
	}{
		"a sign is misread":         {put(3, flip(lines[3], 7)), bad(3)},
		"the check sign is misread": {put(3, flip(lines[3], len(lines[3])-1)), bad(3)},
		"so is the last line":       {put(n, flip(lines[n], 5)), bad(n)},
		"a sign is missing":         {put(4, lines[4][:len(lines[4])-1]), bad(4)},
		"a sign stands twice":       {put(4, lines[4]+"0"), bad(4)},
		"a group is missing":        {put(4, lines[4][:len(lines[4])-5]), bad(4)},
		"lines are swapped":         {swap(4, 5), bad(4)},
		"far lines are swapped":     {swap(2, 7), bad(2)},
		"a line is missing":         {slices.Delete(slices.Clone(lines), 6, 7), bad(6)},
		"a line stands twice":       {slices.Insert(slices.Clone(lines), 6, lines[6]), bad(7)},
		"a sign is illegible":       {put(5, strings.Replace(lines[5], lines[5][8:9], "?", 1)), bad(5)},
		"the first is missing":      {slices.Delete(slices.Clone(lines), 1, 2), bad(1)},
		"two faults":                {put(8, flip(lines[8], 6))[:8], told{"request.cut_short", nil}},

		"bare, a sign is misread":    {bare(put(3, flip(lines[3], 7))), bad(3)},
		"bare, lines are swapped":    {bare(swap(4, 5)), bad(4)},
		"bare, a line is missing":    {bare(slices.Delete(slices.Clone(lines), 6, 7)), bad(6)},
		"the end is missing":         {lines[:n-1], told{"request.cut_short", nil}},
		"the last line ends early":   {put(n, lines[n][:len(lines[n])-2]), bad(n)},
		"no head, a misread line":    {put(3, flip(lines[3], 7))[1:], bad(3)},
		"no head, the first misread": {put(1, flip(lines[1], 7))[1:], bad(1)},
		"a newer form":               {put(0, "MONBAN-REQUEST 2"), told{"request.version", nil}},
		"only the head":              {lines[:1], bad(1)},
		"nothing":                    {nil, told{"request.none", nil}},
		"a letter":                   {[]string{"Dear Sirs", "we shall come tomorrow", "1. Yamada"}, told{"request.none", nil}},
		"a novel":                    {[]string{strings.Repeat("a", maxPaste), said}, told{"request.none", nil}},
	} {
		_, err := Parse(strings.Join(c.lines, "\n"))
		got, args := code(err)
		if got != c.want.code || args["line"] != c.want.line {
			t.Errorf("%s: %v, want %v", how, err, c.want)
		}
	}
}

// flip puts another sign at i.
func flip(s string, i int) string {
	v := sign(rune(s[i]))
	return s[:i] + alphabet[(v+1)%32:][:1] + s[i+1:]
}

// Every sign misread as every other, and any two that changed places, are
// found by the line's check sign alone.
func TestCheckSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, lineSigns-1).Draw(t, "signs")
		number := rapid.IntRange(0, 31).Draw(t, "line")
		line := rapid.SliceOfN(rapid.ByteRange(0, 31), n, n).Draw(t, "values")
		whole := append(slices.Clone(line), check32(number, line))
		right := func(number int, l []byte) bool { return check32(number, l[:n]) == l[n] }
		i, j := rapid.IntRange(0, n).Draw(t, "i"), rapid.IntRange(0, n).Draw(t, "j")
		wrong := slices.Clone(whole)
		wrong[i] ^= rapid.ByteRange(1, 31).Draw(t, "misread")
		if right(number, wrong) {
			t.Fatal("a misread sign is not seen")
		}
		wrong = slices.Clone(whole)
		if wrong[i], wrong[j] = wrong[j], wrong[i]; wrong[i] != wrong[j] && right(number, wrong) {
			t.Fatal("two signs that changed places are not seen")
		}
		if m := rapid.IntRange(0, 31).Draw(t, "place"); m != number && right(m, whole) {
			t.Fatal("a line at another's place is not seen")
		}
	})
}

// No bit of what is signed can change, nor of the signature, even if all check
// signs are made to fit.
func TestEveryBitCounts(t *testing.T) {
	s, err := Parse(sign1(t, usual()))
	if err != nil {
		t.Fatal(err)
	}
	pub := seeded(0).Public().(ed25519.PublicKey)
	raw := slices.Concat(s.body, s.signature)
	for bit := range 8 * len(raw) {
		forged := slices.Clone(raw)
		forged[bit/8] ^= 0x80 >> (bit % 8)
		f := Signed{body: forged[:len(s.body)], signature: forged[len(s.body):]}
		if got, err := Parse(f.Text()); err == nil && got.Verify(pub) {
			t.Errorf("bit %d does not count", bit)
		}
	}
	// The bits that fill the last sign up are none.
	text := strings.TrimSpace(s.Text())
	lines := s.lines()
	last := lines[len(lines)-1]
	if spare := 5*signsFor(len(raw)) - 8*len(raw); spare == 0 {
		t.Fatal("choose a request whose last sign is not full")
	}
	last[len(last)-2] |= 1
	last[len(last)-1] = check32(len(lines), last[:len(last)-1])
	text = text[:strings.LastIndex(text, "\n")+1] + grouped(last, " ")
	if _, err := Parse(text); err == nil {
		t.Error("the last bits may be anything")
	}
}

// Parse never panics, and what it reads is in the one form that request has.
func FuzzParse(f *testing.F) {
	said := sign1(f, usual())
	f.Add(said)
	f.Add(strings.ToLower(said[17:]))
	f.Add("> " + strings.ReplaceAll(said, "\n", "\n> "))
	f.Add(said + said)
	f.Add("MONBAN-REQUEST 1 0")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := Parse(in)
		if err != nil {
			if c, _ := code(err); !strings.HasPrefix(c, "request.") {
				t.Fatalf("not a Fault: %v", err)
			}
			return
		}
		again, err := Parse(s.Text())
		if err != nil || again.Digest() != s.Digest() || again.Text() != s.Text() {
			t.Fatalf("%v: %q", err, in)
		}
	})
}

// FuzzDecode goes below the check signs, where a forger would.
func FuzzDecode(f *testing.F) {
	for _, r := range []Request{usual(), other()} {
		body, err := encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		// The length is made to fit, so that the rest is reached.
		for _, body := range [][]byte{in, slices.Concat(in[:min(1, len(in))], []byte{byte(len(in))}, in[min(2, len(in)):])} {
			r, err := decode(body)
			if err != nil {
				continue
			}
			again, err := encode(r)
			if err != nil || !bytes.Equal(again, body) {
				t.Fatalf("%x reads as %+v and back as %x, %v", body, r, again, err)
			}
			if d := fmt.Sprintf("%+v", r.normal()); d != fmt.Sprintf("%+v", r) {
				t.Fatalf("%+v was not clean", r)
			}
		}
	})
}

package paper

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

const hostile = "<script>\x00\x1b[31m\u202egnp.exe\u2066\u200b\u2028\xff\ufeff" + "😀👨‍👩‍👧 \U000e0041 e\u0301\u0301\u0301 שלום ﷽"

func sample(rows int) Document {
	t := Table{Head: []string{"接続元", "接続先", "始まり", "終わり", "外から(バイト)", "申し込みとの照合"}, Right: []bool{4: true}}
	for i := range rows {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("[2001:db8:77:1234:5678:9abc:def0:%x]:51515", i), "192.168.10.21:3389/tcp",
			"2026年11月21日(土) 18:40:05", "2026年11月21日(土) 18:41:05", "1,234,567", "○ 申し込みどおり"})
	}
	return Document{
		Lang: "ja", Title: "保守の証拠 3 番", Clinic: "さくら医院", Subtitle: "髙橋さん・﨑・①・㈱の字も出ます。",
		Sections: []Section{
			{Title: "申し込み", Facts: []Fact{{"業者", "メディカルシステム株式会社"},
				{"作業の内容", strings.Repeat("レセプトの月次更新と、電子カルテの接続の確認(第2版)。", 20)}, {"空", ""}}},
			{Title: "規則", Text: "次の規則を入れました。", Code: "table inet monban {\n\tmap win6 {\n\t\telements = { 2001:0db8:0077:0000:0000:0000:0000:0000 . 2001:0db8:0010:0000:0000:0000:0000:0021 . tcp . 3389 timeout 1h : 0x00010007 }\n\t}\n}"},
			{Title: "接続の記録", Table: &t},
		},
		Foot: "門番 0.1.0", Hash: strings.Repeat("9f86d081", 8), Made: time.Date(2026, 11, 21, 9, 40, 0, 0, time.UTC),
	}
}

func made(t testing.TB, d Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := SheetPDF(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var pageObject = regexp.MustCompile(`/Type /Page\n`)

func TestSheet(t *testing.T) {
	d := sample(200)
	pdf := made(t, d)
	pages := textOf(t, pdf)
	if n := len(pageObject.FindAll(pdf, -1)); n != len(pages) || n < 10 || n > 16 {
		t.Errorf("%d pages, %d with text", n, len(pages))
	}
	all := strings.Join(pages, "\n")
	for _, want := range []string{"保守の証拠 3 番", "髙橋さん・﨑・①・㈱の字も出ます。", "メディカルシステム株式会社", "○ 申し込みどおり",
		"        elements = { 2001:0db8:0077", "timeout 1h : 0x00010007 }"} {
		if !strings.Contains(all, want) {
			t.Errorf("the text does not hold %q", want)
		}
	}
	for i, p := range pages {
		for _, want := range []string{"さくら医院", d.Title, d.Hash, d.Foot, fmt.Sprintf("%d / %d", i+1, len(pages))} {
			if !strings.Contains(p, want) {
				t.Errorf("page %d lacks %q", i+1, want)
			}
		}
		if table := i > 0 && strings.Contains(p, ":51515"); table && !strings.Contains(p, "照合") {
			t.Errorf("page %d has rows without their head", i+1)
		}
	}
	for i := range 200 {
		if n := strings.Count(squeeze(all), fmt.Sprintf(":def0:%x]:51515", i)); n != 1 {
			t.Errorf("row %d stands there %d times", i, n)
		}
	}
	if strings.ContainsRune(all, geta) {
		t.Error("a letter is missing")
	}
	t.Logf("%d pages, %d bytes", len(pages), len(pdf))
	if dir := os.Getenv("MONBAN_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "paper.pdf"), pdf, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// What other programs read of it is what was written.
func TestSheetByAnotherReader(t *testing.T) {
	pdf := made(t, sample(3))
	for _, bad := range []string{"/JavaScript", "/OpenAction /", "/Launch", "/URI", "/Type /EmbeddedFile"} {
		if bytes.Contains(pdf, []byte(bad)) {
			t.Errorf("the file has %s", bad)
		}
	}
	if !bytes.Contains(pdf, []byte("/ToUnicode")) || !bytes.Contains(pdf, []byte("/FontFile2")) || !bytes.Contains(pdf, []byte("/Lang (ja)")) {
		t.Error("no font, no way from its signs to letters, or no language")
	}
	prog, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Log("read by our own reader only: no pdftotext")
		return
	}
	c := exec.Command(prog, "-layout", "-enc", "UTF-8", "-", "-")
	c.Stdin = bytes.NewReader(pdf)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"メディカルシステム株式会社", "髙橋さん・﨑・①・㈱の字も出ます。", "1,234,567", "0x00010007"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("pdftotext does not find %q:\n%s", want, out)
		}
	}
}

func TestSameSheetSameBytes(t *testing.T) {
	d := sample(30)
	a, b := made(t, d), made(t, d)
	if !bytes.Equal(a, b) {
		t.Error("two runs differ")
	}
	if !bytes.Contains(a, []byte("20261121094000")) {
		t.Error("the date is not Made")
	}
	d.Made = time.Time{}
	if a := made(t, d); !bytes.Contains(a, []byte("19700101000000")) {
		t.Error("without Made the date is not fixed")
	}
}

func TestHostileSheet(t *testing.T) {
	long := strings.Repeat("長", 3*longest)
	d := Document{Title: hostile, Clinic: long, Subtitle: hostile, Foot: long, Hash: hostile, Lang: ") /X (",
		Sections: []Section{
			{Title: hostile, Facts: []Fact{{hostile, hostile}, {long, long}}, Text: strings.Repeat("\n", 500), Code: long},
			{Table: &Table{Head: []string{hostile, "", "c"}, Rows: [][]string{{long, hostile, hostile, "more"}, {}, {hostile}}}},
			{Table: &Table{}}, {},
		}}
	pdf := made(t, d)
	all := strings.Join(textOf(t, pdf), "")
	for _, r := range all {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff) {
			t.Fatalf("the text holds %U", r)
		}
	}
	if !strings.ContainsRune(all, geta) || !strings.ContainsRune(all, '…') {
		t.Error("nothing is marked as missing or cut")
	}
	if !bytes.Equal(pdf, made(t, d)) {
		t.Error("two runs differ")
	}
}

// Everything stands on the paper, also in the narrowest column.
func TestNothingLeavesThePaper(t *testing.T) {
	g, err := glyphsOf([]byte(face))
	if err != nil {
		t.Fatal(err)
	}
	l := &layout{glyphs: g, width: func(r rune) int {
		if wide(r) {
			return 1000
		}
		return 550
	}}
	d := sample(100)
	d.Sections[2].Table.Head = append(d.Sections[2].Table.Head, "七", "八", "九")
	d.Sections[2].Table.Rows = append(d.Sections[2].Table.Rows, []string{strings.Repeat("long ", 900), strings.Repeat("x", 900)})
	l.document(d)
	for i, p := range l.pages {
		if len(p) == 0 {
			t.Errorf("page %d is empty", i+1)
		}
		for _, m := range p {
			end := m.x + m.w
			if m.kind == written {
				end = m.x + float64(l.width.of(m.text))*m.size/1000/mm
			}
			if m.x < left-.01 || end > right+.01 || m.y < top-.01 || m.y > bottom+.01 {
				t.Errorf("page %d: %+v ends at %.2f", i+1, m, end)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	w := ruler(func(r rune) int {
		if wide(r) {
			return 2
		}
		return 1
	})
	for _, c := range []struct {
		s    string
		room int
		want string
	}{
		{"abc def ghi", 7, "abc def|ghi"},
		{"あいう、えお", 6, "あい|う、え|お"},
		{"あい「うえ」", 6, "あい|「う|え」"},
		{"2001:db8:77::1 x", 9, "2001:db8:|77::1 x"},
		{"abcdefghij", 4, "abcd|efgh|ij"},
		{"  in dent", 6, "  in|dent"},
		{"a\n\nb", 5, "a||b"},
		{"", 5, ""},
		{"ああ", 1, "あ|あ"},
	} {
		if got := strings.Join(w.wrap(c.s, c.room, ""), "|"); got != c.want {
			t.Errorf("%q in %d: %s", c.s, c.room, got)
		}
	}
	if got := strings.Join(w.wrap("abc def ghi", 8, "  "), "|"); got != "abc def|  ghi" {
		t.Error(got)
	}
}

func TestFontIsTheOneItsNoticeNames(t *testing.T) {
	notice, err := os.ReadFile("font/OFL.txt")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(face))
	if !bytes.Contains(notice, []byte(hex.EncodeToString(sum[:]))) || !bytes.Contains(notice, []byte("SIL OPEN FONT LICENSE Version 1.1")) {
		t.Error("font/OFL.txt is about another file")
	}
	g, err := glyphsOf([]byte(face))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range "門番保守髙﨑①㈱ｱ○×→…〓0123 ABCabc[]{}" {
		if !g.has(r) {
			t.Errorf("no %c", r)
		}
	}
	for _, r := range "😀\u202e\u200bש" {
		if g.has(r) {
			t.Errorf("has %U", r)
		}
	}
}

func FuzzGlyphs(f *testing.F) {
	f.Add([]byte(face)[:400])
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := glyphsOf(b); err == nil && !g.has('?') {
			t.Error("a map without letters is taken")
		}
	})
}

// FuzzSheet lays sheets out; what the press is then handed is letters of the
// font alone, of which TestHostileSheet prints enough.
func FuzzSheet(f *testing.F) {
	f.Add(hostile, "a\tb\r\nc")
	f.Add("\U0010ffff\uffff\ue000", strings.Repeat("あ", 300))
	f.Add("(\\)", "2001:db8::1")
	g, err := glyphsOf([]byte(face))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		l := &layout{glyphs: g, width: func(r rune) int { return int(r%1000) + 1 }}
		l.document(Document{Title: a, Subtitle: b, Sections: []Section{{Title: b, Facts: []Fact{{a, b}}, Text: a, Code: b,
			Table: &Table{Head: []string{a, b}, Rows: [][]string{{b, a}}, Right: []bool{true}}}}})
		for _, p := range l.pages {
			for _, m := range p {
				for _, r := range m.text {
					if !g.has(r) {
						t.Fatalf("%U goes to the press", r)
					}
				}
			}
		}
	})
}

func squeeze(s string) string { return strings.ReplaceAll(s, "\n", "") }

var stream = regexp.MustCompile(`(?s)<</Filter /FlateDecode /Length \d+>>\nstream\n(.*?)\nendstream`)

// textOf reads the text of each page out of the PDF, by its content streams:
// the signs of the font are UTF-16, as /ToUnicode says.
func textOf(t testing.TB, pdf []byte) []string {
	t.Helper()
	var pages []string
	for _, m := range stream.FindAllSubmatch(pdf, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		content, err := io.ReadAll(z)
		if err != nil || !bytes.Contains(content, []byte(" Tj ET")) {
			continue
		}
		pages = append(pages, shown(content))
	}
	return pages
}

// shown are the strings of a content stream, a line each.
func shown(content []byte) string {
	var out strings.Builder
	for i := 0; i < len(content); i++ {
		if content[i] != '(' {
			continue
		}
		var b []byte
		for i++; i < len(content) && content[i] != ')'; i++ {
			if content[i] == '\\' {
				if i++; content[i] == 'r' {
					b = append(b, '\r')
					continue
				}
			}
			b = append(b, content[i])
		}
		var u []uint16
		for j := 0; j+1 < len(b); j += 2 {
			u = append(u, uint16(b[j])<<8|uint16(b[j+1]))
		}
		out.WriteString(string(utf16.Decode(u)) + "\n")
	}
	return out.String()
}

package paper

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

func listed() Table {
	return Table{
		Head:  []string{"番号", "業者", "バイト", "開いた時刻"},
		Right: []bool{true, false, true},
		Rows: [][]string{
			{"1", "メディカルシステム株式会社", "8888888", "2026-11-21 18:40:05"},
			{"2", "=HYPERLINK(\"http://evil.example\",\"x\")", "-5", "2026-11-21"},
			{"3", "+81-3-0000-0100", "=1+1", "@SUM(A1)"},
			{"4", " -2+3", "007", "＝1"},
			{"5", "a\tb\r\nc\u202ed\x00", "", "\uff0b1"},
			{"6", "quote\" and, comma"},
			{"7", "a", "1", "b", "beyond the head"},
		},
	}
}

func TestCSV(t *testing.T) {
	var b bytes.Buffer
	if err := CSV(&b, listed()); err != nil {
		t.Fatal(err)
	}
	s, bom := strings.CutPrefix(b.String(), "\uFEFF")
	if !bom || strings.Count(s, "\r\n") != 8 || strings.Count(s, "\n") != 8 {
		t.Errorf("mark %t, lines end otherwise: %q", bom, s)
	}
	rows, err := csv.NewReader(strings.NewReader(s)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		listed().Head,
		{"1", "メディカルシステム株式会社", "8888888", "2026-11-21 18:40:05"},
		{"2", "'=HYPERLINK(\"http://evil.example\",\"x\")", "-5", "2026-11-21"},
		{"3", "'+81-3-0000-0100", "'=1+1", "'@SUM(A1)"},
		{"4", "' -2+3", "007", "'＝1"},
		{"5", "a b c〓d〓", "", "'＋1"},
		{"6", "quote\" and, comma", "", ""},
		{"7", "a", "1", "b"},
	}
	if got := fmt.Sprintf("%q", rows); got != fmt.Sprintf("%q", want) {
		t.Errorf("got  %s\nwant %q", got, want)
	}
}

func TestXLSX(t *testing.T) {
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := XLSX(w, listed(), "保守 2026/11 [月次]"); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two runs differ")
	}
	f, err := excelize.OpenReader(&a)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); len(got) != 1 || got[0] != "保守 2026 11  月次" {
		t.Fatalf("%q", got)
	}
	sheet := f.GetSheetList()[0]
	for at, want := range map[string]string{"A2": "1", "B3": "=HYPERLINK(\"http://evil.example\",\"x\")", "C3": "-5", "C4": "=1+1", "C5": "007",
		"D2": "2026-11-21 18:40:05", "B6": "a b c〓d〓", "D5": "＝1"} {
		if got, err := f.GetCellValue(sheet, at); got != want || err != nil {
			t.Errorf("%s is %q, %v", at, got, err)
		}
		if formula, err := f.GetCellFormula(sheet, at); formula != "" || err != nil {
			t.Errorf("%s computes %q, %v", at, formula, err)
		}
		kind, err := f.GetCellType(sheet, at)
		number := at == "A2" || at == "C3"
		if text := kind == excelize.CellTypeSharedString || kind == excelize.CellTypeInlineString; err != nil || text == number {
			t.Errorf("%s is of type %d, %v", at, kind, err)
		}
	}
	style, err := f.GetCellStyle(sheet, "A1")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := f.GetStyle(style); err != nil || s.Font == nil || !s.Font.Bold {
		t.Errorf("the head is not bold: %+v, %v", s, err)
	}
	if p, err := f.GetPanes(sheet); err != nil || !p.Freeze || p.YSplit != 1 {
		t.Errorf("the head moves: %+v, %v", p, err)
	}
	if w, err := f.GetColWidth(sheet, "B"); err != nil || w < 26 || w > 60 {
		t.Errorf("column B is %f wide, %v", w, err)
	}
}

// What only looks like an escape or like markup is text, in every column.
func TestCellsAreKept(t *testing.T) {
	texts := []string{"_x0041_", "a_x005F_x", "<b>&amp;\"'", "  x  ", "line\nline", "門番\t1"}
	var row []string
	for range 5 {
		row = append(row, texts...)
	}
	var b bytes.Buffer
	if err := XLSX(&b, Table{Head: row, Rows: [][]string{row}}, "t"); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows("t")
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	for x, want := range row {
		want = harmless(want, false)
		if rows[0][x] != want || rows[1][x] != want {
			t.Errorf("column %d: %q and %q, want %q", x+1, rows[0][x], rows[1][x], want)
		}
	}
}

func TestSmallLists(t *testing.T) {
	for _, l := range []Table{{}, {Head: []string{"x"}}, {Rows: [][]string{{"a"}}}, {Head: []string{strings.Repeat("長", 40_000)}, Right: []bool{true, true}}} {
		var b bytes.Buffer
		if err := XLSX(&b, l, "'\\ "); err != nil {
			t.Error(err)
		}
		if err := CSV(&b, l); err != nil {
			t.Error(err)
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add("=cmd|'/C calc'!A0", "12")
	f.Add("\u3000＝1", "1e9")
	f.Add("\x00\x0b\uffff\U0010ffff😀", "-0.1")
	f.Fuzz(func(t *testing.T, a, b string) {
		l := Table{Head: []string{"h", "n"}, Right: []bool{false, true}, Rows: [][]string{{a, b}}}
		var x, c bytes.Buffer
		if err := XLSX(&x, l, a); err != nil {
			t.Fatal(err)
		}
		book, err := excelize.OpenReader(&x)
		if err != nil {
			t.Fatalf("%q gives a broken workbook: %v", a, err)
		}
		for _, at := range []string{"A2", "B2"} {
			if formula, err := book.GetCellFormula(book.GetSheetName(0), at); err != nil || formula != "" {
				t.Errorf("%q computes %q, %v", a, formula, err)
			}
		}
		if err := CSV(&c, l); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(c.String(), "\uFEFF"))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q gives %d rows, %v", a, len(rows), err)
		}
		for _, s := range rows[1] {
			if t2 := strings.TrimLeft(s, " \u3000"); t2 != "" && strings.ContainsRune("=+@＝＋－＠", []rune(t2)[0]) || strings.HasPrefix(t2, "-") && !plainNumber.MatchString(t2) {
				t.Errorf("%q computes", s)
			}
		}
	})
}

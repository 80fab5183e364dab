package paper

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// plainNumber is what counts as a number in a column of numbers.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?$`)

// CSV writes t as RFC 4180 with the byte order mark that makes Excel in Japan
// read UTF-8. A cell that a spreadsheet would take for a formula gets an
// apostrophe before it (OWASP ASVS 5.0, 1.2.10): names come from the network.
func CSV(w io.Writer, t Table) error {
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return fmt.Errorf("writing the list: %w", err)
	}
	c := csv.NewWriter(w)
	c.UseCRLF = true
	line := func(r []string, number func(int) bool) error {
		out := make([]string, len(t.Head))
		for i := range out {
			s := harmless(cell(r, i), false)
			if !(number(i) && plainNumber.MatchString(s)) {
				s = unformula(s)
			}
			out[i] = s
		}
		if err := c.Write(out); err != nil {
			return fmt.Errorf("writing the list: %w", err)
		}
		return nil
	}
	if err := line(t.Head, func(int) bool { return false }); err != nil {
		return err
	}
	for _, r := range t.Rows {
		if err := line(r, t.right); err != nil {
			return err
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("writing the list: %w", err)
	}
	return nil
}

// unformula makes s text. Excel takes the full-width signs for the narrow
// ones, and looks past spaces.
func unformula(s string) string {
	t := strings.TrimLeft(s, " \u3000")
	if t != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(t)[0]) {
		return "'" + s
	}
	return s
}

// Limits of a workbook: letters in a cell, and in a sheet's name.
const (
	mostInCell = 32_000
	mostInName = 31
)

// XLSX writes t as a workbook of one sheet: text as text, never as a formula,
// numbers as numbers, the head bold and standing still. The same t gives the
// same bytes.
func XLSX(w io.Writer, t Table, title string) error {
	f := excelize.NewFile()
	if err := fill(f, t, title); err != nil {
		return fmt.Errorf("making the workbook: %w", err)
	}
	if err := f.Write(w); err != nil {
		return fmt.Errorf("writing the workbook: %w", err)
	}
	return f.Close()
}

func fill(f *excelize.File, t Table, title string) error {
	name := sheetName(title)
	if err := f.SetSheetName(f.GetSheetName(0), name); err != nil {
		return err
	}
	if err := f.SetDocProps(&excelize.DocProperties{Creator: "Monban", Title: clip(harmless(title, false), 200)}); err != nil {
		return err
	}
	if len(t.Head) == 0 {
		return nil
	}
	for y, r := range append([][]string{t.Head}, t.Rows...) {
		for x := range t.Head {
			at, err := excelize.CoordinatesToCellName(x+1, y+1)
			if err != nil {
				return err
			}
			if err := setCell(f, name, at, cell(r, x), y > 0 && t.right(x)); err != nil {
				return err
			}
		}
	}
	return dress(f, name, t)
}

// setCell sets a text, or a number where one is meant and there is one.
func setCell(f *excelize.File, sheet, at, s string, number bool) error {
	if number && plainNumber.MatchString(s) {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return err
		}
		return f.SetCellFloat(sheet, at, n, -1, 64)
	}
	return f.SetCellStr(sheet, at, clip(harmless(s, false), mostInCell))
}

// dress makes the head bold and still, and the columns as wide as they need.
func dress(f *excelize.File, name string, t Table) error {
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true},
		Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}})
	if err != nil {
		return err
	}
	plain, err := f.NewStyle(&excelize.Style{Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}})
	if err != nil {
		return err
	}
	for x := range t.Head {
		col, err := excelize.ColumnNumberToName(x + 1)
		if err != nil {
			return err
		}
		wide := inCells(t.Head[x])
		for _, r := range t.Rows {
			wide = max(wide, inCells(cell(r, x)))
		}
		if err := f.SetColWidth(name, col, col, float64(min(max(wide+2, 8), 60))); err != nil {
			return err
		}
		if err := f.SetCellStyle(name, col+"1", col+"1", bold); err != nil {
			return err
		}
		if n := len(t.Rows); n > 0 {
			if err := f.SetCellStyle(name, col+"2", col+strconv.Itoa(n+1), plain); err != nil {
				return err
			}
		}
	}
	return f.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

// inCells is about how many digits wide s is; a Japanese letter counts two.
func inCells(s string) int {
	n := 0
	for _, r := range s {
		if n++; wide(r) {
			n++
		}
	}
	return n
}

// sheetName makes s a name a workbook takes.
func sheetName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\'`, r) {
			return ' '
		}
		return r
	}, harmless(s, false))
	if s = strings.TrimSpace(clip(s, mostInName)); s == "" {
		return "Monban"
	}
	return s
}

// clip bounds s to n letters; one beyond the basic plane counts two, as a
// workbook counts.
func clip(s string, n int) string {
	for i, r := range s {
		if n--; r >= 1<<16 {
			n--
		}
		if n < 0 {
			return s[:i]
		}
	}
	return s
}

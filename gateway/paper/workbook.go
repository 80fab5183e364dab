package paper

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of a workbook: letters in a cell, and in a sheet's name.
const (
	mostInCell = 32_000
	mostInName = 31
)

// XLSX writes t as a workbook of one sheet (ECMA-376, Office Open XML): text as
// text, never as a formula, numbers as numbers, the head bold and standing
// still. The same t gives the same bytes.
func XLSX(w io.Writer, t Table, title string) error {
	z := zip.NewWriter(w)
	for _, p := range []struct{ name, text string }{
		{"[Content_Types].xml", contentTypes},
		{"_rels/.rels", packageParts},
		{"docProps/core.xml", fmt.Sprintf(properties, escaped(clip(harmless(title, false), 200)))},
		{"xl/workbook.xml", fmt.Sprintf(workbook, escaped(sheetName(title)))},
		{"xl/_rels/workbook.xml.rels", workbookParts},
		{"xl/styles.xml", styles},
		{"xl/worksheets/sheet1.xml", sheet(t)},
	} {
		f, err := z.Create(p.name)
		if err == nil {
			_, err = io.WriteString(f, xml.Header+p.text)
		}
		if err != nil {
			return fmt.Errorf("writing the workbook: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("writing the workbook: %w", err)
	}
	return nil
}

// The parts that are the same in each workbook. Style 1 is the head's, 2 that
// of all other cells.
const (
	spreadsheet   = `http://schemas.openxmlformats.org/spreadsheetml/2006/main`
	relationships = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	packaging     = `http://schemas.openxmlformats.org/package/2006/`
	partType      = `application/vnd.openxmlformats-officedocument.spreadsheetml.`

	contentTypes = `<Types xmlns="` + packaging + `content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + partType + `sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="` + partType + `styles+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + partType + `worksheet+xml"/></Types>`
	packageParts = `<Relationships xmlns="` + packaging + `relationships">` +
		`<Relationship Id="rId1" Type="` + relationships + `/officeDocument" Target="xl/workbook.xml"/>` +
		`<Relationship Id="rId2" Type="` + packaging + `relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>`
	properties = `<cp:coreProperties xmlns:cp="` + packaging + `metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">` +
		`<dc:title>%s</dc:title><dc:creator>Monban</dc:creator></cp:coreProperties>`
	workbook = `<workbook xmlns="` + spreadsheet + `" xmlns:r="` + relationships + `">` +
		`<sheets><sheet name="%s" sheetId="1" r:id="rId1"/></sheets></workbook>`
	workbookParts = `<Relationships xmlns="` + packaging + `relationships">` +
		`<Relationship Id="rId1" Type="` + relationships + `/worksheet" Target="worksheets/sheet1.xml"/>` +
		`<Relationship Id="rId2" Type="` + relationships + `/styles" Target="styles.xml"/></Relationships>`
	font   = `<sz val="11"/><name val="Calibri"/><family val="2"/>`
	format = ` numFmtId="0" borderId="0" fillId="0"`
	styles = `<styleSheet xmlns="` + spreadsheet + `">` +
		`<fonts count="2"><font>` + font + `</font><font><b/>` + font + `</font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf` + format + ` fontId="0"/></cellStyleXfs>` +
		`<cellXfs count="3"><xf` + format + ` fontId="0" xfId="0"/>` +
		`<xf` + format + ` fontId="1" xfId="0" applyFont="1" applyAlignment="1">` + upright + `</xf>` +
		`<xf` + format + ` fontId="0" xfId="0" applyAlignment="1">` + upright + `</xf></cellXfs></styleSheet>`
	upright = `<alignment vertical="top" wrapText="1"/>`
)

// sheet is the part that holds the cells.
func sheet(t Table) string {
	var b strings.Builder
	b.WriteString(`<worksheet xmlns="` + spreadsheet + `">`)
	if len(t.Head) > 0 {
		b.WriteString(`<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`)
		for x := range t.Head {
			wide := inCells(t.Head[x])
			for _, r := range t.Rows {
				wide = max(wide, inCells(cell(r, x)))
			}
			fmt.Fprintf(&b, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, x+1, x+1, min(max(wide+2, 8), 60))
		}
		b.WriteString(`</cols>`)
	}
	b.WriteString(`<sheetData>`)
	if len(t.Head) > 0 {
		for y, r := range append([][]string{t.Head}, t.Rows...) {
			fmt.Fprintf(&b, `<row r="%d">`, y+1)
			for x := range t.Head {
				at, s := column(x)+strconv.Itoa(y+1), cell(r, x)
				switch {
				case y > 0 && t.right(x) && plainNumber.MatchString(s):
					fmt.Fprintf(&b, `<c r="%s" s="2"><v>%s</v></c>`, at, s)
				default:
					fmt.Fprintf(&b, `<c r="%s" s="%d" t="inlineStr"><is><t xml:space="preserve">%s</t></is></c>`,
						at, 1+min(y, 1), escaped(clip(harmless(s, false), mostInCell)))
				}
			}
			b.WriteString(`</row>`)
		}
	}
	b.WriteString(`</sheetData></worksheet>`)
	return b.String()
}

// column names a column: A to Z, AA and so on.
func column(x int) string {
	s := string(rune('A' + x%26))
	if x >= 26 {
		s = column(x/26-1) + s
	}
	return s
}

// escaped is s within XML. A program that reads the workbook takes _x0041_ for
// the letter with that number (ECMA-376 part 1, 22.9.2.19), so what only looks
// like it is written with its own underscore as such.
func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(strings.ReplaceAll(s, "_x", "_x005F_x"))) // a Buffer takes everything
	return b.String()
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

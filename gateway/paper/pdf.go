package paper

import (
	"fmt"
	"io"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// SheetPDF writes d as a PDF of A4 pages with its font inside, so that it looks
// the same everywhere and its text can be searched and copied. The same d
// gives the same bytes; a zero Made is 1970.
func SheetPDF(w io.Writer, d Document) error {
	font := []byte(face)
	g, err := glyphsOf(font)
	if err != nil {
		return err
	}
	made := d.Made.UTC()
	if made.IsZero() { // for which the library would take the time of day
		made = time.Unix(0, 0).UTC()
	}
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(made)
	pdf.SetModificationDate(made)
	pdf.SetProducer("Monban", true)
	pdf.SetTitle(g.printable(d.Title, false), true)
	pdf.SetAuthor(g.printable(d.Clinic, false), true)
	if d.Lang == "ja" || d.Lang == "en" {
		pdf.SetLang(d.Lang)
	}
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetMargins(0, 0, 0)
	pdf.AliasNbPages("")
	pdf.AddUTF8FontFromBytes("face", "", font)
	pdf.SetFont("face", "", sizeText)

	l := &layout{glyphs: g, width: widths(pdf)}
	l.document(d)
	p := &press{pdf: pdf, width: l.width}
	for i, marks := range l.pages {
		pdf.AddPage()
		p.frame(g, d, i+1, len(l.pages))
		for _, under := range []bool{true, false} { // a ground must not cover the line above it
			for _, m := range marks {
				if (m.kind == ground) == under {
					p.mark(m)
				}
			}
		}
	}
	if err := pdf.Output(w); err != nil {
		return fmt.Errorf("writing the PDF: %w", err)
	}
	return nil
}

// widths measures letters by the font that pdf has selected. Each is asked for
// once: a table measures the same ones over and over.
func widths(pdf *fpdf.Fpdf) ruler {
	known := map[rune]int{}
	return func(r rune) int {
		n, ok := known[r]
		if !ok {
			n = pdf.GetStringSymbolWidth(string(r))
			known[r] = n
		}
		return n
	}
}

// A press puts marks on the paper.
type press struct {
	pdf   *fpdf.Fpdf
	width ruler
}

// frame writes what is at the head and the foot of each page.
func (p *press) frame(g *glyphs, d Document, page, of int) {
	line := func(y float64, s string, room float64) {
		p.mark(mark{x: left, y: y, text: p.width.cut(g.printable(s, false), units(room, sizeSmall)), size: sizeSmall, quiet: true})
	}
	end := func(y float64, s string, room float64) {
		s = p.width.cut(g.printable(s, false), units(room, sizeSmall))
		x := right - float64(p.width.of(s))*sizeSmall/1000/mm
		p.mark(mark{x: x, y: y, text: s, size: sizeSmall, quiet: true})
	}
	half := (right - left) / 2
	line(15, d.Clinic, half-5)
	end(15, d.Title, half-5)
	p.mark(mark{kind: ruled, x: left, y: 18, w: right - left, h: .2})
	p.mark(mark{kind: ruled, x: left, y: pageH - 19, w: right - left, h: .2})
	line(pageH-15, d.Foot, right-left-30)
	end(pageH-15, fmt.Sprintf("%d / %d", page, of), 25)
	if d.Hash != "" {
		line(pageH-11, "SHA-256 "+d.Hash, right-left)
	}
}

// mark draws one mark. Bold is the letter with its outline drawn along: the
// second font would be another 4.6 MB in the program for a few headings.
func (p *press) mark(m mark) {
	switch m.kind {
	case ruled:
		p.pdf.SetDrawColor(150, 150, 150)
		p.pdf.SetLineWidth(m.h)
		p.pdf.Line(m.x, m.y, m.x+m.w, m.y)
		return
	case ground:
		p.pdf.SetFillColor(240, 241, 245)
		p.pdf.Rect(m.x, m.y, m.w, m.h, "F")
		return
	}
	grey := 20
	if m.quiet {
		grey = 85
	}
	p.pdf.SetFont("face", "", m.size)
	p.pdf.SetTextColor(grey, grey, grey)
	if m.bold {
		p.pdf.SetDrawColor(grey, grey, grey)
		p.pdf.SetLineWidth(m.size / mm * .025)
		p.pdf.SetTextRenderingMode(2)
	}
	p.pdf.Text(m.x, m.y, m.text)
	if m.bold {
		p.pdf.SetTextRenderingMode(0)
	}
}

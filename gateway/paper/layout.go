package paper

import "strings"

// A page of A4 in millimetres. The head and the foot of each page stand in the
// margins at the top and at the bottom.
const (
	pageW, pageH = 210.0, 297.0
	left, right  = 18.0, pageW - 18.0
	top, bottom  = 26.0, pageH - 24.0
	mm           = 72 / 25.4 // points
)

// Sizes of type in points; a line is 1.5 of it high.
const (
	sizeTitle   = 18.0
	sizeHead    = 12.0
	sizeText    = 9.5
	sizeTable   = 8.0
	sizeSmall   = 7.5
	leading     = 1.5
	pad         = 1.2  // around a cell's text, mm
	nameW       = 46.0 // column of the names of facts, mm
	leastAfter  = 24.0 // room a heading keeps below itself, mm
	leastColumn = 12.0 // mm
)

// A mark is one thing on a page: a line of text with its baseline at y, a
// rule, or a ground.
type mark struct {
	kind    markKind
	x, y, w float64
	h       float64 // of a ground
	text    string
	size    float64
	bold    bool
	quiet   bool
}

type markKind int

const (
	written markKind = iota
	ruled
	ground
)

// A layout is the pages of a document as far as they are filled. It decides
// what stands where, and draws nothing.
type layout struct {
	width  ruler
	glyphs *glyphs
	pages  [][]mark
	y      float64 // top of what comes next
}

func lineHeight(size float64) float64 { return size / mm * leading }

// units turns millimetres into the ruler's unit at a type size.
func units(w, size float64) int { return int(w * mm * 1000 / size) }

func (l *layout) newPage() {
	l.pages, l.y = append(l.pages, nil), top
}

func (l *layout) put(m mark) {
	l.pages[len(l.pages)-1] = append(l.pages[len(l.pages)-1], m)
}

// room makes sure that h fits on the page, by a new one if it must be.
func (l *layout) room(h float64) {
	if l.y+h > bottom && l.y > top {
		l.newPage()
	}
}

// document lays out everything between the heads and feet of the pages.
func (l *layout) document(d Document) {
	l.newPage()
	l.lines(d.Title, sizeTitle, true, false)
	if d.Subtitle != "" {
		l.lines(d.Subtitle, sizeText, false, true)
	}
	l.y += 2
	for _, s := range d.Sections {
		l.section(s)
	}
}

func (l *layout) section(s Section) {
	l.y += 4
	l.room(leastAfter)
	if s.Title != "" {
		l.lines(s.Title, sizeHead, true, false)
		l.put(mark{kind: ruled, x: left, y: l.y, w: right - left, h: .4})
		l.y += 1.5
	}
	if len(s.Facts) > 0 {
		t := grid{widths: []float64{nameW, right - left - nameW}, size: sizeText, quiet: 0}
		for _, f := range s.Facts {
			l.row(t, []string{f.Name, f.Value}, nil)
		}
		l.y++
	}
	if s.Text != "" {
		l.lines(s.Text, sizeText, false, false)
		l.y++
	}
	if s.Table != nil && len(s.Table.Head) > 0 {
		l.table(s.Table)
	}
	if s.Code != "" {
		l.code(s.Code)
	}
}

// lines writes a text from edge to edge.
func (l *layout) lines(s string, size float64, bold, quiet bool) {
	h := lineHeight(size)
	for _, line := range l.width.wrap(l.glyphs.printable(s, true), units(right-left, size), "") {
		l.room(h)
		l.put(mark{x: left, y: base(l.y, size), text: line, size: size, bold: bold, quiet: quiet})
		l.y += h
	}
}

// base is the baseline of a line whose top is y: the letters stand in its
// middle.
func base(y, size float64) float64 { return y + lineHeight(size)/2 + size/mm*.35 }

// code writes text whose every letter counts on a ground of its own; a line
// that goes on is indented further.
func (l *layout) code(s string) {
	h := lineHeight(sizeTable)
	s = strings.TrimRight(l.glyphs.printable(s, true), "\n ")
	for _, line := range l.width.wrap(s, units(right-left-2*pad, sizeTable), "        ") {
		l.room(h)
		l.put(mark{kind: ground, x: left, y: l.y, w: right - left, h: h})
		l.put(mark{x: left + pad, y: base(l.y, sizeTable), text: line, size: sizeTable})
		l.y += h
	}
	l.y++
}

// A grid is how the rows of a table are drawn.
type grid struct {
	widths []float64
	right  func(i int) bool // nil: none
	size   float64
	bold   bool
	quiet  int // the column drawn quietly; -1: none
}

func (l *layout) table(t *Table) {
	g := grid{widths: l.columns(t), right: t.right, size: sizeTable, quiet: -1}
	head := g
	head.bold = true
	l.room(3*lineHeight(sizeTable) + 4*pad) // the head and something below it
	l.row(head, t.Head, nil)
	for _, r := range t.Rows {
		l.row(g, r, func() { l.row(head, t.Head, nil) })
	}
	l.y += 2
}

// row writes one row. One that does not fit goes to the next page as a whole,
// after again has drawn the head there; one that would fit on no page is
// broken between its lines.
func (l *layout) row(g grid, cells []string, again func()) {
	h := lineHeight(g.size)
	var all [][]string
	most := 1
	for i, w := range g.widths {
		lines := l.width.wrap(l.glyphs.printable(cell(cells, i), true), units(w-2*pad, g.size), "")
		all, most = append(all, lines), max(most, len(lines))
	}
	breakPage := func() {
		l.newPage()
		if again != nil {
			again()
		}
	}
	if full := float64(most)*h + 2*pad; l.y+full > bottom && full <= (bottom-top)*.8 {
		breakPage()
	}
	for from := 0; from < most; {
		n := min(most-from, int((bottom-l.y-2*pad)/h))
		if n < 1 {
			breakPage()
			n = min(most-from, max(1, int((bottom-l.y-2*pad)/h)))
		}
		l.strip(g, all, from, n)
		from += n
	}
}

// strip writes n lines of a row's cells, from one on, and the rule below.
func (l *layout) strip(g grid, all [][]string, from, n int) {
	h, x := lineHeight(g.size), left
	if g.bold {
		l.put(mark{kind: ground, x: left, y: l.y, w: right - left, h: float64(n)*h + 2*pad})
	}
	for i, lines := range all {
		for j := from; j < min(from+n, len(lines)); j++ {
			if lines[j] == "" {
				continue
			}
			m := mark{x: x + pad, y: base(l.y+pad+float64(j-from)*h, g.size), text: lines[j], size: g.size, bold: g.bold, quiet: i == g.quiet}
			if g.right != nil && g.right(i) {
				m.x = x + g.widths[i] - pad - float64(l.width.of(lines[j]))*g.size/1000/mm
			}
			l.put(m)
		}
		x += g.widths[i]
	}
	l.y += float64(n)*h + 2*pad
	l.put(mark{kind: ruled, x: left, y: l.y, w: right - left, h: .15})
}

// columns shares the width out: a column gets what its longest text wants, as
// far as all want no more than their fair share; those that want more share
// the rest.
func (l *layout) columns(t *Table) []float64 {
	n := len(t.Head)
	want, got := make([]float64, n), make([]float64, n)
	for i := range want {
		most := 0
		for _, line := range strings.Split(l.glyphs.printable(t.Head[i], true), "\n") {
			most = max(most, l.width.of(line)*11/10) // bold is a little wider
		}
		for _, r := range t.Rows {
			for _, line := range strings.Split(l.glyphs.printable(cell(r, i), true), "\n") {
				most = max(most, l.width.of(line))
			}
		}
		want[i] = max(leastColumn, float64(most)*sizeTable/1000/mm+2*pad+.5)
	}
	open, rest := n, right-left
	for again := true; again && open > 0; {
		again = false
		fair := rest / float64(open)
		for i := range want {
			if got[i] == 0 && want[i] <= fair {
				got[i], rest, open, again = want[i], rest-want[i], open-1, true
			}
		}
	}
	for i := range got {
		switch {
		case open > 0 && got[i] == 0:
			got[i] = rest / float64(open)
		case open == 0: // all are content: the rest is shared by all
			got[i] += rest / float64(n)
		}
	}
	return got
}

// Package paper writes what is handed over and kept: sheets as PDF, lists as
// CSV and XLSX. The same document gives the same bytes, so that a sheet can be
// hashed and compared.
//
// It knows no window and no clinic, and puts nothing into words: it is handed
// strings, trusts none of them, and opens no file.
package paper

import "time"

// A Document is one sheet, on as many pages as it needs.
type Document struct {
	Lang     string // "ja" or "en", for programs that read aloud; optional
	Title    string // on each page
	Clinic   string // on each page
	Subtitle string
	Sections []Section
	Foot     string // on each page, on one line
	// Hash is what the sheet's content is known by, in hex; on each page, so
	// that no page can be put under another sheet. Optional.
	Hash string
	// Made becomes the PDF's date. It is not printed: the words for it are the
	// caller's.
	Made time.Time
}

// A Section is a part of a sheet under its own heading. Whatever it has is
// drawn in the order of the fields.
type Section struct {
	Title string
	Facts []Fact
	Text  string // paragraphs; line ends are kept
	Table *Table
	Code  string // to be compared letter by letter; indents are kept
}

// A Fact is a name with its value.
type Fact struct{ Name, Value string }

// A Table is rows under a head. Rows may be shorter than the head; what is
// longer is cut off.
type Table struct {
	Head []string
	Rows [][]string
	// Right marks the columns that hold numbers: they stand on the right, and
	// in a workbook a cell of theirs that is a number is one.
	Right []bool
}

// right reports whether column i holds numbers.
func (t *Table) right(i int) bool { return i < len(t.Right) && t.Right[i] }

// cell is the text of row r in column i.
func cell(r []string, i int) string {
	if i < len(r) {
		return r[i]
	}
	return ""
}

package view

// Sheet is all the evidence of one window.
type Sheet struct {
	Back     string // path of the window
	PDF      string // path of the same on paper
	Clinic   string
	Sub      string
	Sections []Section
	Hash     string
	HashIs   string
}

// A Section is a part of a sheet. The PDF is made from the same sections.
type Section struct {
	ID, Title string
	Facts     []Fact
	Text      []string // paragraphs
	Table     *Table
	Code      string // compared letter by letter
}

// A Table is rows under a head.
type Table struct {
	Head  []string
	Right []bool // columns of numbers
	Rows  [][]Cell
}

// A Cell is one text of a table.
type Cell struct {
	Text  string
	Level string // not empty: drawn as a chip
	URL   string
	Code  bool
	Wide  bool // a sentence: it needs room
}

func (t Table) right(i int) bool { return i < len(t.Right) && t.Right[i] }

// Month is every window asked for in a month.
type Month struct {
	Heading    string
	Sum        []string
	Table      Table
	Prev, Next NavLink // Next without URL: there is none yet
	CSV, XLSX  string  // paths
}

// Attempts is what was tried outside every window in one day.
type Attempts struct {
	Heading string
	Total   string
	Table   Table
	Days    []NavLink
}

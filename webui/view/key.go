package view

// Vendors is who may be let in, and whose signature counts.
type Vendors struct {
	Site    string // what a vendor calls this box; empty: not known
	Vendors []Vendor
	Enrol   *Enrol // nil: not by this reader
}

// A Vendor is a company with the keys of its engineers.
type Vendor struct {
	ID    string // anchor
	Name  string
	Facts []Fact
	Owed  *Note // his work report is missing
	Keys  []Key
}

// A Key is what an engineer signs with.
type Key struct {
	ID, Name  string
	Print     string // to be compared on the telephone
	Text      string
	Added     string
	CanRevoke bool
	Fresh     string // the second factor was just given
}

// Enrol is the form for a new key.
type Enrol struct {
	Vendors   []Choice
	Name, Key string // as typed
	Fresh     string
}

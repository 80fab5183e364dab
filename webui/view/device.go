package view

// Devices is the ledger.
type Devices struct {
	New, Named []Device
	Summary    string
	Every      string
}

// A Device is a row of it.
type Device struct {
	ID      string
	Title   string // its name, or that it has none
	New     bool
	Present string // chip: here now or not
	Here    bool
	Known   []string // what tells it apart
	Seen    []string // since when, by whom named
	Name    string   // in the form
	CanName bool
	Names   string // address of what it asked for; empty: not for this reader
	Fixed   string // why it cannot be named here; empty: it can
}

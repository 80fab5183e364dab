package view

// After is what is owed after a window, and what was written.
type After struct {
	Owed    []Remark
	Others  []string // what somebody else has to write
	Written []Fact
	Links   []NavLink // to the evidence
}

// A Remark is one text that is still missing, with its form.
type Remark struct {
	ID, Title, Hint string
	Action          string // path to post to
	Value           string // as typed
	Button          string
	Match           *Match // what to compare
}

// A Match is the sessions held against the request.
type Match struct {
	Note Note
	Bad  []string // each is a question to the vendor
}

package view

// Checklist is the Ministry's list with what proves its items.
type Checklist struct {
	Title   string
	Wording string // whose words the titles are
	Scope   string // must stand beside every result
	CanTest bool
	Proof   string // when the last self-test passed
	Legend  []Chipped
	Items   []Item
}

// A Chipped is a state with what it means.
type Chipped struct{ Level, State, Means string }

// An Item is one question of the list.
type Item struct {
	No, Title    string
	Level, State string
	Attention    string // empty: nothing to do
	Todo         string // what, then
	Human        string // what is left to people
	Parts        []Part
}

// A Part is a line of an item.
type Part struct {
	Title, Level, State string
	Proofs              []Proof
}

// A Proof is one piece of evidence.
type Proof struct {
	Title, Level, State string
	When                string
	How                 string // how it is taken; may be empty
	Seen                []Seen
}

// Seen is one observed value; a bad one is why it did not pass.
type Seen struct {
	Text string
	Bad  string // the word before it; empty: it is well
}

package view

// Request is the page that takes a signed request.
type Request struct {
	Text string // as pasted
	Site string // what the vendor calls this box; empty: not known
}

// Preview is what a signed request asks for, before anything is recorded.
type Preview struct {
	Text    string // goes along to be recorded
	Picture *Picture
	Notes   []Note // what is odd about it
	Signed  []Fact
	Asked   []Fact
	Call    string // whom to ring before approving
}

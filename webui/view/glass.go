package view

// Glass is the way in without an approver.
type Glass struct {
	Left  *Note // how many codes there are, if there is something to say
	Kinds []NavLink
	Ask   Ask
	Codes string // path of the page that makes codes; empty: not for this reader
}

// Codes is the sealed codes: how many are left, and the new ones, this once.
type Codes struct {
	State string
	New   []Slip
	Made  string
}

// A Slip is one code on its own slip of paper.
type Slip struct {
	No, Code string
}

package view

// Audit is the log.
type Audit struct {
	Lines    []Line
	Older    string
	Newest   bool
	CanCheck bool
	Head     string
}

// A Line is one entry of it.
type Line struct {
	Seq, At, Unsure, Who, Text, Hash string
}

// People is everybody with an account.
type People struct {
	People []Person
	Code   string // a fresh invitation, shown once
	Roles  []Choice
	Join   string // address the invited person opens
}

// A Person is a row of it.
type Person struct{ Name, Role string }

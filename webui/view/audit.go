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

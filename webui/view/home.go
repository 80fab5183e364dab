package view

// Home is the first page of the day.
type Home struct {
	Verdict Level
	Title   string // the verdict in one sentence
	Sub     string // what it rests on, with its time
	Todo    []Note
	More    string // empty: the list is complete
	Open    []OpenWindow
	Health  []Fact
	Every   string // seconds between refreshes of the live part
}

// An OpenWindow is a window that is open, with the button that ends it.
type OpenWindow struct {
	URL         string // empty: no record to look at
	Title, What string
	Until       string
	Clock       Clock
	Warn        string // little time is left; empty: enough
	Close       string // path to post to; empty: this reader may not
	Button      string
	Extend      string // path of the form for more time; empty: not by this reader
}

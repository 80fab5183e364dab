package view

// Notices is where people are told outside the page.
type Notices struct {
	Mail, Webhook, Syslog Channel
	Fresh                 string
}

// A Channel is one way, with its fields and its test.
type Channel struct {
	Name   string // what is tested
	Title  string
	Lead   string
	Level  string
	State  string // whether it is on
	On     bool
	Fields []Field
	CA     Field
	Test   string // what the button says
}

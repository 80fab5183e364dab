package view

// A Site is the page about the settings file.
type Site struct {
	Now   []Fact
	Notes []Note
	Shut  *Note // why it cannot be changed now; nil: it can
	First bool  // the text is a form to fill in
	Saved bool  // there is a file to save
	Text  string
	File  string // hint of the file field
}

// A SiteCheck shows what a new settings file would change.
type SiteCheck struct {
	Text, Base string // sent back as they are
	Count      string // how many lines
	Diff       string // unified lines
	Means      []string
	Warn       []Note
	Fresh      string
}

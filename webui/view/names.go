package view

// NameLog is the questions for names, newest first.
type NameLog struct {
	Tabs          []NavLink
	Privacy       string
	Off           bool // nothing is kept
	Notes         []Note
	Name          string // part of it, as typed
	Day           string // 2026-11-21; empty: any
	Devices       []Choice
	Verdicts      []Choice
	Filtered      bool
	Table         Table
	Until         string // how far back the search has looked; empty: to its end, or the page is full
	Older, Newest string // addresses; empty: none
	File          []Fact // fields of the form that saves what is shown; none: there is nothing
}

// NameWhy is the page of somebody who cannot see a site.
type NameWhy struct {
	Tabs    []NavLink
	Name    string // as typed
	Devices []Choice
	Found   *NameFound // nil: nothing was asked yet
	Allows  []NameAllow
	Pause   *NamePause // nil: not for this reader
}

// NameFound is what was found out about a name.
type NameFound struct {
	Name    string
	Level   Level
	Verdict string
	Reason  string
	Facts   []Fact
	Key     string // of the device; empty: only all devices at once
	Allow   bool   // there is something to allow, and this reader may
	Wish    bool   // … and he may ask for it
	Scopes  []Choice
	Lengths []Choice
	Because string // the reason, as typed
	Fresh   string
}

// NameAllow is a name that is allowed, or wished for.
type NameAllow struct {
	ID, Name, Whose string
	Wish            bool
	State           string
	Clock           *Clock // nil: for good
	Meta            []string
	CanAnswer       bool
	Fresh           string
}

// NamePause is the form that pauses the filter, or ends that.
type NamePause struct {
	Paused  bool
	Clock   Clock
	Lengths []Choice
}

// NameStats is one day's questions for names.
type NameStats struct {
	Tabs          []NavLink
	Privacy       string
	Day, First    string // 2026-11-21
	Last          string // the newest day that can be picked
	Heading       string
	Devices       []Choice
	Total         string
	Hours         *Chart // nil: nothing was asked
	Tops, Refused *Ranks
	Shares        *Ranks
	Reasons       *Table
}

// A Chart is bars over time, with the same as a table.
type Chart struct {
	Said  string // the whole in one sentence, for those who do not see it
	Most  string // what the upper edge stands for
	Bars  []Bar
	Ticks []string // below, in equal distances
	Table Table
}

// A Bar is drawn in a box of 100 by 100, from below.
type Bar struct {
	X, Width     string
	Y, Height    string
	PartY, PartH string // the refused part
}

// Ranks is a list with bars, the longest first.
type Ranks struct {
	Rows  []Rank
	Table Table
}

// A Rank is one row. The widths are of 100.
type Rank struct {
	Label, URL  string
	Code        bool
	Said        string
	Width, Part string
}

package view

// Windows is the page of remote maintenance.
type Windows struct {
	CanAsk   bool
	Links    []NavLink // to the other pages about maintenance
	Waiting  []Row
	Open     []OpenWindow
	CloseAll bool // more than one is open
	Planned  []Row
	PlannedN string // how many there are in all
	Past     []Row
	Older    string // path of the next page; empty: that was all
	Newest   bool   // this is the first page
	Every    string
}

// A Row is a window in a list.
type Row struct {
	URL, Title, What string
	Level, State     string
	Meta             []string
}

// Window is one window from the request to the end.
type Window struct {
	Level, State string
	Title        string
	Notes        []Note // what the state means
	CallBack     string // the registered number to call; empty: not now
	Facts        []Fact
	Picture      *Picture
	Approve      *Approve
	Refuse       *Refuse
	After        *After
	Open         *OpenWindow
	Result       []Fact
	Sessions     []Session
	HasSessions  bool
	Every        string // empty: nothing changes any more
}

// A Picture is what would open, in words and boxes: who reaches whom, and what
// stays shut.
type Picture struct {
	Title        string
	From, To     Spot
	Gate         []string // what the gate lets through
	Others, Rest string   // whom it keeps from what
	Words        []string
}

// A Spot is an end of a way.
type Spot struct {
	Name  string
	Lines []string // addresses, names
}

// Approve is what the approver fills in.
type Approve struct {
	Action   string // path to post to
	CallBack string // the sentence he confirms, with the registered number
	Rang     bool
	Own      bool   // he recorded it himself
	Fresh    string // the second factor was just given: the field may stay empty
	// ShorterHint says what an empty length means.
	ShorterHint string
	Other       string // the shorter length, as typed
	Button      string
}

// Refuse is the form for a no.
type Refuse struct {
	Action, Title, Label, Button string
	Why                          string // as typed
}

// Extend is the form for more time.
type Extend struct {
	Back    string // path of the window
	Open    OpenWindow
	Latest  string // until when it can go on; empty: no longer than now
	Approve Approve
	Lengths []Choice
	Every   string
}

// CloseAll is the page of the one red button.
type CloseAll struct {
	Count string // heading of the list
	Open  []OpenWindow
	Done  []Row // what was just closed
	Every string
}

// A Session is one connection that went through.
type Session struct {
	Source, Target, Start, End, In, Out string
	Live                                bool
}

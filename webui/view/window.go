package view

// Windows is the page of remote maintenance.
type Windows struct {
	CanAsk   bool
	Waiting  []Row
	Open     []OpenWindow
	CloseAll bool // more than one is open
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

// Ask is the form for a new request.
type Ask struct {
	Vendors   []Choice
	Devices   []Choice
	Ports     string
	Lengths   []Choice
	Other     string // a length in words
	Reason    string
	Requester string
}

// Window is one window from the request to the end.
type Window struct {
	Level, State string
	Title        string
	Facts        []Fact
	Picture      *Picture
	Approve      *Approve
	Open         *OpenWindow
	Result       []Fact
	Sessions     []Session
	HasSessions  bool
	Every        string // empty: nothing changes any more
}

// A Picture is what would open, in words and boxes.
type Picture struct {
	Title   string
	Words   []string
	Vendor  string
	Sources []string
	Ports   []string
	Device  string
	Addrs   []string
}

// Approve is what the approver fills in.
type Approve struct {
	ID       string
	CallBack string // the sentence he confirms, with the registered number
	Rang     bool
	Own      bool   // he recorded it himself
	Fresh    string // the second factor was just given: the field may stay empty
	// ShorterHint says what an empty length means.
	ShorterHint string
	Other       string // the shorter length, as typed
	Why         string
}

// A Session is one connection that went through.
type Session struct {
	Source, Target, Start, End, In, Out string
	Live                                bool
}

package view

// Kinds is the choice of the way, before the form.
type Kinds struct {
	Kinds    []Kind
	NoVendor bool
	Paste    string // path of the page that reads signed requests; empty: not for this reader
}

// A Kind is one way to connect.
type Kind struct {
	URL         string // of its form; empty: it cannot be chosen
	Title, Text string
	Why         []string // why it cannot, or not for every vendor
}

// Ask is the form for a new request. The fields of its kind are not nil.
type Ask struct {
	Kind, Title, Lead string
	Notes             []Note // what keeps a vendor from asking
	Vendors           []Choice
	Devices           []Choice
	Ports, Targets    *Field
	Tools             []Choice
	ToolCut           string // what is cut at the end, and what is not
	Start             Field
	Lengths           []Choice
	Other             string // a length in words
	Reason            string
	Requester         string
}

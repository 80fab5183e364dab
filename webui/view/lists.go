package view

// NameLists is the page of the lists of names that are refused.
type NameLists struct {
	Tabs   []NavLink
	Check  bool // there are lists to fetch, and this reader may have them fetched now
	Lists  []NameList
	Denies []NameDeny
	Unread *Note     // there may be others, which could not be read
	Deny   *DenyForm // nil: not for this reader
}

// NameList is one list.
type NameList struct {
	Name  string
	Key   string // for the ids of its fields
	Level string // of the chip: "good", "info", "caution" or "danger"
	State string
	Notes []Note
	Facts []Fact
	Held  *HeldNames
}

// HeldNames is a new state of a list that waits for the director.
type HeldNames struct {
	Sum    string // which one it is
	Why    []string
	Table  Table // the names that must work and that it refuses
	Answer bool  // this reader may
	Fresh  string
}

// NameDeny is a name that the clinic itself refuses.
type NameDeny struct {
	ID   string // empty: of the configuration, and not to be taken back here
	Name string
	Meta []string
	End  bool // this reader may take it back
}

// DenyForm is the form for one more.
type DenyForm struct{ Name, Reason string }

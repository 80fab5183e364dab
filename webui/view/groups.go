package view

// NameGroups is the page about groups of devices: what holds for which device
// now, and why.
type NameGroups struct {
	Tabs   []NavLink
	Notes  []Note
	Groups []NameGroup
	Exempt []string    // devices no group holds for
	All    *GroupPause // nil: not for this reader
}

// NameGroup is one group.
type NameGroup struct {
	ID, Title, Lead string
	Paused          *Clock // nil: it is not
	Facts           []Fact
	Hours           []NameHours
	Next            string // empty: nothing will change by the clock
	Devices         []NameMember
	Pause           *GroupPause
}

// NameHours is a schedule of a group.
type NameHours struct {
	When, Lists  string
	Level, State string
}

// NameMember is a device of a group.
type NameMember struct {
	Name, State string
	Paused      *Clock
	Pause       *GroupPause
}

// GroupPause is the form that pauses the filter for a group, a device or, with
// neither, all, or ends that.
type GroupPause struct {
	Group, Device string
	Whose         string
	Paused        bool
	Clock         Clock
	Lengths       []Choice
}

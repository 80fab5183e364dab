package view

// Evasions is who went around the name filter on a day.
type Evasions struct {
	Tabs    []NavLink
	Notes   []Note
	Exempt  string // who is neither stopped nor counted; empty: nobody
	Heading string
	Devices []Evader
	Polite  []Evader // that only asked whether they may
	Days    []NavLink
}

// An Evader is one device and what it tried.
type Evader struct {
	ID    string // of its heading
	Name  string
	Mark  string // hardware address
	Table Table
}

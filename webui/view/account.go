package view

// Account is a person's own way in.
type Account struct {
	Who   string
	Left  string // how many recovery codes are left, in words
	Few   bool   // so few that new ones should be made
	Sheet bool   // new codes can still be looked at
	Fresh string // the second factor was just given
}

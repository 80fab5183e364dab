package view

// People is everybody with an account.
type People struct {
	People []Person
	Code   string // a fresh invitation, shown once
	Roles  []Choice
	Join   string // address the invited person opens
	Fresh  string // the second factor was just given
}

// A Person is a row of it.
type Person struct {
	ID, Name, Role string
	Deputy         bool
	CanDeputy      bool // only staff can be named
}

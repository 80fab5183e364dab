package view

// Plans is the regular appointments, with the form for one more.
type Plans struct {
	Plans  []Plan
	CanAsk bool
	Kinds  []NavLink // which way the form is for
	Ask    Ask
	Weeks  []Choice
	Days   []Choice
	Time   string // as typed
}

// A Plan is one appointment.
type Plan struct {
	ID, When, Title, What, Next string
	Meta                        []string
}

package view

// Firmware is the page about the box's own software.
type Firmware struct {
	Every string // seconds between refreshes while something is under way; empty: nothing is
	Now   []Fact
	Means string // what the state of the version of now means
	Notes []Note
	Fall  *Fall
	// Slots says that the box can be updated here; all below is empty otherwise.
	Slots  bool
	News   string // what is known of a newer version, in a few words
	Offer  *Offer
	Check  []Fact // empty: nobody is asked
	Ask    bool   // this reader may have newer versions looked for
	Upload string // the hint of the form to send a file; empty: not for this reader
}

// A Fall is that the box went back to the version before.
type Fall struct {
	Note Note
	Why  []string
	Seen bool // this reader may say that he has seen it
}

// An Offer is a newer version.
type Offer struct {
	Version, Level, State string
	Sum                   string // which one exactly
	Facts                 []Fact
	Fell                  string   // it was given up before; empty: it was not
	Notes                 []string // what is new, by its makers, a paragraph each
	Approve               *Confirm // nil: not for this reader, or done
	Only                  string   // why there is no Approve; empty: there is, or it is done
	Hurry                 *Confirm // nil: not for this reader, or not approved
	Cancel                string   // what the button says that takes it back; empty: none
}

// A Confirm is a form that asks for the second factor.
type Confirm struct {
	Means string
	Fresh string // the second factor was just given
	Shut  string // why it cannot be now; empty: it can
	Sure  bool   // as ticked
}

package view

// A Fact is a name with its value in a list of such.
type Fact struct {
	Name, Value string
	Level       string // not empty: the value is drawn as a chip of this level
	URL         string // not empty: the value leads there
	Code        bool   // the value is to be compared letter by letter
	More        string // said quietly after it
}

// levelWord is the word that goes with a level; good news needs none.
func (p Page) levelWord(l Level) string {
	switch l {
	case Caution:
		return p.Say("page.caution")
	case Danger:
		return p.Say("page.danger")
	case Info:
		return p.Say("page.info")
	}
	return ""
}

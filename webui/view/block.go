package view

// Block is what stands in the place of a refused site.
type Block struct {
	Name    string
	Reason  string
	Facts   []Fact
	Wish    bool   // it can be asked for here
	Action  string // … by a form that goes there
	Because string // the reason, as typed
	Waits   string // somebody has asked already
	Nothing string // why there is nothing to ask for
	URL     string // of the page where one can sign in
	QRSize  string
	QRPath  string // empty: no code
}

// Package view draws the pages: HTML components and the models they are drawn
// from, which are strings and bools, already put into words.
//
// It knows nothing of a gateway, and does no work but escaping; what is shown,
// and in which words, the handlers of package webui say.
package view

// Say returns a sentence of the reader's language; kv are name, value pairs
// for its places.
type Say func(code string, kv ...any) string

// A Page is what every page has around its content.
type Page struct {
	Title  string
	Lang   string // "ja" or "en"
	Say    Say
	Styles []string // paths of the style sheets
	Script string   // path of the script
	Icon   string   // path of the icon

	OtherLang    string // language the switch leads to
	OtherLangURL string

	Narrow  bool   // a page of one form
	Clinic  string // empty before sign-in
	Who     string // empty before sign-in
	Version string // empty before sign-in
	Nav     []NavLink
	Strip   *Strip // what is open right now, on every page
	Pause   *Strip // the name filter is paused
	// Watch is every how many seconds the strip is asked for anew; empty: the
	// page has none. Here is what is asked for: a form that came back stands at
	// a path that answers no GET.
	Watch, Here string
	// Lamp says in a few words that something is open; empty: nothing is. News
	// is that in sentences, for those who hear the page: said when it changes.
	Lamp, News string
	StopURL    string // where everything can be closed; empty: nothing is open, or not by this reader
	Banners    []Note
	Flash      *Note
	Errors     []FieldError // the form came back
	// Reload is after how many seconds a browser without script asks again;
	// 0 never.
	Reload string
}

// A NavLink leads to one of the main pages. Count is a number to notice.
type NavLink struct {
	URL, Label string
	Here       bool
	Count      string // empty: none
	CountSaid  string // the count in words, for those who do not see it
}

// A Level says how much a note matters: "good", "info", "caution" or "danger".
type Level string

// The levels. Caution and danger are always drawn with their word and sign.
const (
	Good    Level = "good"
	Info    Level = "info"
	Caution Level = "caution"
	Danger  Level = "danger"
)

// A Note is one sentence with its weight and perhaps a way to act on it.
type Note struct {
	Level    Level
	Text     string
	URL      string // empty: no link
	LinkText string
}

// A Strip tells on every page that somebody outside can get in.
type Strip struct {
	Text   string
	URL    string // where to look; empty: no record to look at
	Rest   string // what the clock counts
	Clock  Clock
	Warn   string // little time is left; empty: enough
	Close  string // path to post to; empty: this reader may not
	Button string // what the closing button says
}

// A Clock is the rest of a time that runs out.
type Clock struct {
	Text string // the rest in words, as of now
	Left string // whole seconds, for the script
}

// A FieldError is one fault of a form that came back.
type FieldError struct {
	ID   string // of the field; empty: the form as a whole
	Text string
}

// errorFor returns the fault of the field, if any.
func (p Page) errorFor(id string) string {
	for _, e := range p.Errors {
		if e.ID == id {
			return e.Text
		}
	}
	return ""
}

// A Field is a line of a form.
type Field struct {
	ID, Label, Hint string
	Type            string // "text" if empty
	Value           string
	Autocomplete    string // "off" if empty
	InputMode       string
	Class           string // "short", "long"
	Optional        bool
	MaxLength       string
}

// A Choice is one of several to pick from.
type Choice struct {
	Value, Label, Hint string
	Chosen             bool
}

func (f Field) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

func (f Field) complete() string {
	if f.Autocomplete == "" {
		return "off"
	}
	return f.Autocomplete
}

// describedBy names what explains a field: its hint and its fault.
func describedBy(id, hint, fault string) string {
	s := ""
	if hint != "" {
		s = id + "-hint"
	}
	if fault != "" {
		if s != "" {
			s += " "
		}
		s += id + "-fault"
	}
	return s
}

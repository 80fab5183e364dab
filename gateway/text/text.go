// Package text holds every sentence the product says to people, Japanese
// first, and the Fault that carries one through the code.
//
// It knows no package of ours: the others name sentences by code, and only
// the page and the command line turn a code into words.
package text

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A Lang is a language people can read the product in.
type Lang string

// The languages every sentence exists in. JA is the source, EN follows it.
const (
	JA Lang = "ja"
	EN Lang = "en"
)

// Args fill the {name} places of a sentence.
type Args map[string]any

// A Fault is an error meant for people: a code of the catalogue, the form
// field or configuration key it is about (empty: the whole request), and what
// fills the sentence. Anything that is not a Fault is shown as "internal" and
// goes to the log.
type Fault struct {
	Code  string `json:"code"`
	Field string `json:"field,omitempty"`
	Args  Args   `json:"args,omitempty"`
	Err   error  `json:"-"` // what caused it, for the log; optional
}

// NewFault returns a Fault with the given code; kv are name, value pairs.
func NewFault(code string, kv ...any) *Fault {
	f := &Fault{Code: code}
	for i := 0; i+1 < len(kv); i += 2 {
		if f.Args == nil {
			f.Args = Args{}
		}
		f.Args[fmt.Sprint(kv[i])] = kv[i+1]
	}
	return f
}

// On returns f with its field set.
func (f *Fault) On(field string) *Fault { f.Field = field; return f }

// Because returns f with its cause set.
func (f *Fault) Because(err error) *Fault { f.Err = err; return f }

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Error is the English sentence with its code, for logs and terminals.
func (f *Fault) Error() string {
	s := EN.Say(f.Code, f.Args)
	if f.Field != "" {
		s = f.Field + ": " + s
	}
	if f.Err != nil {
		s += " (" + f.Err.Error() + ")"
	}
	return s
}

// Sentence returns what to tell the person, and whether the code is known.
func (l Lang) sentence(code string) (string, bool) {
	for _, part := range catalogue {
		if s, ok := part[code]; ok {
			if l == EN {
				return s.EN, true
			}
			return s.JA, true
		}
	}
	return "", false
}

// Say returns the sentence for code with its places filled. A code nobody
// wrote a sentence for is shown as it is, with its arguments, so that nothing
// is hidden; a test keeps that from happening.
func (l Lang) Say(code string, args Args) string {
	s, ok := l.sentence(code)
	if !ok {
		var b strings.Builder
		b.WriteString(code)
		for _, k := range slices.Sorted(maps.Keys(args)) {
			fmt.Fprintf(&b, " %s=%v", k, args[k])
		}
		return b.String()
	}
	if why, ok := args["reason"]; ok && why == "" { // nobody gave one
		s = strings.ReplaceAll(strings.ReplaceAll(s, " ({reason})", ""), "({reason})", "")
	}
	var fill []string
	for _, k := range slices.Sorted(maps.Keys(args)) {
		v := fmt.Sprint(args[k])
		switch k {
		case "why": // a reason is a sentence of its own
			if _, ok := l.sentence(v); ok {
				v = l.sayWhy(v, args)
			}
		case "role": // records and notices hold the code word
			if said, ok := l.sentence("page.role." + v); ok {
				v = said
			}
		}
		fill = append(fill, "{"+k+"}", v)
	}
	// In one pass: what is filled in may look like a place and is none.
	return strings.NewReplacer(fill...).Replace(s)
}

// OfWhy begins the names of the arguments that fill the sentence of "why".
const OfWhy = "why_"

var placeForm = regexp.MustCompile(`\{([a-z_0-9]+)\}`)

// sayWhy is the reason among args as a sentence. An older record has its code
// alone: what would fill it is left open, so that no place is read as a name.
func (l Lang) sayWhy(code string, args Args) string {
	own := Args{}
	s, _ := l.sentence(code)
	for _, place := range placeForm.FindAllStringSubmatch(s, -1) {
		own[place[1]] = "…"
	}
	for k, a := range args {
		if name, ok := strings.CutPrefix(k, OfWhy); ok {
			own[name] = a
		}
	}
	return l.Say(code, own)
}

// A sentence in both languages; {name} marks a place.
type sentence struct{ JA, EN string }

// catalogue is the whole of it, one part per subject so that a subject's
// sentences stand together in one file.
var catalogue = []map[string]sentence{
	evasionText,
	configText, windowText, maintenanceText, peopleText, storeText, dnsText, deviceText,
	checklistText, auditText, gatewayText, pageText, pageWindowText, commandText, labText,
	noticeText, attemptText, requestText, pageMoreText, toolsText, listsText,
	blockText, namesText, pageNamesText,
	upstreamText, dnsLimitText, listSubsText, pageListsText, groupsText,
	firmwareText, networkText, pageFirmwareText,
	slotText, pageSettingsText, pageAccountText,
	dataText,
}

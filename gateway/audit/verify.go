package audit

import (
	"monban/gateway/text"
)

// The ways a log can be wrong, as codes of the catalogue.
const (
	Edited    = "audit.edited"    // a line's content is not what was hashed
	Missing   = "audit.missing"   // lines were taken out before this one
	Unchained = "audit.unchained" // a line does not follow the one before it
	Cut       = "audit.cut"       // the log is shorter than it once was
	Rewritten = "audit.rewritten" // at the known count stands another line

	// Found by who keeps the log and a note of its head beside it.
	Behind  = "audit.behind"       // the note lacks more than the last act
	NoNote  = "audit.no_note"      // there is a log but no note
	BadNote = "audit.bad_note"     // the note cannot be read
	Strange = "audit.strange_line" // a line that the running box did not write
)

// Broken is the error of a log that does not verify. Line is the first line
// that is wrong, or for Cut the first that is not there any more.
type Broken struct {
	Line uint64
	Why  string
}

// Error is the English sentence for terminals and logs.
func (b *Broken) Error() string { return b.Fault().Error() }

// Unwrap gives the sentence for people.
func (b *Broken) Unwrap() error { return b.Fault() }

// Fault is the sentence for people.
func (b *Broken) Fault() *text.Fault { return text.NewFault(b.Why, "line", b.Line) }

// Old reports whether b only says that the note is older than the log or not
// there, which contradicts no line.
func (b *Broken) Old() bool { return b.Why == Behind || b.Why == NoNote }

// A Verifier checks lines one after another, from the first. The zero value
// checks the chain alone, which cannot see a cut tail or a log rewritten from
// some line on: give it what is known of earlier heads in Against.
type Verifier struct {
	Against []Head // heads this log is known to have had

	head Head
	err  error
}

// Add checks the next line; the error is a *Broken and is given again for
// every further line.
func (v *Verifier) Add(l Line) error {
	if v.err != nil {
		return v.err
	}
	if why := v.wrong(l); why != "" {
		v.err = &Broken{Line: v.head.Count + 1, Why: why}
		return v.err
	}
	v.head = l.Head()
	for _, a := range v.Against {
		if a.Count == l.Seq && a.Hash != l.Hash {
			v.err = &Broken{Line: l.Seq, Why: Rewritten}
		}
	}
	return v.err
}

func (v *Verifier) wrong(l Line) string {
	if l.Seq > v.head.Count+1 {
		return Missing
	}
	if l.Seq != v.head.Count+1 || l.Prev != v.head.Hash {
		return Unchained
	}
	// Next refuses what it would never have written, as arguments that are not
	// canonical, and mends what has no hash of its own.
	want, err := Next(v.head, l.Event)
	if err != nil || want.Hash != l.Hash || want.Who != l.Who || want.Code != l.Code {
		return Edited
	}
	return ""
}

// End returns the head of what was added, and an error if a line was wrong or
// if the log ends before a head it is known to have had.
func (v *Verifier) End() (Head, error) {
	if v.err != nil {
		return v.head, v.err
	}
	for _, a := range v.Against {
		if a.Count > v.head.Count {
			return v.head, &Broken{Line: v.head.Count + 1, Why: Cut}
		}
	}
	return v.head, nil
}

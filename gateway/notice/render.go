package notice

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"monban/gateway/text"
)

// The levels of a message, as those of a note of the page.
const (
	Info    = "info"
	Caution = "caution"
	Danger  = "danger"
)

// Sentence is what happened, on one line. Times are by the clinic's clock, the
// zone of m.At, and lengths in words.
func Sentence(lang text.Lang, m Message) string {
	args := make(text.Args, len(m.Args))
	for k, a := range m.Args {
		args[k] = inWords(lang, a, m.At.Location())
	}
	return oneLine(lang.Say(m.Code, args))
}

// inWords writes a time or a length as people read it, also one that stands as
// text in the log (RFC 3339, Duration.String); anything else stays as it is.
func inWords(lang text.Lang, a any, zone *time.Location) any {
	switch a := a.(type) {
	case time.Time:
		return lang.When(a.In(zone))
	case time.Duration:
		return lang.Span(a)
	case string:
		if t, err := time.Parse(time.RFC3339Nano, a); err == nil {
			return lang.When(t.In(zone))
		}
		// Only what Duration writes: a reason somebody typed stays as typed.
		if d, err := time.ParseDuration(a); err == nil && d.String() == a {
			return lang.Span(d)
		}
	}
	return a
}

func level(lang text.Lang, m Message) string {
	switch m.Level {
	case Danger:
		return lang.Say("notice.level.danger", nil)
	case Caution:
		return lang.Say("notice.level.caution", nil)
	}
	return lang.Say("notice.level.info", nil)
}

// maxSubject keeps a subject readable in a list of mails; the body has it all.
const maxSubject = 70

// Subject is the mail's subject: the level, the clinic and what happened, on
// one line of at most some 100 characters.
func Subject(lang text.Lang, m Message) string {
	what := []rune(Sentence(lang, m))
	if len(what) > maxSubject {
		what = append(what[:maxSubject], '…')
	}
	return oneLine(lang.Say("notice.mail.subject", text.Args{"level": level(lang, m), "clinic": show(m.Clinic), "what": string(what)}))
}

// Body is the mail's text: who tells, what happened, and when by the clinic's
// clock. Times are shown in m.At's location.
func Body(lang text.Lang, m Message) string {
	parts := []string{
		lang.Say("notice.mail.from", text.Args{"clinic": show(m.Clinic)}),
		lang.Say("notice.mail.what", text.Args{"level": level(lang, m), "what": Sentence(lang, m)}),
		lang.Say("notice.mail.when", text.Args{"at": When(m.At)}),
	}
	if !m.Synced {
		parts[2] += "\n" + lang.Say("notice.unsynced", nil)
	}
	parts = append(parts, lang.Say("notice.mail.end", nil))
	return strings.Join(parts, "\n\n") + "\n"
}

// When is a time as people read it, with the name of its zone.
func When(t time.Time) string {
	return fmt.Sprintf("%s (%s)", t.Format("2006-01-02 15:04:05"), t.Format("MST"))
}

// oneLine takes out what could begin another line or header, or change how
// the rest reads: arguments hold names from the network.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.In(r, unicode.C):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

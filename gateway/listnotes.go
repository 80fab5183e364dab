package gateway

import (
	"errors"

	"monban/dnsfilter/list"
	"monban/gateway/text"
)

const listsPath = "/lists"

// unreadNotes say which list could not be read, why, and by code what guards
// instead.
func unreadNotes(b brokenList, code, level string) (notes []Note) {
	var f *text.Fault
	if errors.As(b.err, &f) && f.Code != "dns.list_unreadable" {
		notes = append(notes, Note{Code: f.Code, Level: "caution", Args: f.Args, Link: listsPath})
	}
	return append(notes, Note{Code: code, Level: level, Args: map[string]any{"list": b.name}, Link: listsPath})
}

// lineNotes say what lines of the lists are left out.
func lineNotes(l *list.List) (notes []Note) {
	for _, r := range l.Sources() {
		if r.Bad > 0 {
			notes = append(notes, Note{Code: "gateway.list_bad_lines", Level: "info", Link: listsPath,
				Args: map[string]any{"list": r.Name, "bad": r.Bad, "line": r.First[0]}})
		}
		if r.Unusable > 0 {
			notes = append(notes, Note{Code: "gateway.list_unusable_lines", Level: "info", Link: listsPath,
				Args: map[string]any{"list": r.Name, "unusable": r.Unusable, "line": r.FirstUnusable[0]}})
		}
	}
	return notes
}

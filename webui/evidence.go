package webui

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"monban/gateway"
	"monban/gateway/paper"
	"monban/gateway/window"
	"monban/webui/view"
)

func (v *visit) evidence() error {
	s, err := v.sheet()
	if err != nil {
		return err
	}
	w := s.Window
	p := v.frame("page.sheet.title", "n", w.ID)
	return v.show(http.StatusOK, view.SheetPage(p, view.Sheet{
		Back: windowPath(w.ID), PDF: windowPath(w.ID) + "/evidence.pdf", Clinic: plain(s.Clinic), Sub: v.titleOf(w),
		Sections: v.sections(s), Hash: plain(s.Hash), HashIs: v.say("page.sheet.hash_is"),
	}))
}

func (v *visit) sheet() (gateway.Sheet, error) {
	id, err := v.id()
	if err != nil {
		return gateway.Sheet{}, err
	}
	return v.Gateway.WindowSheet(v.r.Context(), v.who, id)
}

// evidencePDF is the same sheet on paper, made of the same sections.
func (v *visit) evidencePDF() error {
	s, err := v.sheet()
	if err != nil {
		return err
	}
	d := paper.Document{
		Lang: string(v.lang), Title: v.say("page.sheet.title", "n", s.Window.ID), Clinic: s.Clinic, Subtitle: v.titleOf(s.Window),
		Foot: v.say("page.sheet.foot", "name", v.named(v.who), "at", v.when(v.Now())), Hash: s.Hash, Made: v.Now(),
	}
	for _, c := range v.sections(s) {
		d.Sections = append(d.Sections, onPaper(c))
	}
	d.Sections = append(d.Sections, paper.Section{Title: v.say("page.sheet.hash"), Text: v.say("page.sheet.hash_is"), Code: s.Hash})
	return v.hand(kindPDF, fmt.Sprintf("monban-window-%d.pdf", s.Window.ID), func(w io.Writer) error { return paper.SheetPDF(w, d) })
}

// sections are all the evidence of a window, for the page and the paper.
func (v *visit) sections(s gateway.Sheet) []view.Section {
	w := s.Window
	all := []view.Section{
		{ID: "asked", Title: v.say("page.sheet.asked"), Facts: append([]view.Fact{{Name: v.say("page.sheet.state"), Value: v.state(w)}}, v.asked(w)...)},
		v.stepsOf(s),
	}
	if !w.OpenAt.IsZero() {
		all = append(all, view.Section{ID: "result", Title: v.say("page.window.result"), Facts: v.result(w)}, v.rulesOf(w), v.matchesOf(s))
	}
	if after := v.remarksOf(w); len(after) > 0 {
		all = append(all, view.Section{ID: "after", Title: v.say("page.after.records"), Facts: after})
	}
	return append(all, v.linesOf(s))
}

func (v *visit) stepsOf(s gateway.Sheet) view.Section {
	t := view.Table{Head: []string{v.say("page.sheet.at"), v.say("page.sheet.to"), v.say("page.sheet.who")}}
	for _, st := range s.Steps {
		t.Rows = append(t.Rows, []view.Cell{{Text: v.when(st.At)}, {Text: v.say("page.state." + string(st.To))}, {Text: v.named(st.Who)}})
	}
	return view.Section{ID: "steps", Title: v.say("page.sheet.steps"), Table: &t}
}

// rulesOf is what the kernel was given, letter by letter.
func (v *visit) rulesOf(w gateway.Window) view.Section {
	c := view.Section{ID: "rules", Title: v.say("page.sheet.rules"), Text: []string{v.say("page.sheet.rules_are")}, Code: verbatim(w.Rules)}
	if c.Code == "" {
		c.Text = []string{v.say("page.sheet.no_rules")}
	}
	return c
}

// matchesOf is every connection, held against the request.
func (v *visit) matchesOf(s gateway.Sheet) view.Section {
	c := view.Section{ID: "sessions", Title: v.say("page.sheet.sessions")}
	bad := 0
	t := view.Table{Right: []bool{4: true, 5: true, 6: false}, Head: []string{v.say("page.sessions.from"), v.say("page.sessions.to"),
		v.say("page.sessions.start"), v.say("page.sessions.end"), v.say("page.sessions.in"), v.say("page.sessions.out"), v.say("page.sheet.match")}}
	for _, m := range s.Matches {
		verdict := v.verdict(m)
		if verdict.Level != "good" {
			bad++
		}
		x := v.session(m.Session)
		t.Rows = append(t.Rows, []view.Cell{{Text: x.Source, Code: true}, {Text: x.Target, Code: true}, {Text: x.Start}, {Text: x.End},
			{Text: x.In}, {Text: x.Out}, verdict})
	}
	switch {
	case len(s.Matches) == 0:
		c.Text = []string{v.say("page.after.match_none")}
		return c
	case bad > 0:
		c.Text = []string{v.say("page.after.match_bad", "n", bad)}
	default:
		c.Text = []string{v.say("page.after.match_ok", "n", len(s.Matches))}
	}
	c.Text, c.Table = append(c.Text, v.say("page.sessions.observed")), &t
	return c
}

// verdict says in words what a connection has or has not of the request.
func (v *visit) verdict(m gateway.Match) view.Cell {
	var not []string
	for _, x := range []struct {
		ok   bool
		code string
	}{{m.Source, "page.after.bad_source"}, {m.Target, "page.after.bad_target"}, {m.Time, "page.after.bad_time"}} {
		if !x.ok {
			not = append(not, v.say(x.code))
		}
	}
	if len(not) > 0 {
		return view.Cell{Level: "danger", Text: strings.Join(not, v.say("page.sheet.comma"))}
	}
	return view.Cell{Level: "good", Text: v.say("page.sheet.as_asked")}
}

// remarksOf is what people wrote afterwards, and what is still missing.
func (v *visit) remarksOf(w gateway.Window) []view.Fact {
	var f []view.Fact
	owed := map[window.Debt]bool{}
	for _, d := range w.Owes() {
		owed[d] = true
	}
	for _, r := range []struct {
		debt window.Debt
		window.Remark
	}{{window.DebtReport, w.Report}, {window.DebtReview, w.Review}, {window.DebtExcuse, w.Excuse}} {
		name := v.say("page.after." + string(r.debt))
		switch {
		case !r.IsZero():
			f = append(f, view.Fact{Name: name, Value: prose(r.Text), More: v.named(r.By) + " " + v.when(r.At)})
		case owed[r.debt]:
			f = append(f, view.Fact{Name: name, Level: "caution", Value: v.say("page.sheet.missing")})
		}
	}
	return f
}

func (v *visit) linesOf(s gateway.Sheet) view.Section {
	c := view.Section{ID: "log", Title: v.say("page.sheet.log")}
	if len(s.Lines) == 0 {
		c.Text = []string{v.say("page.audit.none")}
		return c
	}
	t := view.Table{Right: []bool{true}, Head: []string{v.say("page.sheet.line"), v.say("page.sheet.at"), v.say("page.sheet.who"),
		v.say("page.sheet.what"), v.say("page.sheet.line_hash")}}
	for _, l := range s.Lines {
		x := v.line(l)
		at := x.At
		if x.Unsure != "" {
			at += " " + x.Unsure
		}
		t.Rows = append(t.Rows, []view.Cell{{Text: number(l.Seq)}, {Text: at}, {Text: x.Who}, {Text: x.Text, Wide: true}, {Text: x.Hash, Code: true}})
	}
	c.Table = &t
	return c
}

// marks stand before a chip's words on paper, which has no icons.
var marks = map[string]string{"good": "○ ", "danger": "× ", "caution": "△ "}

// onPaper is a section as the printer takes it.
func onPaper(s view.Section) paper.Section {
	out := paper.Section{Title: s.Title, Text: strings.Join(s.Text, "\n"), Code: s.Code}
	for _, f := range s.Facts {
		value := marks[f.Level] + f.Value
		if f.More != "" {
			value += "\n" + f.More
		}
		out.Facts = append(out.Facts, paper.Fact{Name: f.Name, Value: value})
	}
	if s.Table != nil {
		t := listOf(*s.Table)
		out.Table = &t
	}
	return out
}

// listOf is a table of the page as rows of words.
func listOf(t view.Table) paper.Table {
	out := paper.Table{Head: t.Head, Right: t.Right}
	for _, r := range t.Rows {
		var row []string
		for _, c := range r {
			row = append(row, marks[c.Level]+c.Text)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// mostVerbatim bounds a text that is shown line by line.
const mostVerbatim = 20_000

// verbatim is plain for a text of many lines whose indents count.
func verbatim(s string) string {
	var all []string
	for line := range strings.SplitSeq(strings.TrimRight(s, "\n"), "\n") {
		all = append(all, plainTo(strings.ReplaceAll(line, "\t", "    "), mostVerbatim))
	}
	out := strings.Join(all, "\n")
	if r := []rune(out); len(r) > mostVerbatim {
		return string(r[:mostVerbatim]) + "…"
	}
	return out
}

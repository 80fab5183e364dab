package webui

import (
	"context"
	"slices"
	"strings"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/window"
	"monban/webui/view"
)

// mostBad is how many connections that do not fit are named one by one.
const mostBad = 10

// debtAct is who may write what is owed.
var debtAct = map[window.Debt]people.Act{
	window.DebtReport: people.ActReport, window.DebtReview: people.ActReview, window.DebtExcuse: people.ActReview,
}

// after is what is owed after a window, what was written, and where all of it
// stands.
func (v *visit) after(w gateway.Window, a answer) *view.After {
	m := &view.After{}
	for _, d := range w.Owes() {
		what := v.say("page.after." + string(d))
		if !v.who.May(debtAct[d]) {
			m.Others = append(m.Others, v.say("page.after.other", "what", what))
			continue
		}
		r := view.Remark{ID: string(d), Title: what, Action: windowPath(w.ID) + "/" + string(d), Value: a.texts[string(d)],
			Hint: v.say("page.after." + string(d) + "_hint"), Button: v.say("page.after." + string(d) + "_do")}
		if d == window.DebtReview {
			r.Match = v.match(w)
		}
		m.Owed = append(m.Owed, r)
	}
	for _, r := range []struct {
		debt window.Debt
		window.Remark
	}{{window.DebtReport, w.Report}, {window.DebtReview, w.Review}, {window.DebtExcuse, w.Excuse}} {
		if !r.At.IsZero() {
			m.Written = append(m.Written, view.Fact{Name: v.say("page.after." + string(r.debt)), Value: prose(r.Text),
				More: v.named(r.By) + " " + v.when(r.At)})
		}
	}
	if w.State == window.Closed {
		for _, l := range []beside{{"/evidence", "page.after.evidence"}, {"/evidence.pdf", "page.after.pdf"}} {
			if v.maySee("/windows/{id}" + l.path) {
				m.Links = append(m.Links, view.NavLink{URL: windowPath(w.ID) + l.path, Label: v.say(l.code)})
			}
		}
	}
	if len(m.Owed)+len(m.Others)+len(m.Written)+len(m.Links) == 0 {
		return nil
	}
	return m
}

// match holds the sessions against the request, as far as a machine can; the
// reviewer says what it means.
func (v *visit) match(w gateway.Window) *view.Match {
	sheet, err := v.Gateway.WindowSheet(v.r.Context(), v.who, w.ID)
	if err != nil {
		v.Log.Error("sessions not compared", "window", w.ID, "err", err)
		return &view.Match{Note: view.Note{Level: view.Caution, Text: v.say("page.after.match_lost")}}
	}
	bad := slices.DeleteFunc(slices.Clone(sheet.Matches), func(m gateway.Match) bool { return m.Source && m.Target && m.Time })
	switch {
	case len(bad) > 0:
		m := &view.Match{Note: view.Note{Level: view.Caution, Text: v.say("page.after.match_bad", "n", len(bad))}}
		for _, b := range bad[:min(len(bad), mostBad)] {
			m.Bad = append(m.Bad, v.say("page.after.bad", "start", v.when(b.Start), "source", b.Session.Source.String(),
				"target", b.Session.Target.String(), "what", v.unlike(b)))
		}
		return m
	case len(sheet.Matches) == 0:
		return &view.Match{Note: view.Note{Level: view.Info, Text: v.say("page.after.match_none")}}
	}
	return &view.Match{Note: view.Note{Level: view.Good, Text: v.say("page.after.match_ok", "n", len(sheet.Matches))}}
}

// unlike says in what a session differs from the request.
func (v *visit) unlike(m gateway.Match) string {
	var all []string
	for _, x := range []struct {
		ok   bool
		code string
	}{{m.Source, "page.after.bad_source"}, {m.Target, "page.after.bad_target"}, {m.Time, "page.after.bad_time"}} {
		if !x.ok {
			all = append(all, v.say(x.code))
		}
	}
	return strings.Join(all, v.say("page.after.and"))
}

func (v *visit) report() error { return v.remark(window.DebtReport, v.Gateway.ReportWindow) }

func (v *visit) review() error { return v.remark(window.DebtReview, v.Gateway.ReviewWindow) }

func (v *visit) excuse() error { return v.remark(window.DebtExcuse, v.Gateway.ExcuseWindow) }

// remark keeps what somebody wrote about a window.
func (v *visit) remark(d window.Debt, keep func(context.Context, people.Actor, int64, string) (gateway.Window, error)) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	field := string(d)
	said := v.r.PostForm.Get(field)
	if _, err := keep(v.r.Context(), v.who, id, said); err != nil {
		return v.windowAgain(id, onField(err, field), answer{texts: map[string]string{field: said}}, field)
	}
	v.tell(view.Good, "page.after."+field+"_done")
	return v.to(windowPath(id))
}

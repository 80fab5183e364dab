package webui

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/window"
	"monban/webui/view"
)

// perPage is how many windows or lines of the log stand on one page.
const perPage = 50

func windowPath(id int64) string { return fmt.Sprintf("/windows/%d", id) }

// A beside is another page about maintenance.
type beside struct{ path, code string }

var besideWindows = []beside{
	{"/requests", "page.windows.to.requests"}, {"/plans", "page.windows.to.plans"}, {"/windows/month", "page.windows.to.month"},
	{"/attempts", "page.windows.to.attempts"}, {"/vendors", "page.windows.to.vendors"},
	{"/settings/notices", "page.windows.to.notices"}, {"/break-glass", "page.windows.to.break_glass"},
}

func (v *visit) windows() error {
	p, st := v.frameStatus("page.nav.windows")
	p.Strip = nil
	before := v.before()
	all, err := v.Gateway.Windows(v.r.Context(), v.who, int64(before), perPage)
	if err != nil {
		return err
	}
	m := view.Windows{CanAsk: v.who.May(people.ActAskWindow), Newest: before == 0, Every: paceSlow}
	for _, l := range besideWindows {
		if v.maySee(l.path) {
			m.Links = append(m.Links, view.NavLink{URL: l.path, Label: v.say(l.code)})
		}
	}
	for _, w := range st.Open {
		m.Open = append(m.Open, *v.openWindow(w))
	}
	if len(m.Open) > 0 {
		m.Every, p.Reload = paceFast, "30"
	}
	m.CloseAll = len(m.Open) > 1 && v.who.May(people.ActCloseWindow)
	var planned []gateway.Window
	for _, w := range all {
		switch w.State {
		case window.Open:
		case window.Requested:
			m.Waiting = append(m.Waiting, v.row(w))
		case window.Approved, window.Scheduled:
			planned = append(planned, w)
		default:
			m.Past = append(m.Past, v.row(w))
		}
	}
	slices.SortStableFunc(planned, func(a, b gateway.Window) int { return a.NotBefore.Compare(b.NotBefore) })
	for _, w := range planned {
		m.Planned = append(m.Planned, v.row(w))
	}
	if st.Planned > 0 {
		m.PlannedN = v.say("page.windows.planned_n", "n", st.Planned)
	}
	if len(all) == perPage {
		m.Older = "/windows?before=" + strconv.FormatInt(all[len(all)-1].ID, 10)
	}
	return v.show(http.StatusOK, view.WindowsPage(p, m))
}

func (v *visit) window() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	w, err := v.Gateway.WindowByID(v.r.Context(), v.who, id)
	if err != nil {
		return err
	}
	return v.showWindow(http.StatusOK, w, answer{})
}

// An answer is what was typed into one of the forms of a window's page that
// comes back.
type answer struct {
	approve view.Approve
	texts   map[string]string // by the field's id
}

func (v *visit) showWindow(status int, w gateway.Window, a answer) error {
	p, m := v.windowPage(w, a)
	return v.show(status, view.WindowPage(p, m))
}

// windowPage is everything about one window.
func (v *visit) windowPage(w gateway.Window, a answer) (view.Page, view.Window) {
	p, st := v.frameStatus("page.window.title", "n", w.ID)
	if w.State == window.Open && len(st.Open) == 1 {
		p.Strip = nil // this page says it, and more
	}
	m := view.Window{
		Level: level(w), State: v.state(w), Title: v.titleOf(w), Notes: v.meaning(w, st), Facts: v.asked(w),
		HasSessions: w.Mark != 0, Result: v.result(w), After: v.after(w, a), Every: paceIdle,
	}
	switch {
	case w.State == window.Open:
		m.Open, m.Every, p.Reload = v.openWindow(w), paceFast, "20"
	case w.State.Over():
		m.Every = ""
	}
	if !w.State.Over() {
		m.Picture = v.picture(w)
	}
	if w.State == window.Requested {
		m.CallBack = v.say("page.window.call_back", "phone", plain(w.VendorPhone))
	}
	if v.who.May(people.ActApprove) {
		m.Approve, m.Refuse = v.approveForm(w, a), v.refuseForm(w, a)
	}
	for _, s := range w.Sessions {
		m.Sessions = append(m.Sessions, v.session(s))
	}
	return p, m
}

// meaning is what a window's state means for whoever reads the page.
func (v *visit) meaning(w gateway.Window, st gateway.Status) []view.Note {
	note := view.Note{Level: view.Info}
	switch w.State {
	case window.Requested:
		note.Text = v.say("page.window.is.requested", "at", v.when(w.DueAt()))
	case window.Scheduled:
		if w.Waits != nil {
			note.Level, note.Text = view.Caution, v.say("page.window.is.waits", "at", v.when(w.NotBefore), "why", v.reason(w.Waits),
				"until", v.when(w.NotBefore.Add(w.Length)))
			break
		}
		note.Text = v.say("page.window.is.scheduled", "at", v.when(w.NotBefore))
	case window.Lapsed:
		note.Text = v.say("page.window.is.lapsed")
	case window.NotOpened:
		note.Level, note.Text = view.Caution, v.say("page.window.is.not_opened")
	default:
		return nil
	}
	notes := []view.Note{note}
	if !w.NotBefore.IsZero() && !w.State.Over() && !st.ClockSynced && !st.Now.IsZero() {
		notes = append(notes, view.Note{Level: view.Caution, Text: v.say("page.window.no_clock")})
	}
	return notes
}

// asked is the request in names and values.
func (v *visit) asked(w gateway.Window) []view.Fact {
	f := []view.Fact{
		{Name: v.say("page.fact.kind"), Value: v.say("page.kind." + string(kindOf(w)))},
		{Name: v.say("page.fact.vendor"), Value: v.vendorOf(w)},
		{Name: v.say("page.fact.phone"), Value: plain(w.VendorPhone)},
		{Name: v.say("page.fact.requester"), Value: plain(w.Requester)},
		{Name: v.say("page.fact.device"), Value: v.deviceOf(w)},
	}
	switch kindOf(w) {
	case window.Outbound:
		f = append(f, view.Fact{Name: v.say("page.fact.targets"), Value: wayOf(w), Code: true})
	case window.Tool:
		f = append(f, view.Fact{Name: v.say("page.fact.tool"), Value: wayOf(w)})
		if w.ByName {
			f = append(f, view.Fact{Name: v.say("page.fact.cut_by_name"), Level: "caution", Value: v.say("page.picture.by_name")})
		}
	default:
		f = append(f, view.Fact{Name: v.say("page.fact.ports"), Value: wayOf(w), Code: true},
			view.Fact{Name: v.say("page.fact.sources"), Value: strings.Join(list(w.Sources), ", "), Code: true})
		if dial := dialOf(w); dial != "" {
			f = append(f, view.Fact{Name: v.say("page.fact.dial"), Value: dial, Code: true})
		}
	}
	f = append(f, view.Fact{Name: v.say("page.fact.length"), Value: v.span(w.Length)})
	if !w.NotBefore.IsZero() {
		f = append(f, view.Fact{Name: v.say("page.fact.start"), Value: v.when(w.NotBefore),
			More: v.say("page.fact.ends_by", "at", v.when(w.NotBefore.Add(w.Length)))})
	}
	f = append(f, view.Fact{Name: v.say("page.fact.reason"), Value: prose(w.Reason)})
	if w.Plan != 0 {
		f = append(f, view.Fact{Name: v.say("page.fact.plan"), Value: v.say("page.fact.plan_n", "n", w.Plan), URL: "/plans"})
	}
	if w.Request != "" {
		f = append(f, view.Fact{Name: v.say("page.fact.signed"), Value: plain(w.Request), Code: true})
	}
	f = append(f, view.Fact{Name: v.say("page.fact.recorder"), Value: v.named(w.Recorder), More: v.when(w.RequestedAt)})
	if w.Approver.Name != "" {
		code := "page.fact.approver"
		if w.State == window.Refused {
			code = "page.fact.refuser"
		}
		f = append(f, view.Fact{Name: v.say(code), Value: v.named(w.Approver), More: v.when(later(w.ApprovedAt, w.ClosedAt))})
	}
	if w.Answer != "" {
		f = append(f, view.Fact{Name: v.say("page.fact.answer"), Value: prose(w.Answer)})
	}
	if w.Alone {
		f = append(f, view.Fact{Name: v.say("page.fact.alone"), Value: v.say("page.fact.alone_yes")})
	}
	if w.BreakGlass {
		f = append(f, view.Fact{Name: v.say("page.fact.break_glass"), Level: "danger", Value: v.say("page.fact.break_glass_yes")})
	}
	return f
}

// result is what came of a window that was opened.
func (v *visit) result(w gateway.Window) []view.Fact {
	if w.OpenAt.IsZero() {
		return nil
	}
	f := []view.Fact{{Name: v.say("page.fact.opened"), Value: v.when(w.OpenAt)}}
	if !w.Synced {
		f[0].More = v.say("page.unsynced")
	}
	f = append(f, v.extensions(w)...)
	if w.State != window.Closed {
		return append(f, view.Fact{Name: v.say("page.fact.ends"), Value: v.when(w.EndAt)})
	}
	how := view.Fact{Name: v.say("page.fact.how"), Value: v.say("page.how." + string(w.How))}
	if w.How == window.ByHand {
		how.More = v.named(w.Closer)
	}
	f = append(f, view.Fact{Name: v.say("page.fact.closed"), Value: v.when(w.ClosedAt)}, how)
	if w.Unrecorded {
		f = append(f, view.Fact{Name: v.say("page.fact.record"), Level: "caution", Value: v.say("page.fact.unrecorded")})
	}
	return append(f,
		view.Fact{Name: v.say("page.fact.cut"), Value: v.say("page.fact.cut_n", "n", w.Cut)},
		view.Fact{Name: v.say("page.fact.passed"), Value: v.count(w.Passed)},
		view.Fact{Name: v.say("page.fact.dead"), Value: v.count(w.Dead), More: v.say("page.fact.dead_more")},
	)
}

// extensions are the approved lengthenings, one to a line.
func (v *visit) extensions(w gateway.Window) []view.Fact {
	var f []view.Fact
	for _, e := range w.Extensions {
		by := v.say("page.fact.extension_by", "who", v.named(e.By), "at", v.when(e.At))
		if e.Alone {
			by += " " + v.say("page.fact.extension_alone")
		}
		end := w.OpenAt.Add(e.EndBoot - w.OpenBoot)
		f = append(f, view.Fact{Name: v.say("page.fact.extension"), More: by,
			Value: v.say("page.fact.extension_is", "more", v.span(e.More), "end", v.hour(end))})
	}
	return f
}

func (v *visit) count(c window.Count) string {
	return v.say("page.count", "bytes", number(c.Bytes), "packets", number(c.Packets))
}

func (v *visit) session(s window.Session) view.Session {
	out := view.Session{
		Source: s.Source.String(), Target: s.Target.String() + "/" + string(s.Proto), Start: v.when(s.Start),
		End: v.when(s.End), In: number(s.In), Out: number(s.Out), Live: s.End.IsZero(),
	}
	if out.Live {
		out.End = v.say("page.sessions.live")
	}
	return out
}

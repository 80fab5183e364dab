package webui

import (
	"fmt"
	"net/http"
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

func (v *visit) windows() error {
	p, st := v.frameStatus("page.nav.windows")
	p.Strip = nil
	before := v.before()
	all, err := v.Gateway.Windows(v.r.Context(), v.who, int64(before), perPage)
	if err != nil {
		return err
	}
	m := view.Windows{CanAsk: v.who.May(people.ActAskWindow), Newest: before == 0, Every: paceSlow}
	for _, w := range st.Open {
		m.Open = append(m.Open, *v.openWindow(w))
	}
	if len(m.Open) > 0 {
		m.Every, p.Reload = paceFast, "30"
	}
	m.CloseAll = len(m.Open) > 1 && v.who.May(people.ActCloseWindow)
	for _, w := range all {
		switch {
		case w.State == window.Requested:
			m.Waiting = append(m.Waiting, v.row(w))
		case w.State != window.Open:
			m.Past = append(m.Past, v.row(w))
		}
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
	p := v.frame("page.window.title", "n", w.ID)
	p.Strip = nil
	if w.State == window.Open {
		p.Reload = "20"
	}
	return v.show(http.StatusOK, view.WindowPage(p, v.windowModel(w, view.Approve{})))
}

// windowModel is everything about one window. What the approver filled in is
// kept when his form comes back.
func (v *visit) windowModel(w gateway.Window, a view.Approve) view.Window {
	m := view.Window{
		Level: level(w), State: v.state(w), Title: v.titleOf(w), Facts: v.asked(w),
		HasSessions: w.Mark != 0, Result: v.result(w), Every: paceIdle,
	}
	switch {
	case w.State == window.Open:
		m.Open, m.Every = v.openWindow(w), paceFast
	case w.State.Over():
		m.Every = ""
	}
	if !w.State.Over() {
		m.Picture = v.picture(w)
		m.Picture.Addrs = v.addrsOf(w)
	}
	if w.State == window.Requested && v.who.May(people.ActApprove) {
		a.ID, a.Own = strconv.FormatInt(w.ID, 10), w.Recorder.Same(v.who)
		a.ShorterHint = v.say("page.approve.shorter_hint", "length", v.span(w.Length))
		a.CallBack = v.say("page.approve.callback", "vendor", v.vendorOf(w), "phone", plain(w.VendorPhone))
		if v.who.SteppedUpWithin(window.StepUp, v.Now()) {
			a.Fresh = v.say("page.approve.fresh", "at", v.hour(v.who.SteppedUp))
		}
		m.Approve = &a
	}
	for _, s := range w.Sessions {
		m.Sessions = append(m.Sessions, v.session(s))
	}
	return m
}

// row is a window in a list.
func (v *visit) row(w gateway.Window) view.Row {
	r := view.Row{
		URL: windowPath(w.ID), Title: v.titleOf(w), Level: level(w), State: v.state(w),
		What: v.say("page.window.what", "device", v.deviceOf(w), "ports", ports(w), "length", v.span(w.Length)),
		Meta: []string{v.say("page.window.asked_at", "at", v.when(w.RequestedAt)), v.say("page.window.by", "name", plain(w.Requester))},
	}
	if !w.ClosedAt.IsZero() && w.State == window.Closed {
		r.Meta = append(r.Meta, v.say("page.window.closed_at", "at", v.when(w.ClosedAt)),
			v.say("page.window.bytes", "bytes", number(w.Passed.Bytes)))
	}
	return r
}

// openWindow is an open window with its clock and button.
func (v *visit) openWindow(w gateway.Window) *view.OpenWindow {
	return &view.OpenWindow{
		URL: windowPath(w.ID), Title: v.titleOf(w), Clock: v.clock(w.Left),
		What:  v.say("page.window.open_what", "vendor", v.vendorOf(w), "device", v.deviceOf(w), "ports", ports(w)),
		Until: v.say("page.window.until", "at", v.hour(v.Now().Add(w.Left))),
		Close: windowPath(w.ID) + "/close",
	}
}

// asked is the request in names and values.
func (v *visit) asked(w gateway.Window) []view.Fact {
	f := []view.Fact{
		{Name: v.say("page.fact.vendor"), Value: v.vendorOf(w)},
		{Name: v.say("page.fact.phone"), Value: plain(w.VendorPhone)},
		{Name: v.say("page.fact.requester"), Value: plain(w.Requester)},
		{Name: v.say("page.fact.device"), Value: v.deviceOf(w)},
		{Name: v.say("page.fact.ports"), Value: ports(w), Code: true},
		{Name: v.say("page.fact.sources"), Value: strings.Join(list(w.Sources), ", "), Code: true},
		{Name: v.say("page.fact.length"), Value: v.span(w.Length)},
		{Name: v.say("page.fact.reason"), Value: plain(w.Reason)},
		{Name: v.say("page.fact.recorder"), Value: v.named(w.Recorder), More: v.when(w.RequestedAt)},
	}
	if w.Approver.Name != "" {
		code := "page.fact.approver"
		if w.State == window.Refused {
			code = "page.fact.refuser"
		}
		f = append(f, view.Fact{Name: v.say(code), Value: v.named(w.Approver), More: v.when(later(w.ApprovedAt, w.ClosedAt))})
	}
	if w.Answer != "" {
		f = append(f, view.Fact{Name: v.say("page.fact.answer"), Value: plain(w.Answer)})
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

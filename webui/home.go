package webui

import (
	"net/http"
	"slices"
	"strings"

	"monban/gateway"
	"monban/gateway/people"
	"monban/webui/view"
)

// mostTodo is how much anybody reads in the morning.
const mostTodo = 5

func (v *visit) home() error {
	p, st := v.frameStatus("page.nav.home")
	p.Strip = nil
	banners := len(p.Banners) > 0
	if slices.ContainsFunc(st.Notes, func(n gateway.Note) bool { return n.Level != string(view.Info) }) {
		p.Banners = nil // the notes below say it, with more detail
	}
	if len(st.Open) > 0 {
		p.Reload = "30"
	}
	return v.show(http.StatusOK, view.HomePage(p, v.homeModel(st, banners)))
}

// homeModel makes the first page. It says that all is well only when nothing
// speaks against it: a state that was not read is no good state.
func (v *visit) homeModel(st gateway.Status, banner bool) view.Home {
	h := view.Home{Health: v.health(st), Every: paceSlow}
	h.Todo = v.todo(st)
	h.Verdict = view.Good
	n := 0
	for _, t := range h.Todo {
		if t.Level != view.Info {
			n++
		}
		if t.Level == view.Danger {
			h.Verdict = view.Danger
		}
	}
	switch {
	case h.Verdict == view.Danger:
		h.Title = v.say("page.home.danger", "n", n)
	case n > 0:
		h.Verdict, h.Title = view.Caution, v.say("page.home.caution", "n", n)
	case banner:
		h.Verdict, h.Title = view.Caution, v.say("page.home.banner")
	case st.RulesReadAt.IsZero():
		h.Verdict, h.Title = view.Caution, v.say("page.home.unread")
	default:
		h.Title = v.say("page.home.good")
	}
	if more := len(h.Todo) - mostTodo; more > 0 {
		h.Todo, h.More = h.Todo[:mostTodo], v.say("page.home.more", "n", more)
	}
	h.Sub = v.say("page.home.as_of", "at", v.hour(st.Now))
	for _, w := range st.Open {
		h.Every = paceFast
		h.Open = append(h.Open, *v.openWindow(w))
	}
	return h
}

// todo is what waits for somebody: the gateway's own notes, requests to
// answer, and what its status says that no note does; danger first.
func (v *visit) todo(st gateway.Status) []view.Note {
	var notes []view.Note
	told := func(level, link string) bool {
		return slices.ContainsFunc(st.Notes, func(n gateway.Note) bool { return n.Level == level && (link == "" || n.Link == link) })
	}
	if !st.RulesReadAt.IsZero() && !st.RulesOK && !told(string(view.Danger), "") {
		notes = append(notes, view.Note{Level: view.Danger, Text: v.say("page.todo.rules")})
	}
	for _, n := range st.Notes {
		note := view.Note{Level: view.Level(n.Level), Text: v.lang.Say(n.Code, v.shown(n.Args))}
		if strings.HasPrefix(n.Link, "/") && !strings.HasPrefix(n.Link, "//") {
			note.URL, note.LinkText = n.Link, v.say("page.look")
		}
		notes = append(notes, note)
	}
	for _, w := range st.Waiting {
		code := "page.todo.waiting"
		if v.who.May(people.ActApprove) {
			code = "page.todo.answer"
		}
		notes = append(notes, view.Note{Level: view.Caution, URL: windowPath(w.ID), LinkText: v.say("page.look"),
			Text: v.say(code, "n", w.ID, "vendor", v.vendorOf(w), "device", v.deviceOf(w))})
	}
	for _, w := range st.Owed {
		notes = append(notes, view.Note{Level: view.Caution, URL: windowPath(w.ID) + "#owed-h", LinkText: v.say("page.todo.write"),
			Text: v.say("page.after.owed", "title", v.titleOf(w), "what", v.owed(w))})
	}
	if st.Unnamed > 0 && !told(string(view.Info), "/devices") && !told(string(view.Caution), "/devices") {
		notes = append(notes, view.Note{Level: view.Caution, URL: "/devices", LinkText: v.say("page.todo.name"),
			Text: v.say("page.todo.unnamed", "n", st.Unnamed)})
	}
	var sorted []view.Note
	for _, level := range []view.Level{view.Danger, view.Caution, view.Info} {
		for _, n := range notes {
			if n.Level == level || level == view.Info && n.Level != view.Danger && n.Level != view.Caution {
				sorted = append(sorted, n)
			}
		}
	}
	return sorted
}

func (v *visit) health(st gateway.Status) []view.Fact {
	rules := view.Fact{Name: v.say("page.health.rules"), Level: "good", Value: v.say("page.health.rules_ok"),
		More: v.say("page.health.read_at", "at", v.hour(st.RulesReadAt))}
	switch {
	case st.RulesReadAt.IsZero():
		rules.Level, rules.Value, rules.More = "none", v.say("page.health.unread"), ""
	case !st.RulesOK:
		rules.Level, rules.Value = "danger", v.say("page.health.rules_bad")
	}
	clock := view.Fact{Name: v.say("page.health.clock"), Level: "good", Value: v.say("page.health.clock_ok")}
	if !st.ClockSynced {
		clock.Level, clock.Value = "caution", v.say("page.health.clock_bad")
	}
	clock.More = v.when(st.Now)
	dns := view.Fact{Name: v.say("page.health.dns"), Level: "good", Value: v.say("page.health.dns_ok"),
		More: v.say("page.health.dns_more", "names", number(st.DNS.Names), "queries", number(st.DNS.Queries), "refused", number(st.DNS.Refused))}
	if !st.DNS.UpstreamOK {
		dns.Level, dns.Value = "caution", v.say("page.health.dns_bad")
	}
	return []view.Fact{
		rules, clock, dns, v.firmwareHealth(st),
		{Name: v.say("page.health.planned"), URL: "/windows", Value: v.say("page.health.planned_n", "n", st.Planned)},
		{Name: v.say("page.health.devices"), URL: "/devices", Value: v.say("page.health.devices_n", "n", st.Devices, "new", st.Unnamed)},
		{Name: v.say("page.health.proof"), Value: v.when(st.LastProof)},
		{Name: v.say("page.health.audit"), URL: "/audit", Value: v.say("page.health.audit_n", "n", number(st.AuditCount))},
	}
}

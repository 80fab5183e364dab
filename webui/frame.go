package webui

import (
	"net/url"
	"strings"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

// How often open pages ask for what changes on them, in seconds.
const (
	paceFast = "1"  // something is open, or devices may appear
	paceSlow = "5"  // the first page
	paceIdle = "10" // the strip on every other page
)

// frame returns what every page has around its content. A status that cannot
// be read is said, and keeps no page from being shown.
func (v *visit) frame(title string, kv ...any) view.Page {
	p, _ := v.frameStatus(title, kv...)
	return p
}

// frameStatus also returns the status it was made from.
func (v *visit) frameStatus(title string, kv ...any) (view.Page, gateway.Status) {
	other := text.EN
	if v.lang == text.EN {
		other = text.JA
	}
	q := v.r.URL.Query()
	q.Set("lang", string(other))
	p := view.Page{
		Title: v.say(title, kv...), Lang: string(v.lang), Say: v.say,
		Styles: []string{v.assets.Path("tokens.css"), v.assets.Path("monban.css")},
		Script: v.assets.Path("monban.js"), Icon: v.assets.Path("icon.svg"),
		OtherLang: string(other), OtherLangURL: (&url.URL{Path: v.formPath(), RawQuery: q.Encode()}).String(),
	}
	if v.who.Name == "" {
		p.Narrow = true
		return p, gateway.Status{}
	}
	p.Flash, p.Who, p.Watch = v.told(), v.named(v.who), paceIdle
	st, err := v.Gateway.Status(v.r.Context())
	if err != nil {
		v.Log.Error("status not read", "err", err)
		p.Banners = append(p.Banners, view.Note{Level: view.Danger, Text: v.say("page.no_status")})
		p.Nav = v.nav(gateway.Status{})
		return p, gateway.Status{Now: v.Now(), Mode: gateway.Guarding}
	}
	p.Clinic, p.Version = plain(st.Clinic), st.Version
	p.Banners = append(p.Banners, v.banners(st)...)
	p.Nav, p.Strip = v.nav(st), v.strip(st)
	return p, st
}

// formPath is the path a GET of this page has: acts on a thing below its page
// come back to the page.
func (v *visit) formPath() string {
	path := v.r.URL.Path
	if v.r.Method == "GET" || v.r.Method == "HEAD" {
		return path
	}
	switch {
	case strings.HasPrefix(path, "/devices/"):
		return "/devices"
	case strings.HasSuffix(path, "/approve"), strings.HasSuffix(path, "/refuse"), strings.HasSuffix(path, "/close"):
		return path[:strings.LastIndexByte(path, '/')]
	case strings.HasPrefix(path, "/setup"), strings.HasPrefix(path, "/join"), path == "/signin", path == "/windows/new", path == "/people":
		return path
	}
	return "/"
}

func (v *visit) nav(st gateway.Status) []view.NavLink {
	links := []view.NavLink{
		{URL: "/", Label: v.say("page.nav.home")},
		{URL: "/windows", Label: v.say("page.nav.windows")},
		{URL: "/devices", Label: v.say("page.nav.devices")},
		{URL: "/checklist", Label: v.say("page.nav.checklist")},
		{URL: "/audit", Label: v.say("page.nav.audit")},
	}
	if n := len(st.Waiting); n > 0 {
		links[1].Count, links[1].CountSaid = number(n), v.say("page.nav.waiting", "n", n)
	}
	if st.Unnamed > 0 {
		links[2].Count, links[2].CountSaid = number(st.Unnamed), v.say("page.nav.unnamed", "n", st.Unnamed)
	}
	if v.staffing != nil && v.who.May(people.ActManagePeople) {
		links = append(links, view.NavLink{URL: "/people", Label: v.say("page.nav.people")})
	}
	for i := range links {
		here := v.r.URL.Path
		links[i].Here = here == links[i].URL || links[i].URL != "/" && strings.HasPrefix(here, links[i].URL+"/")
	}
	return links
}

// banners say that the box as a whole is not as it should be.
func (v *visit) banners(st gateway.Status) []view.Note {
	var all []view.Note
	switch st.Mode {
	case gateway.SetUp:
		all = append(all, view.Note{Level: view.Caution, Text: v.say("page.mode.setup")})
	case gateway.Kept:
		all = append(all, view.Note{Level: view.Danger, Text: v.say("page.mode.kept")})
	}
	if here := v.r.URL.Path; !st.ClockSynced && (here == "/" || here == "/audit") {
		all = append(all, view.Note{Level: view.Caution, Text: v.say("page.mode.clock")})
	}
	return all
}

// strip is what is open, for every page that does not say so anyway.
func (v *visit) strip(st gateway.Status) *view.Strip {
	if len(st.Open) == 0 || !v.who.May(people.ActCloseWindow) {
		return nil
	}
	first := st.Open[0]
	for _, w := range st.Open[1:] {
		if w.Left < first.Left {
			first = w
		}
	}
	if len(st.Open) == 1 {
		return &view.Strip{
			Text: v.say("page.strip.one", "vendor", v.vendorOf(first), "device", v.deviceOf(first)),
			URL:  windowPath(first.ID), Rest: v.say("page.left"), Clock: v.clock(first.Left),
			Close: windowPath(first.ID) + "/close", Button: v.say("page.close_now"),
		}
	}
	return &view.Strip{
		Text: v.say("page.strip.many", "n", len(st.Open)), URL: "/windows", Rest: v.say("page.strip.next"), Clock: v.clock(first.Left),
		Close: "/windows/close-all", Button: v.say("page.windows.close_all"),
	}
}

// named is a person with what he is.
func (v *visit) named(a people.Actor) string {
	return plain(a.Name) + v.say("page.role_in", "role", v.role(a.Role))
}

func (v *visit) role(r people.Role) string { return v.say("page.role." + string(r)) }

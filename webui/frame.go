package webui

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

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
		Styles: []string{v.assets.Path("tokens.css"), v.assets.Path("monban.css"), v.assets.Path("more.css"), v.assets.Path("names.css")},
		Script: v.assets.Path("monban.js"), Icon: v.assets.Path("icon.svg"),
		OtherLang: string(other), OtherLangURL: (&url.URL{Path: v.formPath(), RawQuery: q.Encode()}).String(),
	}
	if v.who.Name == "" {
		p.Narrow = true
		return p, gateway.Status{}
	}
	p.Flash, p.Who, p.Watch, p.Here = v.told(), v.named(v.who), paceIdle, v.here()
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
	p.Pause = v.pauseStrip(st)
	p.News = v.say("page.strip.none")
	if p.Strip != nil {
		p.Lamp, p.News = v.say("page.lamp"), p.Strip.Text+" "+p.Strip.Warn
		if v.who.May(people.ActCloseWindow) {
			p.StopURL = stopPath
		}
	}
	if p.Pause != nil {
		p.News += " " + p.Pause.Text
	}
	return p, st
}

// framePath is a page of everybody's that is hardly more than its frame.
const framePath = "/alive"

// here is what the script asks for to keep this page fresh.
func (v *visit) here() string {
	path := v.formPath()
	if path == "/" && v.r.URL.Path != "/" { // an act without a page of its own
		path = framePath
	}
	return (&url.URL{Path: path, RawQuery: v.r.URL.RawQuery}).String()
}

// formPath is the path a GET of this page has: an act on a thing below its
// page comes back to the page.
func (v *visit) formPath() string {
	path := v.r.URL.Path
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return path
	}
	_, pattern, _ := strings.Cut(v.r.Pattern, " ")
	for strings.Count(pattern, "/") == strings.Count(path, "/") && len(pattern) > 1 {
		if _, ok := v.getAct(pattern); ok {
			return path
		}
		pattern, path = pattern[:strings.LastIndexByte(pattern, '/')], path[:strings.LastIndexByte(path, '/')]
	}
	return "/"
}

// getAct is the act that showing the page of this pattern needs, if there is
// such a page.
func (s *site) getAct(pattern string) (people.Act, bool) {
	for _, r := range s.routes() {
		if r.method == http.MethodGet && r.path == pattern {
			return r.act, true
		}
	}
	return "", false
}

// maySee reports whether there is a page of this pattern for this visitor.
func (v *visit) maySee(pattern string) bool {
	act, ok := v.getAct(pattern)
	return ok && v.who.May(act)
}

func (v *visit) nav(st gateway.Status) []view.NavLink {
	links := []view.NavLink{
		{URL: "/", Label: v.say("page.nav.home")},
		{URL: "/windows", Label: v.say("page.nav.windows")},
		{URL: "/devices", Label: v.say("page.nav.devices")},
		{URL: "/checklist", Label: v.say("page.nav.checklist")},
		{URL: "/audit", Label: v.say("page.nav.audit")},
	}
	if v.who.May(people.ActExplain) {
		links = append(links, view.NavLink{URL: "/names/why", Label: v.say("page.nav.names")})
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
	if v.who.May(people.ActSiteFile) {
		links = append(links, view.NavLink{URL: sitePath, Label: v.say("page.nav.site")})
	}
	for i := range links {
		links[i].Here = v.under(links[i].URL)
	}
	for i := range links {
		links[i].Here = links[i].Here || links[i].URL == whyPath && (v.under("/names") || v.under(listsPath))
	}
	links[1].Here = links[1].Here || slices.ContainsFunc(besideWindows, func(l beside) bool { return v.under(l.path) })
	return links
}

// under reports whether this page is the one at path or below it.
func (v *visit) under(path string) bool {
	here := v.r.URL.Path
	return here == path || path != "/" && strings.HasPrefix(here, path+"/")
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

// strip is what is open, for every page that does not say so anyway. Whoever
// may not close it sees it too.
func (v *visit) strip(st gateway.Status) *view.Strip {
	if len(st.Open) == 0 {
		return nil
	}
	first := slices.MinFunc(st.Open, func(a, b gateway.Window) int { return cmp.Compare(a.Left, b.Left) })
	s := &view.Strip{Clock: v.clock(first.Left), Warn: v.warning(first)}
	if len(st.Open) == 1 {
		o := v.openWindow(first)
		s.Text, s.URL, s.Rest, s.Close, s.Button = v.stripText(first), o.URL, v.say("page.left"), o.Close, o.Button
		return s
	}
	s.Text, s.URL, s.Rest = v.say("page.strip.many", "n", len(st.Open)), "/windows", v.say("page.strip.next")
	if v.who.May(people.ActCloseWindow) {
		s.Close, s.Button = stopPath, v.say("page.windows.close_all")
	}
	return s
}

// How much time is little, in minutes; said at the first that holds.
var warnings = []time.Duration{5, 10}

// warning is what everybody is told when an open window is about to end. It
// changes twice, and not with each second.
func (v *visit) warning(w gateway.Window) string {
	for _, n := range warnings {
		if w.Left > 0 && w.Left <= n*time.Minute {
			return v.say("page.window.warn", "n", int(n))
		}
	}
	return ""
}

// named is a person with what he is.
func (v *visit) named(a people.Actor) string {
	role := v.role(a.Role)
	if a.Deputy && a.Role == people.Staff {
		role = v.say("page.role.deputy")
	}
	return plain(a.Name) + v.say("page.role_in", "role", role)
}

func (v *visit) role(r people.Role) string { return v.say("page.role." + string(r)) }

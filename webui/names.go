package webui

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

// nameRoutes are the pages about names: who asked for what, why a site cannot
// be seen, what is allowed, the pause, the statistics.
func nameRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, "/names", people.ActNames, (*visit).nameLog},
		{post, "/names/csv", people.ActNames, (*visit).nameFile},
		{get, "/names/statistics", people.ActNames, (*visit).nameStats},
		{get, whyPath, people.ActExplain, (*visit).why},
		{post, "/names/why/wish", people.ActExplain, (*visit).wish},
		{post, "/names/why/allow", people.ActAllowName, (*visit).allow},
		{post, "/names/allows/{id}/allow", people.ActAllowName, (*visit).grant},
		{post, "/names/allows/{id}/end", people.ActAllowName, (*visit).endAllow},
		{post, "/names/pause", people.ActAllowName, (*visit).pauseNames},
		{post, "/names/resume", people.ActAllowName, (*visit).resumeNames},
	}
}

const whyPath = "/names/why"

// ever is a form's word for a length without end.
const ever = "ever"

func (v *visit) nameTabs(here string) []view.NavLink {
	var tabs []view.NavLink
	for _, t := range []struct{ url, label string }{
		{whyPath, "page.why.title"}, {groupsPath, "page.groups.title"}, {"/names", "page.names.title"}, {"/names/statistics", "page.stats.title"}, {aroundPath, "page.evasion.title"}, {listsPath, "page.lists.title"},
	} {
		if v.maySee(t.url) {
			tabs = append(tabs, view.NavLink{URL: t.url, Label: v.say(t.label), Here: t.url == here})
		}
	}
	return tabs
}

// pauseStrip is the filter's pause, for every page.
func (v *visit) pauseStrip(st gateway.Status) *view.Strip {
	if st.DNS.Paused <= 0 && len(st.DNS.Pauses) == 0 {
		return nil
	}
	s := &view.Strip{Text: v.say("page.pause.text"), Rest: v.say("page.pause.rest"), Clock: v.clock(st.DNS.Paused)}
	if st.DNS.Paused <= 0 {
		s.Text, s.Rest, s.Clock = v.say("page.pause.text_some", "whose", v.pausedWhose(st.DNS.Pauses)), v.say("page.pause.rest_some"), v.clock(st.DNS.Pauses[0].Left)
	}
	if v.who.May(people.ActExplain) {
		s.URL = groupsPath
	}
	if v.who.May(people.ActAllowName) {
		s.Close, s.Button = "/names/resume", v.say("page.pause.resume")
	}
	return s
}

// why says why a site cannot be seen. It is a form that is sent by GET, so
// that an answer can be linked to, and changes nothing.
func (v *visit) why() error {
	q := v.r.URL.Query()
	return v.whyPage(nil, q.Get("name"), q.Get("device"), nil)
}

// whyPage draws the page; a fault is one of its forms that came back, or that
// the name cannot be looked up.
func (v *visit) whyPage(fault error, name, device string, fields []string) error {
	m := view.NameWhy{Tabs: v.nameTabs(whyPath), Name: plainTo(name, 2000)}
	p, st := v.frameStatus("page.why.title")
	devices, err := v.Gateway.Devices(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	sortDevices(devices)
	m.Devices = append(m.Devices, view.Choice{Label: v.say("page.why.this_pc")})
	for _, d := range devices {
		m.Devices = append(m.Devices, view.Choice{Value: d.MAC, Label: v.deviceTitle(d), Chosen: d.MAC == device})
	}
	if name != "" {
		found, err := v.Gateway.WhyName(v.r.Context(), v.who, name, device, v.source())
		switch {
		case err == nil:
			m.Found = v.nameFound(found)
		case fault == nil:
			fault = onField(err, "name")
		}
	}
	all, err := v.Gateway.Allows(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	for _, a := range all {
		m.Allows = append(m.Allows, v.nameAllow(a))
	}
	if v.who.May(people.ActAllowName) {
		m.Pause = &view.NamePause{Paused: st.DNS.Paused > 0, Clock: v.clock(st.DNS.Paused)}
		for _, d := range []time.Duration{5 * time.Minute, 30 * time.Minute} {
			m.Pause.Lengths = append(m.Pause.Lengths, view.Choice{Value: d.String(), Label: v.say("page.pause.length", "length", v.span(d))})
		}
	}
	draw := func(p view.Page) templ.Component { return view.NameWhyPage(p, m) }
	if fault != nil {
		return v.again(fault, p, draw, append([]string{"name", "device"}, fields...)...)
	}
	return v.show(http.StatusOK, draw(p))
}

// nameFound puts an explanation into words, with what can be done about it.
func (v *visit) nameFound(w gateway.NameWhy) *view.NameFound {
	refused := w.Action == "refuse"
	f := v.r.PostForm
	m := &view.NameFound{Name: plainTo(w.Name, 253), Level: view.Good, Verdict: v.say("page.why.answered"), Key: w.Device, Because: prose(f.Get("reason")), Fresh: v.fresh(),
		Reason: v.nameReason(w.Reason, w.List, w.Line, w.Tool)}
	device := view.Fact{Name: v.say("page.why.for"), Value: plain(w.DeviceName)}
	if w.DeviceName == "" {
		device.Value = v.say("page.why.any")
	}
	m.Facts = append(m.Facts, device)
	for _, x := range []struct{ code, value string }{{"page.why.list", v.listTitle(w.List)}, {"page.why.line", lineOf(w.Line)}, {"page.why.group", gateway.GroupTitle(v.lang, w.Group, w.GroupLabel)}, {"page.why.hours", w.Hours.In(v.lang)},
		{"page.why.entrance", w.Host}, {"page.why.alias", w.Via}, {"page.why.tool", w.Tool}} {
		if x.value != "" {
			m.Facts = append(m.Facts, view.Fact{Name: v.say(x.code), Value: plain(x.value)})
		}
	}
	if !w.Since.IsZero() {
		m.Facts = append(m.Facts, view.Fact{Name: v.say("page.why.since"), Value: v.when(w.Since)})
	}
	switch {
	case refused:
		m.Level, m.Verdict = view.Caution, v.say("page.why.refused")
	case w.Paused > 0:
		m.Level, m.Verdict = view.Caution, v.say("page.why.paused")
	default:
		m.Reason += " " + v.say("page.why.not_us")
	}
	if !w.ForPeople() {
		return m
	}
	m.Allow, m.Wish = v.who.May(people.ActAllowName), v.who.May(people.ActExplain)
	if w.Device != "" {
		m.Scopes = []view.Choice{
			{Value: "one", Label: v.say("page.allow.one", "device", plain(w.DeviceName)), Chosen: f.Get("scope") != "all"},
			{Value: "all", Label: v.say("page.allow.all"), Chosen: f.Get("scope") == "all"}}
	}
	m.Lengths = []view.Choice{
		{Value: time.Hour.String(), Label: v.say("page.allow.hour"), Chosen: f.Get("length") != ever},
		{Value: ever, Label: v.say("page.allow.ever"), Chosen: f.Get("length") == ever}}
	return m
}

func lineOf(n int) string {
	if n == 0 {
		return ""
	}
	return number(n)
}

// nameReason is why a name is answered as it is, in words.
func (v *visit) nameReason(reason, list string, line int, tool string) string {
	if reason == "" {
		return ""
	}
	return prose(v.say(reason, "list", v.listTitle(list), "line", number(line), "tool", plain(tool)))
}

func (v *visit) nameAllow(a gateway.NameAllow) view.NameAllow {
	m := view.NameAllow{ID: strconv.FormatInt(a.ID, 10), Name: plainTo(a.Name, 253), Whose: v.say("page.allow.all"), Wish: a.At.IsZero(),
		State: v.say("page.allows.ever"), CanAnswer: v.who.May(people.ActAllowName), Fresh: v.fresh()}
	if a.Device != "" {
		m.Whose = v.say("page.allow.one", "device", plain(a.DeviceName))
	}
	if a.Reason != "" {
		m.Meta = append(m.Meta, prose(a.Reason))
	}
	switch {
	case m.Wish:
		m.State = v.say("page.allows.waits")
		m.Meta = append(m.Meta, v.say("page.allows.asked", "name", v.named(a.AskedBy), "at", v.when(a.Asked)))
		return m
	case !a.Until.IsZero():
		clock := v.clock(a.Left)
		m.State, m.Clock = v.say("page.allows.timed"), &clock
		m.Meta = append(m.Meta, v.say("page.allows.until", "at", v.hour(v.Now().Add(a.Left))))
	}
	if !a.AskedBy.Same(a.By) {
		m.Meta = append(m.Meta, v.say("page.allows.asked", "name", v.named(a.AskedBy), "at", v.when(a.Asked)))
	}
	m.Meta = append(m.Meta, v.say("page.allows.by", "name", v.named(a.By), "at", v.when(a.At)))
	return m
}

// typedAllow is what a form wants to be let through.
func (v *visit) typedAllow() gateway.AllowAsk {
	f := v.r.PostForm
	ask := gateway.AllowAsk{Name: f.Get("name"), Reason: f.Get("reason")}
	if f.Get("scope") == "one" {
		ask.Device = f.Get("device")
	}
	return ask
}

// typedLength is how long; what no form sends is no length.
func (v *visit) typedLength() (time.Duration, error) {
	s := v.r.PostForm.Get("length")
	if s == ever {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, text.NewFault("dns.allow_length").On("length")
	}
	return d, nil
}

func (v *visit) wish() error {
	ask := v.typedAllow()
	a, err := v.Gateway.WishName(v.r.Context(), v.who, ask)
	if err != nil {
		return v.whyPage(err, ask.Name, v.r.PostForm.Get("device"), []string{"reason"})
	}
	v.tell(view.Good, "page.wish.done", "name", plainTo(a.Name, 253))
	return v.to(whyPath)
}

func (v *visit) allow() error {
	ask := v.typedAllow()
	var err error
	if ask.Length, err = v.typedLength(); err == nil {
		var who people.Actor
		if who, err = v.second(); err == nil {
			var a gateway.NameAllow
			if a, err = v.Gateway.AllowName(v.r.Context(), who, 0, ask); err == nil {
				v.tell(view.Good, "page.allow.done", "name", plainTo(a.Name, 253))
				return v.to(whyPath)
			}
		}
	}
	return v.whyPage(err, ask.Name, v.r.PostForm.Get("device"), []string{"scope", "length", "reason", "totp"})
}

// grant answers a wish.
func (v *visit) grant() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	field := "totp-" + strconv.FormatInt(id, 10)
	length, err := v.typedLength()
	if err == nil {
		var who people.Actor
		if who, err = v.secondIn(field); err == nil {
			var a gateway.NameAllow
			if a, err = v.Gateway.AllowName(v.r.Context(), who, id, gateway.AllowAsk{Length: length}); err == nil {
				v.tell(view.Good, "page.allow.done", "name", plainTo(a.Name, 253))
				return v.to(whyPath)
			}
		}
	}
	return v.whyPage(allOn(err, field, "totp", "code"), "", "", []string{field})
}

func (v *visit) endAllow() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := v.Gateway.EndAllow(v.r.Context(), v.who, id); err != nil {
		return err
	}
	v.tell(view.Good, "page.allow.ended")
	return v.to(whyPath)
}

func (v *visit) pauseNames() error {
	d, err := time.ParseDuration(v.r.PostForm.Get("length"))
	if err != nil {
		return text.NewFault("dns.pause_length")
	}
	if err := v.Gateway.PauseNames(v.r.Context(), v.who, gateway.PauseAsk{Length: d}); err != nil {
		return err
	}
	v.tell(view.Caution, "page.pause.done")
	return v.to(whyPath)
}

func (v *visit) resumeNames() error {
	if err := v.Gateway.ResumeNames(v.r.Context(), v.who, gateway.PauseAsk{}); err != nil {
		return err
	}
	v.tell(view.Good, "page.pause.ended")
	return v.to(whyPath)
}

// whyURL leads to why a name is answered as it is, for a device of the ledger.
func (v *visit) whyURL(name, device string) string {
	q := url.Values{"name": {name}}
	if _, err := netip.ParseAddr(device); err != nil && device != "" {
		q.Set("device", device)
	}
	return whyPath + "?" + q.Encode()
}

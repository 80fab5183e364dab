package webui

import (
	"net/http"
	"strings"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

const groupsPath = "/names/groups"

// groupRoutes are the page about groups of devices, and the pauses.
func groupRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, groupsPath, people.ActExplain, (*visit).groups},
		{post, groupsPath + "/pause", people.ActAllowName, (*visit).pauseSome},
		{post, groupsPath + "/resume", people.ActAllowName, (*visit).resumeSome},
	}
}

// groups shows what holds for which device right now, and why.
func (v *visit) groups() error {
	all, err := v.Gateway.NameGroups(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	m := view.NameGroups{Tabs: v.nameTabs(groupsPath)}
	if !all.Synced {
		m.Notes = append(m.Notes, view.Note{Level: view.Caution, Text: v.say("page.groups.unsynced")})
	}
	if v.who.May(people.ActAllowName) {
		m.All = v.groupPause(gateway.PauseAsk{}, all.Paused, v.say("page.allow.all"))
	}
	for _, g := range all.Groups {
		m.Groups = append(m.Groups, v.groupCard(g, all.Paused))
	}
	for _, d := range all.Exempt {
		m.Exempt = append(m.Exempt, plain(d.DeviceName))
	}
	return v.show(http.StatusOK, view.NameGroupsPage(v.frame("page.groups.title"), m))
}

// groupCard is one group; all is what remains of a pause for all.
func (v *visit) groupCard(g gateway.NameGroup, all time.Duration) view.NameGroup {
	title := plain(gateway.GroupTitle(v.lang, g.Name, g.Label))
	c := view.NameGroup{ID: g.Name, Title: title}
	if g.Name == "default" {
		c.Lead = v.say("page.groups.default_lead")
	}
	if left := max(g.Paused, all); left > 0 {
		clock := v.clock(left)
		c.Paused = &clock
	}
	lists := v.say("page.groups.no_list")
	if len(g.Lists) > 0 {
		lists = plain(strings.Join(g.Lists, v.say("page.comma")))
	}
	c.Facts = []view.Fact{
		{Name: v.say("page.groups.lists"), Value: lists},
		{Name: v.say("page.groups.safe"), Value: v.say("page.groups.safe." + safeWord(g.Safe))},
	}
	for _, h := range g.Hours {
		row := view.NameHours{When: h.In(v.lang), Lists: plain(strings.Join(h.Lists, v.say("page.comma"))), Level: "info", State: v.say("page.groups.later")}
		if h.Now {
			row.Level, row.State = "good", v.say("page.groups.now")
		}
		c.Hours = append(c.Hours, row)
	}
	if !g.Next.IsZero() {
		c.Next = v.say("page.groups.next", "at", v.turn(g.Next))
	}
	may := v.who.May(people.ActAllowName) && all <= 0 // a pause for all ends below
	if may {
		c.Pause = v.groupPause(gateway.PauseAsk{Group: g.Name}, g.Paused, title)
	}
	for _, d := range g.Devices {
		row := view.NameMember{Name: plain(d.DeviceName)}
		if !d.Known {
			row.State = v.say("page.groups.unseen")
		}
		if d.Paused > 0 {
			clock := v.clock(d.Paused)
			row.Paused = &clock
		}
		if may && d.Known {
			row.Pause = v.groupPause(gateway.PauseAsk{Device: d.Device}, d.Paused, row.Name)
		}
		c.Devices = append(c.Devices, row)
	}
	return c
}

// turn is when a schedule begins or ends, which is at a whole minute.
func (v *visit) turn(t time.Time) string {
	at := v.hour(t)
	if strings.Count(at, ":") > 1 {
		at = at[:len(at)-len(":00")]
	}
	return at
}

// safeWord keeps what no catalogue knows from being looked up in one.
func safeWord(s string) string {
	switch s {
	case "moderate", "strict":
		return s
	}
	return "off"
}

func (v *visit) groupPause(of gateway.PauseAsk, left time.Duration, whose string) *view.GroupPause {
	p := &view.GroupPause{Group: of.Group, Device: of.Device, Whose: whose, Paused: left > 0, Clock: v.clock(left)}
	for _, d := range []time.Duration{5 * time.Minute, 30 * time.Minute} {
		p.Lengths = append(p.Lengths, view.Choice{Value: d.String(), Label: v.say("page.pause.length", "length", v.span(d))})
	}
	return p
}

func (v *visit) typedPause() gateway.PauseAsk {
	f := v.r.PostForm
	return gateway.PauseAsk{Group: f.Get("group"), Device: f.Get("device")}
}

func (v *visit) pauseSome() error {
	ask := v.typedPause()
	var err error
	if ask.Length, err = time.ParseDuration(v.r.PostForm.Get("length")); err != nil {
		return text.NewFault("dns.pause_length")
	}
	if err := v.Gateway.PauseNames(v.r.Context(), v.who, ask); err != nil {
		return err
	}
	v.tell(view.Caution, "page.pause.done")
	return v.to(groupsPath)
}

func (v *visit) resumeSome() error {
	if err := v.Gateway.ResumeNames(v.r.Context(), v.who, v.typedPause()); err != nil {
		return err
	}
	v.tell(view.Good, "page.pause.ended")
	return v.to(groupsPath)
}

// pausedWhose names the groups and devices for which the filter is paused.
func (v *visit) pausedWhose(all []gateway.NamePause) string {
	var whose []string
	for _, p := range all {
		name := p.DeviceName
		if p.Group != "" {
			name = gateway.GroupTitle(v.lang, p.Group, p.GroupLabel)
		}
		whose = append(whose, plain(name))
	}
	const most = 4
	if n := len(whose); n > most {
		whose = append(whose[:most], v.say("page.pause.more", "n", n-most))
	}
	return strings.Join(whose, v.say("page.comma"))
}

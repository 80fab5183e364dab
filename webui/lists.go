package webui

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/webui/view"
)

// listRoutes are the page about the lists of names that are refused.
func listRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, listsPath, people.ActRead, (*visit).nameLists},
		{post, "/lists/check", people.ActAllowName, (*visit).checkLists},
		{post, "/lists/held/{name}", people.ActLists, (*visit).answerHeld},
		{post, "/lists/denies", people.ActAllowName, (*visit).deny},
		{post, "/lists/denies/{id}/end", people.ActAllowName, (*visit).endDeny},
	}
}

const listsPath = "/lists"

func (v *visit) nameLists() error { return v.listsPage(nil, view.DenyForm{}, nil) }

// listsPage draws the page; a fault is one of its forms that came back.
func (v *visit) listsPage(fault error, typed view.DenyForm, fields []string) error {
	all, err := v.Gateway.NameLists(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	m := view.NameLists{Tabs: v.nameTabs(listsPath)}
	denies, err := v.Gateway.Denies(v.r.Context(), v.who)
	var why *text.Fault
	switch {
	case errors.As(err, &why):
		m.Unread = &view.Note{Level: view.Caution, Text: v.say("page.denies.unread", "why", v.lang.Say(why.Code, v.shown(why.Args)))}
	case err != nil:
		return err
	}
	for _, l := range all {
		m.Lists = append(m.Lists, v.nameList(l))
		m.Check = m.Check || l.URL != "" && v.who.May(people.ActAllowName)
	}
	for _, d := range denies {
		m.Denies = append(m.Denies, v.nameDeny(d))
	}
	if v.who.May(people.ActAllowName) {
		m.Deny = &view.DenyForm{Name: plainTo(typed.Name, 2000), Reason: prose(typed.Reason)}
	}
	p := v.frame("page.lists.title")
	if slices.ContainsFunc(all, func(l gateway.ListView) bool { return l.Busy }) {
		p.Reload = "10"
	}
	draw := func(p view.Page) templ.Component { return view.NameListsPage(p, m) }
	if fault != nil {
		return v.again(fault, p, draw, fields...)
	}
	return v.show(http.StatusOK, draw(p))
}

// listLevels are the signs of a list's states.
var listLevels = map[string]string{
	gateway.ListInUse: "good", gateway.ListCounted: "info", gateway.ListOld: "caution", gateway.ListHeld: "caution", gateway.ListWaiting: "info", gateway.ListMissing: "danger",
}

func (v *visit) nameList(l gateway.ListView) view.NameList {
	m := view.NameList{Name: v.listTitle(l.Name), Key: plainTo(l.Name, 64), Level: listLevels[l.State], State: v.say("page.lists." + l.State)}
	if l.Busy {
		m.Notes = append(m.Notes, view.Note{Level: view.Info, Text: v.say("page.lists.busy")})
	}
	if l.Error != nil {
		m.Notes = append(m.Notes, view.Note{Level: view.Caution, Text: v.lang.Say(l.Error.Code, v.shown(l.Error.Args))})
	}
	m.Facts = v.listFacts(l)
	if h := l.Held; h != nil {
		m.Held = &view.HeldNames{Sum: plain(h.Sum), Answer: v.who.May(people.ActLists), Fresh: v.fresh(),
			Why: []string{v.say("page.lists.held_at", "at", v.when(h.At)), v.say("page.lists.held_names", "before", number(h.Before), "after", number(h.After))}}
		if h.Shrunk {
			m.Held.Why = append(m.Held.Why, v.say("page.lists.held_shrunk"))
		}
		if len(h.Refused) > 0 {
			m.Held.Why = append(m.Held.Why, v.say("page.lists.held_refuses", "n", number(len(h.Refused))))
			m.Held.Table = view.Table{Right: []bool{1: true, 2: false}, Head: []string{v.say("page.names.name"), v.say("page.lists.line"), v.say("page.lists.needed_by")}}
			for _, r := range h.Refused {
				m.Held.Table.Rows = append(m.Held.Table.Rows, []view.Cell{{Text: plainTo(r.Name, 253), Code: true}, {Text: number(r.Line)}, {Text: plain(r.Why), Wide: true}})
			}
		}
	}
	return m
}

// listTitle is what people call a list.
func (v *visit) listTitle(name string) string { return plainTo(gateway.ListTitle(v.lang, name), 64) }

// listFacts are what is known of a list, one line each.
func (v *visit) listFacts(l gateway.ListView) (facts []view.Fact) {
	add := func(code, value string) {
		if value != "" {
			facts = append(facts, view.Fact{Name: v.say(code), Value: value})
		}
	}
	add("page.lists.file", plainTo(l.File, 200))
	add("page.lists.url", plainTo(l.URL, 200))
	switch {
	case l.Pinned:
		add("page.lists.trust", v.say("page.lists.pinned"))
	case l.Signed:
		add("page.lists.trust", v.say("page.lists.signed"))
	}
	if l.BuiltIn {
		add("page.lists.names", v.say("page.lists.names_built", "names", number(l.Names)))
		return facts
	}
	if l.Lines > 0 {
		add("page.lists.names", v.say("page.lists.names_n", "names", number(l.Names), "lines", number(l.Lines), "format", plain(v.say("page.lists.format."+l.Format))))
		add("page.lists.bad", v.lineNumbers(l.Bad, l.First))
		add("page.lists.unusable", v.lineNumbers(l.Unusable, l.FirstUn))
	}
	add("page.lists.changed", v.when(l.Changed))
	if l.URL != "" {
		add("page.lists.checked", v.when(l.Checked))
		if l.Error != nil {
			add("page.lists.tried", v.when(l.Tried))
		}
		switch {
		case !l.Next.IsZero():
			add("page.lists.next", v.when(l.Next))
		case l.Pinned && !l.Changed.IsZero(): // otherwise it is not known yet
			add("page.lists.next", v.say("page.lists.never_again"))
		}
	}
	return facts
}

// lineNumbers says how many lines, and which first.
func (v *visit) lineNumbers(n int, first []int) string {
	if n == 0 {
		return ""
	}
	var all []string
	for _, line := range first {
		all = append(all, number(line))
	}
	which := strings.Join(all, v.say("page.comma"))
	if n > len(first) {
		return v.say("page.lists.lines_more", "n", number(n), "which", which)
	}
	return v.say("page.lists.lines", "n", number(n), "which", which)
}

func (v *visit) nameDeny(d gateway.NameDeny) view.NameDeny {
	m := view.NameDeny{Name: plainTo(d.Name, 253)}
	if d.ID == 0 {
		m.Meta = append(m.Meta, v.say("page.denies.site"))
		return m
	}
	m.ID, m.End = strconv.FormatInt(d.ID, 10), v.who.May(people.ActAllowName)
	if d.Reason != "" {
		m.Meta = append(m.Meta, prose(d.Reason))
	}
	m.Meta = append(m.Meta, v.say("page.denies.by", "name", v.named(d.By), "at", v.when(d.At)))
	return m
}

func (v *visit) checkLists() error {
	what, err := v.Gateway.CheckNameLists(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	level := view.Info
	if what == gateway.ListsChecking {
		level = view.Good
	}
	v.tell(level, "page.lists."+what)
	return v.to(listsPath)
}

// answerHeld takes or leaves a list that is held back.
func (v *visit) answerHeld() error {
	name := v.r.PathValue("name")
	field := "totp-" + name
	who, err := v.secondIn(field)
	if err == nil {
		f := v.r.PostForm
		switch f.Get("answer") {
		case "accept":
			if err = v.Gateway.AcceptList(v.r.Context(), who, name, f.Get("sum")); err == nil {
				v.tell(view.Good, "page.lists.accepted", "list", plainTo(name, 64))
				return v.to(listsPath)
			}
		case "refuse":
			if err = v.Gateway.RefuseList(v.r.Context(), who, name, f.Get("sum")); err == nil {
				v.tell(view.Good, "page.lists.refused", "list", plainTo(name, 64))
				return v.to(listsPath)
			}
		default:
			err = text.NewFault("page.not_found")
		}
	}
	return v.listsPage(allOn(err, field, "totp", "code"), view.DenyForm{}, []string{field})
}

func (v *visit) deny() error {
	typed := view.DenyForm{Name: v.r.PostForm.Get("name"), Reason: v.r.PostForm.Get("reason")}
	d, err := v.Gateway.DenyName(v.r.Context(), v.who, typed.Name, typed.Reason)
	if err != nil {
		return v.listsPage(err, typed, []string{"name", "reason"})
	}
	v.tell(view.Good, "page.denies.done", "name", plainTo(d.Name, 253))
	return v.to(listsPath)
}

func (v *visit) endDeny() error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := v.Gateway.EndDeny(v.r.Context(), v.who, id); err != nil {
		return err
	}
	v.tell(view.Good, "page.allow.ended")
	return v.to(listsPath)
}

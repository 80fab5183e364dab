package gateway

import (
	"context"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"monban/dnsfilter/list"
	"monban/gateway/config"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
)

// The states of a list, as people see them. Codes of the page's sentences end
// so.
const (
	ListInUse   = "in_use"
	ListCounted = "counted" // what asks for its names is counted, and answered
	ListOld     = "old"     // in use, but the last try to renew it failed
	ListHeld    = "held"    // in use as it was; a new one waits for the director
	ListWaiting = "waiting" // not fetched yet
	ListMissing = "missing" // cannot be fetched, or read, and no old one is in use
)

// ListView is one list of names to refuse, as people see it.
type ListView struct {
	Name     string          `json:"name"`
	State    string          `json:"state"`
	Format   string          `json:"format,omitempty"` // as read
	File     string          `json:"file,omitempty"`   // below the directory of site.toml …
	URL      string          `json:"url,omitempty"`    // … or where it is fetched from; the whole for those who answer for lists alone
	Pinned   bool            `json:"pinned,omitempty"` // only one file is taken
	Signed   bool            `json:"signed,omitempty"` // only what its makers have signed is taken
	BuiltIn  bool            `json:"built_in,omitempty"`
	Names    int             `json:"names"`
	Lines    int             `json:"lines"`
	Bad      int             `json:"bad"`
	First    []int           `json:"first,omitempty"` // numbers of the first bad lines
	Unusable int             `json:"unusable"`
	FirstUn  []int           `json:"first_unusable,omitempty"`
	Changed  time.Time       `json:"changed,omitzero"` // when what is in use came
	Checked  time.Time       `json:"checked,omitzero"` // when its server last answered well
	Tried    time.Time       `json:"tried,omitzero"`
	Next     time.Time       `json:"next,omitzero"`
	Busy     bool            `json:"busy,omitempty"` // it is being fetched now
	Error    *text.Fault     `json:"error,omitempty"`
	Held     *store.HeldList `json:"held,omitempty"`
}

// NameLists are the lists of names to refuse, in the order of site.toml, then
// those built in.
func (g *Gateway) NameLists(ctx context.Context, who people.Actor) ([]ListView, error) {
	if err := may(who, people.ActRead); err != nil {
		return nil, err
	}
	g.loadSubs(ctx)
	g.mu.Lock()
	compiled := g.lists.compiled
	g.mu.Unlock()
	reports := compiled.Sources()
	var all []ListView
	for _, l := range g.current().config.DNS.Lists {
		v := ListView{Name: l.Name, File: l.File, URL: bare(l.URL), State: ListInUse, Pinned: l.Sum != [32]byte{}, Signed: !l.Key.IsZero()}
		if who.May(people.ActLists) {
			v.URL = l.URL
		}
		there := v.read(reports)
		if l.URL != "" {
			g.fetchedView(l, &v)
		} else if s := stampOf(l.Path(g.listDir())); s != (stamp{}) {
			v.Changed = s.mod.UTC()
		}
		if !there && v.State != ListHeld {
			v.State = ListMissing
			if l.URL != "" && v.Error == nil && !g.textThere(l.Name) {
				v.State = ListWaiting
			}
		}
		all = append(all, v)
	}
	state := ListInUse
	if g.current().config.DNS.Around == config.Observe {
		state = ListCounted
	}
	for _, r := range g.around.Sources() {
		v := ListView{Name: r.Name, State: state, BuiltIn: true}
		v.read(g.around.Sources())
		all = append(all, v)
	}
	return all, nil
}

// bare is an address without what may be a secret of the clinic's: a password,
// a subscriber's number.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// ListTitle is what people call a list, in their language.
func ListTitle(lang text.Lang, name string) string {
	code := "page.lists.name." + name
	if said := lang.Say(code, nil); strings.HasPrefix(name, config.BuiltIn) && said != code {
		return said
	}
	return name
}

// read adds what reading the list gave; false if it is not in use.
func (v *ListView) read(reports []list.Report) bool {
	i := slices.IndexFunc(reports, func(r list.Report) bool { return r.Name == v.Name })
	if i < 0 {
		return false
	}
	r := reports[i]
	v.Format, v.Names, v.Lines = r.Format.String(), r.Names-r.Exceptions, r.Lines
	v.Bad, v.First, v.Unusable, v.FirstUn = r.Bad, r.First, r.Unusable, r.FirstUnusable
	return true
}

// fetchedView adds what is known of a list that is fetched.
func (g *Gateway) fetchedView(l config.List, v *ListView) {
	st := g.subState(l)
	v.Changed, v.Checked, v.Tried, v.Error, v.Held = st.Changed, st.Checked, st.Tried, st.Error, st.Held
	switch {
	case st.Held != nil:
		v.State = ListHeld
	case st.Error != nil:
		v.State = ListOld
	}
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	v.Busy = g.subs.busy == l.Name
	if due, ok := g.subs.due[l.Name]; ok && !g.clockAwaited() && (st.Sum == "" || st.Sum != hex.EncodeToString(l.Sum[:])) {
		v.Next = g.o.Clock.Wall().UTC().Add(max(0, due-g.o.Clock.Boot()))
	}
}

// checkAgain is how soon after a try people can ask for another.
const checkAgain = time.Minute

// What becomes of the wish that lists are fetched. Codes of the page's
// sentences end so.
const (
	ListsChecking = "checking"
	ListsChecked  = "checked_now" // within the last minute, all of them
	ListsNoClock  = "no_clock"    // they are fetched once the clock is set
)

// CheckNameLists fetches every list now that is fetched, apart from those that
// were tried within the last minute. It does not wait for them, and says what
// becomes of it.
func (g *Gateway) CheckNameLists(_ context.Context, who people.Actor) (string, error) {
	if err := may(who, people.ActAllowName); err != nil {
		return "", err
	}
	what := ListsChecked
	for _, l := range g.fetched() {
		st := g.subState(l)
		g.subs.mu.Lock()
		if since := g.o.Clock.Wall().Sub(st.Tried); st.Tried.IsZero() || since < 0 || since >= checkAgain {
			g.subs.due[l.Name] = g.o.Clock.Boot()
			what = ListsChecking
		}
		g.subs.mu.Unlock()
	}
	if g.clockAwaited() {
		return ListsNoClock, nil
	}
	signal(g.subs.wake)
	return what, nil
}

// tooOld is how long a list may stay as it is before people are told on the
// first page that it cannot be renewed.
const tooOld = 3 * 24 * time.Hour

// subNotes are what people should know of lists that are fetched.
func (g *Gateway) subNotes() (notes []Note) {
	add := func(level, code string, args map[string]any) {
		notes = append(notes, Note{Code: code, Level: level, Args: args, Link: listsPath})
	}
	now := g.o.Clock.Wall()
	for _, l := range g.fetched() {
		st, _ := g.subOf(l.Name)
		args := map[string]any{"list": l.Name}
		switch age := now.Sub(st.Checked); {
		case st.Held != nil:
			add("caution", "gateway.list_held", args)
		case !g.textThere(l.Name) && st.Error == nil:
			add("info", "gateway.list_waiting", args)
		case !g.textThere(l.Name):
			add("caution", "gateway.list_never", args)
		case st.Error != nil && age > tooOld && !st.Checked.IsZero():
			args["days"] = int(age / (24 * time.Hour))
			add("caution", "gateway.list_old", args)
		}
	}
	return notes
}

package webui_test

import (
	"context"
	"slices"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// listSide is what the fake knows of lists.
type listSide struct {
	lists   []gateway.ListView
	denies  []gateway.NameDeny
	checked int
	check   string // what becomes of it
	unread  error  // the clinic's own refusals cannot be read
	answer  string // the last, and to what
}

// listedFake is namedFake with lists in every state.
func listedFake() *fake {
	f := namedFake()
	at := f.now()
	f.lists = []gateway.ListView{
		{Name: "clinic", State: gateway.ListInUse, File: "lists/clinic.hosts", Format: "hosts", Names: 120, Lines: 125, Bad: 2, First: []int{7, 99}, Changed: at.Add(-72 * time.Hour)},
		{Name: "ads", State: gateway.ListInUse, URL: "https://lists.example.co.jp/a/very/long/path/to/the/list/of/advertisers/and/trackers/hosts.txt", Signed: true, Format: "adblock", Names: 1_234_567,
			Lines: 1_300_000, Bad: 4321, First: []int{1, 22, 333, 4444, 55555, 666666, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, Unusable: 3, FirstUn: []int{5, 6, 7},
			Changed: at.Add(-20 * time.Hour), Checked: at.Add(-time.Hour), Tried: at.Add(-time.Hour), Next: at.Add(23 * time.Hour), Busy: true},
		{Name: "malware", State: gateway.ListHeld, URL: "https://lists.example/m.txt", Format: "hosts", Names: 1000, Lines: 1000, Changed: at.Add(-50 * time.Hour), Checked: at, Next: at.Add(time.Hour),
			Held: &store.HeldList{Sum: "00ff", At: at, Before: 1000, After: 10, Shrunk: true,
				Refused: []store.HeldName{{Name: "www.mhlw.go.jp", Line: 3, Why: "厚生労働省"}, {Name: "booking.very-long-name-of-a-site.example.co.jp", Line: 123_456, Why: "site.toml"}}}},
		{Name: "phishing", State: gateway.ListOld, URL: "https://lists.example/p.txt", Format: "domains", Names: 10, Lines: 10, Changed: at, Checked: at, Tried: at, Next: at.Add(15 * time.Minute),
			Error: text.NewFault("list.fetch_connect", "list", "phishing", "host", "lists.example")},
		{Name: "new", State: gateway.ListWaiting, URL: "https://lists.example/n.txt", Next: at.Add(time.Minute)},
		{Name: "fixed", State: gateway.ListMissing, URL: "https://lists.example/f.txt", Pinned: true, Tried: at, Next: at.Add(time.Minute), Error: text.NewFault("list.fetch_sum", "list", "fixed")},
		{Name: "bypass-dns", State: gateway.ListInUse, BuiltIn: true, Format: "hosts", Names: 100, Lines: 110},
		{Name: "bypass-tor", State: gateway.ListCounted, BuiltIn: true, Format: "hosts", Names: 3, Lines: 4},
	}
	f.denies = []gateway.NameDeny{{Name: "games.example"}, {ID: 2, Name: "shop.example.co.jp", Reason: "診療中のため", By: f.director, At: at}}
	return f
}

func (f *fake) NameLists(context.Context, people.Actor) ([]gateway.ListView, error) {
	return f.lists, nil
}

func (f *fake) CheckNameLists(context.Context, people.Actor) (string, error) {
	f.acts++
	f.checked++
	return f.check, nil
}

func (f *fake) AcceptList(_ context.Context, who people.Actor, name, sum string) error {
	return f.answerList(who, name, sum, "accepted ")
}

func (f *fake) RefuseList(_ context.Context, who people.Actor, name, sum string) error {
	return f.answerList(who, name, sum, "refused ")
}

func (f *fake) answerList(who people.Actor, name, sum, how string) error {
	if !who.SteppedUpWithin(window.StepUp, f.now()) {
		return text.NewFault("people.step_up").On("totp")
	}
	i := slices.IndexFunc(f.lists, func(l gateway.ListView) bool { return l.Name == name && l.Held != nil && l.Held.Sum == sum })
	if i < 0 {
		return text.NewFault("dns.list_unknown")
	}
	f.acts++
	f.answer = how + name
	f.lists[i].Held = nil
	return nil
}

func (f *fake) Denies(context.Context, people.Actor) ([]gateway.NameDeny, error) {
	return f.denies, f.listSide.unread
}

func (f *fake) DenyName(_ context.Context, who people.Actor, name, reason string) (gateway.NameDeny, error) {
	if name == "" || name == "mhlw.go.jp" {
		return gateway.NameDeny{}, text.NewFault("dns.deny_needed", "name", name, "needed", "www.mhlw.go.jp", "why", "厚生労働省").On("name")
	}
	f.acts++
	d := gateway.NameDeny{ID: 9, Name: name, Reason: reason, By: who, At: f.now()}
	f.denies = append(f.denies, d)
	return d, nil
}

func (f *fake) EndDeny(_ context.Context, _ people.Actor, id int64) error {
	i := slices.IndexFunc(f.denies, func(d gateway.NameDeny) bool { return d.ID == id && id != 0 })
	if i < 0 {
		return text.NewFault("dns.deny_unknown")
	}
	f.acts++
	f.denies = slices.Delete(f.denies, i, i+1)
	return nil
}

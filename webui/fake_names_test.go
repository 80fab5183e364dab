package webui_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// nameSide is what the fake knows of names.
type nameSide struct {
	records  []gateway.NameRecord
	query    gateway.NameQuery // the last
	stats    gateway.NameStats
	allows   []gateway.NameAllow
	wanted   gateway.AllowAsk // the last
	paused   time.Duration
	groups   gateway.NameGroups
	pauses   []gateway.NamePause
	unlogged uint64
	badDisk  string
	full     bool // no room for wishes
	off      bool // nothing is kept
	masked   bool
	evasion  gateway.EvasionDay
}

// namedFake is aroundFake with questions for names.
func namedFake() *fake {
	f := aroundFake()
	at := f.now()
	verdicts := []string{"answered", "refused", "local", "failed"}
	for i := range 250 {
		r := gateway.NameRecord{ID: uint64(250 - i), At: at.Add(-time.Duration(i) * time.Minute), Client: netip.MustParseAddr("192.168.10.21"),
			Device: "02:00:5e:10:00:01", DeviceName: "レセコン", Name: fmt.Sprintf("very-long-label-%d.service.tracking.analytics.example.co.jp", i), Type: "HTTPS",
			Verdict: verdicts[i%4], Reason: "dns.reason.unlisted"}
		if r.Verdict == "refused" {
			r.Reason, r.List, r.Line, r.Via = "dns.reason.listed", "ads", 1234, "alias.example"
		}
		f.records = append(f.records, r)
	}
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.FixedZone("JST", 9*3600))
	f.stats = gateway.NameStats{Day: day.Format(time.DateOnly), First: "2026-01-02", Keep: 30 * 24 * time.Hour, Sum: gateway.NameSum{Asked: 300_000, Refused: 12_345},
		Tops:    []gateway.NameTop{{Name: "www.example.jp", NameSum: gateway.NameSum{Asked: 9000, Refused: 10}}, {Name: "x.example", NameSum: gateway.NameSum{Asked: 1}}},
		Refused: []gateway.NameTop{{Name: "ads.example", NameSum: gateway.NameSum{Asked: 70, Refused: 70}}},
		Devices: []gateway.NameDevice{{Device: "02:00:5e:10:00:01", DeviceName: "レセコン", NameSum: gateway.NameSum{Asked: 200_000, Refused: 9}}, {Device: "?", NameSum: gateway.NameSum{Asked: 3}}},
		Reasons: []gateway.NameReason{{Reason: "dns.reason.listed", N: 12_000}, {Reason: "dns.reason.tool", N: 345}}}
	for h := range 24 {
		f.stats.Hours = append(f.stats.Hours, gateway.NameHour{Start: day.Add(time.Duration(h) * time.Hour), NameSum: gateway.NameSum{Asked: uint64(h * 1000), Refused: uint64(h * 100)}})
	}
	staff := people.Actor{ID: 2, Name: "鈴木 一郎", Role: people.Staff, Via: "page"}
	f.allows = []gateway.NameAllow{
		{ID: 3, Name: "booking.example.jp", Device: "02:00:5e:10:00:01", DeviceName: "レセコン", Reason: "予約の確認", AskedBy: staff, Asked: at},
		{ID: 2, Name: "pay.example.jp", Device: "02:00:5e:10:00:02", DeviceName: "受付のプリンタ", AskedBy: staff, Asked: at, By: f.director, At: at, Until: at.Add(time.Hour), Left: 59 * time.Minute},
		{ID: 1, Name: "news.example.jp", AskedBy: f.director, Asked: at, By: f.director, At: at},
	}
	return f
}

func (f *fake) Names(_ context.Context, _ people.Actor, q gateway.NameQuery) (gateway.NamePage, error) {
	f.query = q
	if f.off {
		return gateway.NamePage{Off: true}, f.broken
	}
	p := gateway.NamePage{Keep: 30 * 24 * time.Hour, Masked: f.masked, Lost: f.unlogged, Error: f.badDisk}
	for _, r := range f.records {
		if q.Before != 0 && r.ID >= q.Before || q.Verdict != "" && r.Verdict != q.Verdict || !strings.Contains(r.Name, q.Name) || q.Device != "" && r.Device != q.Device {
			continue
		}
		if len(p.Records) == 100 {
			p.Next = p.Records[99].ID
			break
		}
		p.Records = append(p.Records, r)
	}
	if q.Name == "deep" {
		p.Next, p.Until = 7, f.now().Add(-48*time.Hour)
	}
	return p, f.broken
}

func (f *fake) NameStats(_ context.Context, _ people.Actor, day, device string) (gateway.NameStats, error) {
	st := f.stats
	st.Device = device
	if day != "" && day != st.Day {
		return gateway.NameStats{Day: day, Hours: st.Hours[:0], Keep: st.Keep}, nil
	}
	return st, f.broken
}

func (f *fake) WhyName(_ context.Context, _ people.Actor, name, device string, client netip.Addr) (gateway.NameWhy, error) {
	if strings.Contains(name, " ") {
		return gateway.NameWhy{}, text.NewFault("dns.bad_name", "name", name).On("name")
	}
	w := gateway.NameWhy{Explanation: gateway.Explanation{Name: name, Action: "answer", Reason: "dns.reason.unlisted"}, Device: device, Paused: f.paused}
	if device == "" && client.IsLoopback() {
		w.Device = "02:00:5e:10:00:02"
	}
	if i := slices.IndexFunc(f.devices, func(d gateway.Device) bool { return d.MAC == w.Device }); i >= 0 {
		w.DeviceName = f.devices[i].Name
	}
	switch {
	case strings.HasPrefix(name, "ads"):
		w.Action, w.Reason, w.List, w.Line, w.Via = "refuse", "dns.reason.listed", "ads", 1234, "alias.example"
	case strings.HasPrefix(name, "tool"):
		w.Action, w.Reason, w.Tool = "refuse", "dns.reason.tool", "TeamViewer"
	}
	return w, nil
}

func (f *fake) Allows(context.Context, people.Actor) ([]gateway.NameAllow, error) {
	return f.allows, f.broken
}

func (f *fake) WishName(_ context.Context, who people.Actor, ask gateway.AllowAsk) (gateway.NameAllow, error) {
	if strings.TrimSpace(ask.Name) == "" || strings.Contains(ask.Name, " ") {
		return gateway.NameAllow{}, text.NewFault("dns.bad_name", "name", ask.Name).On("name")
	}
	f.acts++
	f.wanted = ask
	a := gateway.NameAllow{ID: 9, Name: ask.Name, Device: ask.Device, AskedBy: who, Asked: f.now(), Reason: ask.Reason}
	f.allows = append(f.allows, a)
	return a, nil
}

func (f *fake) AllowName(_ context.Context, who people.Actor, id int64, ask gateway.AllowAsk) (gateway.NameAllow, error) {
	if ask.Length == 0 && !who.SteppedUpWithin(window.StepUp, f.now()) {
		return gateway.NameAllow{}, text.NewFault("people.step_up").On("totp")
	}
	i := slices.IndexFunc(f.allows, func(a gateway.NameAllow) bool { return a.ID == id })
	switch {
	case id != 0 && i < 0:
		return gateway.NameAllow{}, text.NewFault("dns.allow_unknown")
	case id == 0 && (ask.Name == "" || strings.Contains(ask.Name, " ")):
		return gateway.NameAllow{}, text.NewFault("dns.bad_name", "name", ask.Name).On("name")
	case id == 0 && !strings.Contains(ask.Name, "."):
		return gateway.NameAllow{}, text.NewFault("dns.allow_wide", "name", ask.Name).On("name")
	}
	f.acts++
	f.wanted = ask
	a := gateway.NameAllow{ID: 10, Name: ask.Name, Device: ask.Device, AskedBy: who, Asked: f.now(), By: who, At: f.now()}
	if i >= 0 {
		a.ID, a.Name = id, f.allows[i].Name
		f.allows = slices.Delete(f.allows, i, i+1)
	}
	f.allows = append(f.allows, a)
	return a, nil
}

func (f *fake) EndAllow(_ context.Context, _ people.Actor, id int64) error {
	i := slices.IndexFunc(f.allows, func(a gateway.NameAllow) bool { return a.ID == id })
	if i < 0 {
		return text.NewFault("dns.allow_unknown")
	}
	f.acts++
	f.allows = slices.Delete(f.allows, i, i+1)
	return nil
}

func (f *fake) BlockedName(_ context.Context, client netip.Addr, name string) (gateway.NameWhy, bool) {
	if name == "" || strings.ContainsAny(name, " <") {
		return gateway.NameWhy{}, false
	}
	w, err := f.WhyName(context.Background(), people.Actor{}, name, "", client)
	w.Since = f.now().Add(-48 * time.Hour)
	for _, a := range f.allows {
		if a.Name == name && a.At.IsZero() {
			w.Wished = a.Asked
		}
	}
	return w, err == nil && w.Action == "refuse"
}

func (f *fake) WishBlocked(_ context.Context, client netip.Addr, name, reason string) (gateway.NameAllow, error) {
	if f.full {
		return gateway.NameAllow{}, text.NewFault("dns.wish_full")
	}
	f.acts++
	f.wanted = gateway.AllowAsk{Name: name, Device: client.String(), Reason: reason}
	a := gateway.NameAllow{ID: 11, Name: name, Asked: f.now(), Reason: reason, AskedBy: people.Actor{Name: "受付", Role: people.Visitor, Via: "lan"}}
	f.allows = append(f.allows, a)
	return a, f.broken
}

func (f *fake) ExportNames(ctx context.Context, who people.Actor, q gateway.NameQuery) ([]gateway.NameRecord, bool, error) {
	p, err := f.Names(ctx, who, q)
	f.acts++
	return p.Records, p.Next != 0, err
}

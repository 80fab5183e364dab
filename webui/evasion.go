package webui

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/webui/view"
)

// A Warden knows who went around the name filter.
type Warden interface {
	// Evasions are a day's ("2026-11-21"; empty: today).
	Evasions(ctx context.Context, actor people.Actor, day string) (gateway.EvasionDay, error)
}

const aroundPath = "/names/around"

// evasionRoutes is the page of ways around the name filter.
func evasionRoutes() []route {
	return []route{{http.MethodGet, aroundPath, people.ActNames, (*visit).evasions}}
}

// evasionKinds are the ways, as the gateway names them.
var evasionKinds = []string{"plain", "tls", "https", "dns", "relay", "vpn", "tor", "canary"}

func (v *visit) evasions() error {
	day := v.r.URL.Query().Get("day")
	if _, err := time.Parse(dayForm, day); err != nil {
		day = "" // today; a day that cannot be read is none that was meant
	}
	d, err := v.Gateway.Evasions(v.r.Context(), v.who, day)
	if err != nil {
		return err
	}
	m := view.Evasions{Tabs: v.nameTabs(aroundPath), Heading: v.dayName(d.Day)}
	if d.Observe {
		m.Notes = append(m.Notes, view.Note{Level: view.Info, Text: v.say("page.evasion.observe")})
	}
	if len(d.Exempt) > 0 {
		var names []string
		for _, x := range d.Exempt {
			names = append(names, plain(x))
		}
		m.Exempt = v.say("page.evasion.exempt", "devices", strings.Join(names, v.say("page.comma")))
	}
	for i, x := range d.Devices {
		m.Devices = append(m.Devices, v.evader("evader-"+strconv.Itoa(i), x))
	}
	for i, x := range d.Polite {
		m.Polite = append(m.Polite, v.evader("polite-"+strconv.Itoa(i), x))
	}
	for _, day := range d.Days {
		m.Days = append(m.Days, view.NavLink{URL: aroundPath + "?day=" + url.QueryEscape(day), Label: v.dayName(day), Here: day == d.Day})
	}
	return v.show(http.StatusOK, view.EvasionsPage(v.frame("page.evasion.title"), m))
}

func (v *visit) evader(id string, d gateway.EvasionDevice) view.Evader {
	e := view.Evader{ID: id, Name: plain(d.DeviceName), Table: view.Table{Right: []bool{1: true}, Head: []string{v.say("page.evasion.way"), v.say("page.evasion.n"),
		v.say("page.evasion.became"), v.say("page.evasion.what"), v.say("page.evasion.first"), v.say("page.evasion.last")}}}
	if d.Device != d.DeviceName {
		e.Mark = plain(d.Device)
	}
	for _, w := range d.Ways {
		way := plain(w.Kind)
		if slices.Contains(evasionKinds, w.Kind) {
			way = v.say("page.evasion." + w.Kind)
		}
		names := make([]string, len(w.What))
		for i, n := range w.What {
			names[len(names)-1-i] = plainTo(n, 253) // the newest first
		}
		e.Table.Rows = append(e.Table.Rows, []view.Cell{{Text: way}, {Text: number(w.N)}, v.became(w), {Text: strings.Join(names, ", "), Code: true},
			{Text: v.minute(w.First)}, {Text: v.minute(w.Last)}})
	}
	return e
}

// minute is the time of day of something that was noticed within a minute.
func (v *visit) minute(t time.Time) string { return t.In(v.Zone()).Format("15:04") }

// became is what became of a way's attempts.
func (v *visit) became(w gateway.EvasionWay) view.Cell {
	switch {
	case w.Stopped == 0:
		return view.Cell{Text: v.say("page.evasion.seen"), Level: "caution"}
	case w.Kind == "canary":
		return view.Cell{Text: v.say("page.evasion.denied"), Level: "good"}
	case w.Kind == "plain":
		return view.Cell{Text: v.say("page.evasion.answered"), Level: "good"}
	case w.Stopped < w.N:
		return view.Cell{Text: v.say("page.evasion.partly", "n", number(w.Stopped)), Level: "caution"}
	}
	return view.Cell{Text: v.say("page.evasion.stopped"), Level: "good"}
}

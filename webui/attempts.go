package webui

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"monban/webui/view"
)

// dayForm is how a day stands in an address.
const dayForm = "2006-01-02"

func (v *visit) attempts() error {
	day := v.r.URL.Query().Get("day")
	if _, err := time.Parse(dayForm, day); err != nil {
		day = "" // today; a day that cannot be read is none that was meant
	}
	d, err := v.Gateway.Attempts(v.r.Context(), v.who, day)
	if err != nil {
		return err
	}
	m := view.Attempts{Heading: v.dayName(d.Day), Total: v.say("page.attempts.none")}
	if d.Packets > 0 {
		m.Total = v.say("page.attempts.total", "n", number(d.Packets))
	}
	m.Table = view.Table{Right: []bool{2: true}, Head: []string{v.say("page.attempts.from"), v.say("page.attempts.whose"), v.say("page.attempts.packets"),
		v.say("page.attempts.first"), v.say("page.attempts.last"), v.say("page.attempts.ports")}}
	for _, a := range d.Attempts {
		from := view.Cell{Text: v.say("page.attempts.rest")}
		if a.Source.IsValid() {
			from = view.Cell{Text: a.Source.String(), Code: true}
		}
		whose := view.Cell{Text: v.say("page.attempts.stranger")}
		if a.Vendor != "" {
			whose = view.Cell{Text: plain(a.Vendor), Level: "caution"}
		}
		m.Table.Rows = append(m.Table.Rows, []view.Cell{from, whose, {Text: number(a.Packets)}, {Text: v.clockTime(a.First)},
			{Text: v.clockTime(a.Last)}, {Text: plain(strings.Join(a.Ports, ", ")), Code: true}})
	}
	for _, day := range d.Days {
		m.Days = append(m.Days, view.NavLink{URL: "/attempts?day=" + url.QueryEscape(day), Label: v.dayName(day), Here: day == d.Day})
	}
	return v.show(http.StatusOK, view.AttemptsPage(v.frame("page.attempts.title"), m))
}

// dayName is a day of the gateway's, as people write one.
func (v *visit) dayName(day string) string {
	t, err := time.Parse(dayForm, day)
	if err != nil {
		return plain(day)
	}
	return v.say("page.attempts.day", "year", t.Format("2006"), "month", t.Format("1"), "day", t.Format("2"), "weekday", v.weekday(t.Weekday()))
}

// clockTime is the time of day of something whose day is known.
func (v *visit) clockTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(v.Zone()).Format("15:04:05")
}

func (v *visit) weekday(d time.Weekday) string {
	return v.say("page.weekday." + strings.ToLower(d.String()[:3]))
}

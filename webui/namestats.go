package webui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"monban/gateway"
	"monban/webui/view"
)

func (v *visit) nameStats() error {
	q := v.r.URL.Query()
	day, device := q.Get("day"), q.Get("device")
	if _, err := time.Parse(dayForm, day); err != nil {
		day = "" // today; a day that cannot be read is none that was meant
	}
	devices, err := v.Gateway.Devices(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	sortDevices(devices)
	choices := v.deviceChoices(devices, device)
	if !slices.ContainsFunc(choices, func(c view.Choice) bool { return c.Chosen }) {
		device = ""
	}
	st, err := v.Gateway.NameStats(v.r.Context(), v.who, day, device)
	if err != nil {
		return err
	}
	m := view.NameStats{Tabs: v.nameTabs("/names/statistics"), Privacy: v.keeping(st.Keep), Day: plain(st.Day), First: plain(st.First),
		Last: v.Now().In(v.Zone()).Format(dayForm), Heading: v.dayName(st.Day), Devices: choices, Total: v.say("page.stats.none")}
	if st.Off {
		m.Privacy = v.say("page.names.off")
	}
	if st.Masked {
		m.Privacy += " " + v.say("page.names.masked")
	}
	if st.Sum.Asked > 0 {
		m.Total = v.say("page.stats.total", "asked", number(st.Sum.Asked), "refused", number(st.Sum.Refused))
		m.Hours = v.hourChart(st.Hours)
		m.Tops = v.nameRanks(st.Tops, device, func(t gateway.NameTop) uint64 { return t.Asked })
		m.Refused = v.nameRanks(st.Refused, device, func(t gateway.NameTop) uint64 { return t.Refused })
		m.Reasons = v.reasonTable(st.Reasons)
	}
	if device == "" {
		m.Shares = v.shares(st)
	}
	return v.show(http.StatusOK, view.NameStatsPage(v.frame("page.stats.title"), m))
}

// hourChart draws the hours of a day.
func (v *visit) hourChart(hours []gateway.NameHour) *view.Chart {
	if len(hours) == 0 {
		return nil
	}
	top := slices.MaxFunc(hours, func(a, b gateway.NameHour) int { return int(int64(a.Asked) - int64(b.Asked)) })
	c := &view.Chart{Most: v.say("page.stats.most", "n", number(top.Asked)),
		Said: v.say("page.stats.said", "hour", top.Start.In(v.Zone()).Hour(), "n", number(top.Asked))}
	c.Table = view.Table{Right: []bool{1: true, 2: true}, Head: []string{v.say("page.stats.hour"), v.say("page.stats.n"), v.say("page.stats.refused_n")}}
	wide := 100 / float64(len(hours))
	for i, h := range hours {
		all, part := share(h.Asked, top.Asked), share(h.Refused, top.Asked)
		c.Bars = append(c.Bars, view.Bar{X: decimal((float64(i) + .1) * wide), Width: decimal(.8 * wide),
			Y: decimal(100 - all), Height: decimal(all), PartY: decimal(100 - part), PartH: decimal(part)})
		start := h.Start.In(v.Zone()).Format("15:04")
		c.Table.Rows = append(c.Table.Rows, []view.Cell{{Text: start}, {Text: number(h.Asked)}, {Text: number(h.Refused)}})
		if i%6 == 0 {
			c.Ticks = append(c.Ticks, start)
		}
	}
	c.Ticks = append(c.Ticks, "24:00")
	return c
}

// share is n of the largest, as a part of 100. What is there is seen.
func share(n, largest uint64) float64 {
	if n == 0 || largest == 0 {
		return 0
	}
	return max(.5, 100*float64(min(n, largest))/float64(largest))
}

// decimal writes a number of a drawing.
func decimal(f float64) string {
	return strconv.FormatFloat(float64(int(f*100+.5))/100, 'f', -1, 64)
}

// nameRanks draws names by of, the largest first.
func (v *visit) nameRanks(tops []gateway.NameTop, device string, of func(gateway.NameTop) uint64) *view.Ranks {
	if len(tops) == 0 {
		return nil
	}
	r := &view.Ranks{Table: v.rankTable(v.say("page.names.name"))}
	largest := of(tops[0])
	for _, t := range tops {
		name := plainTo(t.Name, 253)
		r.Rows = append(r.Rows, view.Rank{Label: name, Code: true, URL: v.whyURL(t.Name, device), Said: v.sum(t.NameSum),
			Width: decimal(share(of(t), largest)), Part: decimal(share(t.Refused, largest))})
		r.Table.Rows = append(r.Table.Rows, []view.Cell{{Text: name, Code: true}, {Text: number(t.Asked)}, {Text: number(t.Refused)}})
	}
	return r
}

func (v *visit) rankTable(of string) view.Table {
	return view.Table{Right: []bool{1: true, 2: true}, Head: []string{of, v.say("page.stats.n"), v.say("page.stats.refused_n")}}
}

func (v *visit) sum(s gateway.NameSum) string {
	return v.say("page.stats.row", "asked", number(s.Asked), "refused", number(s.Refused))
}

// shares draws what each device asked for, with the way to its own day.
func (v *visit) shares(st gateway.NameStats) *view.Ranks {
	if len(st.Devices) == 0 {
		return nil
	}
	r := &view.Ranks{Table: v.rankTable(v.say("page.names.device"))}
	largest := st.Devices[0].Asked
	for _, d := range st.Devices {
		x := view.Rank{Label: plain(d.DeviceName), Said: v.sum(d.NameSum), Width: decimal(share(d.Asked, largest)), Part: decimal(share(d.Refused, largest)),
			URL: "/names/statistics?" + url.Values{"day": {st.Day}, "device": {d.Device}}.Encode()}
		if d.Device == "?" {
			x.Label, x.URL = v.say("page.stats.others"), ""
		}
		r.Rows = append(r.Rows, x)
		r.Table.Rows = append(r.Table.Rows, []view.Cell{{Text: x.Label}, {Text: number(d.Asked)}, {Text: number(d.Refused)}})
	}
	return r
}

func (v *visit) reasonTable(all []gateway.NameReason) *view.Table {
	if len(all) == 0 {
		return nil
	}
	t := &view.Table{Right: []bool{1: true}, Head: []string{v.say("page.names.why"), v.say("page.stats.refused_n")}}
	for _, r := range all {
		t.Rows = append(t.Rows, []view.Cell{{Text: v.reasonWords(r.Reason), Wide: true}, {Text: number(r.N)}})
	}
	return t
}

// reasonWords is a reason without the place it was found at.
func (v *visit) reasonWords(code string) string {
	short := "page.reason." + code
	if said := v.say(short); said != short {
		return said
	}
	return v.nameReason(code, "", 0, "")
}

package webui

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"monban/gateway"
	"monban/webui/view"
)

// nameVerdicts are the results a question can have, as the gateway names them.
var nameVerdicts = []string{"answered", "refused", "local", "failed"}

// nameQuery is what a form of filters wants to see, and the day of it.
func (v *visit) nameQuery(q url.Values) (want gateway.NameQuery, day string) {
	want = gateway.NameQuery{Name: q.Get("name"), Device: q.Get("device"), Verdict: q.Get("verdict")}
	if !slices.Contains(nameVerdicts, want.Verdict) { // no form has it
		want.Verdict = ""
	}
	if t, err := time.ParseInLocation(dayForm, q.Get("day"), v.Zone()); err == nil {
		want.From, want.To, day = t, t.AddDate(0, 0, 1), t.Format(dayForm)
	}
	return want, day
}

func (v *visit) nameLog() error {
	q := v.r.URL.Query()
	want, day := v.nameQuery(q)
	want.Before = v.before()
	devices, err := v.Gateway.Devices(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	sortDevices(devices)
	m := view.NameLog{Tabs: v.nameTabs("/names"), Name: plainTo(want.Name, 253), Devices: v.deviceChoices(devices, want.Device)}
	if !slices.ContainsFunc(m.Devices, func(c view.Choice) bool { return c.Chosen }) {
		want.Device = ""
	}
	m.Day = day
	m.Filtered = want.Name != "" || want.Device != "" || want.Verdict != "" || m.Day != ""
	m.Verdicts = []view.Choice{{Label: v.say("page.names.any_verdict")}}
	for _, x := range nameVerdicts {
		m.Verdicts = append(m.Verdicts, view.Choice{Value: x, Label: v.say("page.names." + x), Chosen: x == want.Verdict})
	}
	got, err := v.Gateway.Names(v.r.Context(), v.who, want)
	if err != nil {
		return err
	}
	m.Privacy, m.Off = v.keeping(got.Keep), got.Off
	if got.Off {
		m.Privacy = v.say("page.names.off")
	}
	if got.Masked {
		m.Notes = append(m.Notes, view.Note{Level: view.Info, Text: v.say("page.names.masked")})
	}
	if got.Error != "" {
		m.Notes = append(m.Notes, view.Note{Level: view.Caution, Text: v.say("page.names.disk")})
	}
	if got.Lost > 0 {
		m.Notes = append(m.Notes, view.Note{Level: view.Info, Text: v.say("page.names.lost", "n", number(got.Lost))})
	}
	if !got.Until.IsZero() {
		m.Until = v.say("page.names.until", "at", v.when(got.Until))
	}
	m.Table = v.nameTable(got.Records)
	page := url.Values{}
	for k, x := range map[string]string{"name": want.Name, "device": want.Device, "verdict": want.Verdict, "day": m.Day} {
		if x != "" {
			page.Set(k, x)
		}
	}
	if len(got.Records) > 0 {
		for _, k := range []string{"name", "device", "verdict", "day"} {
			m.File = append(m.File, view.Fact{Name: k, Value: page.Get(k)})
		}
	}
	if want.Before != 0 {
		m.Newest = "/names?" + page.Encode()
	}
	if got.Next != 0 {
		page.Set("before", strconv.FormatUint(got.Next, 10))
		m.Older = "/names?" + page.Encode()
	}
	return v.show(http.StatusOK, view.NameLogPage(v.frame("page.names.title"), m))
}

// deviceChoices are all devices, those of the ledger by their hardware
// address; one that was chosen by its bare address is there as well.
func (v *visit) deviceChoices(devices []gateway.Device, chosen string) []view.Choice {
	all := []view.Choice{{Label: v.say("page.names.any_device")}}
	for _, d := range devices {
		all = append(all, view.Choice{Value: d.MAC, Label: v.deviceTitle(d), Chosen: chosen != "" && d.MAC == chosen})
	}
	if a, err := netip.ParseAddr(chosen); err == nil {
		all = append(all, view.Choice{Value: a.String(), Label: a.String(), Chosen: true})
	}
	return all
}

// keeping says what is kept, for how long, and who sees it.
func (v *visit) keeping(keep time.Duration) string {
	return v.say("page.names.privacy", "days", int(keep/(24*time.Hour)))
}

func (v *visit) nameTable(all []gateway.NameRecord) view.Table {
	t := view.Table{Head: []string{v.say("page.names.at"), v.say("page.names.device"), v.say("page.names.name"), v.say("page.names.verdict"), v.say("page.names.why"), v.say("page.names.type")}}
	levels := map[string]string{"answered": "good", "local": "none", "refused": "caution", "failed": "none"}
	for _, r := range all {
		why := v.nameReason(r.Reason, r.List, r.Line, r.Tool)
		if r.Via != "" {
			why += v.say("page.names.via", "via", plainTo(r.Via, 253))
		}
		if r.Tool != "" {
			why += v.say("page.names.tool", "tool", plain(r.Tool))
		}
		verdict := view.Cell{Text: plain(r.Verdict)}
		if level, ok := levels[r.Verdict]; ok {
			verdict = view.Cell{Text: v.say("page.names." + r.Verdict), Level: level}
		}
		name := view.Cell{Text: plainTo(r.Name, 253), Code: true}
		switch {
		case strings.HasPrefix(r.Name, "#"):
			name.Text = v.say("page.names.hidden", "mark", plain(r.Name[1:]))
		case r.Name != "":
			name.URL = v.whyURL(r.Name, r.Device)
		}
		t.Rows = append(t.Rows, []view.Cell{{Text: v.hour(r.At)}, {Text: plain(r.DeviceName)}, name, verdict, {Text: why, Wide: true}, {Text: plain(r.Type)}})
	}
	return t
}

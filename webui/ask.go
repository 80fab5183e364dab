package webui

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui/view"
)

// kinds are the ways to connect, the commonest first.
var kinds = []window.Kind{window.Inbound, window.Outbound, window.Tool, window.WireGuard}

// wayField is the form field that only windows of this kind have.
var wayField = map[window.Kind]string{
	window.Inbound: "ports", window.Outbound: "targets", window.Tool: "tool", window.WireGuard: "ports",
}

// askForm asks for the way first, and then for what that way needs.
func (v *visit) askForm() error {
	kind := window.Kind(v.r.URL.Query().Get("kind"))
	if !slices.Contains(kinds, kind) {
		return v.show(http.StatusOK, view.KindsPage(v.frame("page.ask.title"), v.kindsModel()))
	}
	m, err := v.askModel(kind)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.AskPage(v.frame("page.ask.title"), m))
}

// kindsModel is the choice of the way. One that cannot be taken says why.
func (v *visit) kindsModel() view.Kinds {
	vendors := v.Gateway.Vendors(v.r.Context())
	m := view.Kinds{NoVendor: len(vendors) == 0}
	if v.maySee("/requests") {
		m.Paste = "/requests"
	}
	for _, k := range kinds {
		c := view.Kind{URL: "/windows/new?kind=" + string(k), Title: v.say("page.kind." + string(k)), Text: v.say("page.kind_is." + string(k))}
		switch {
		case k == window.Tool && len(v.Gateway.Tools(v.r.Context())) == 0:
			c.URL, c.Why = "", []string{v.say("page.ask.no_tools")}
		case k == window.WireGuard:
			c.Why = v.noTunnels(vendors)
			if !slices.ContainsFunc(vendors, func(x gateway.Vendor) bool { return x.WireGuard }) {
				c.URL = ""
				if len(c.Why) == 0 {
					c.Why = []string{v.say("page.ask.no_tunnel")}
				}
			}
		}
		m.Kinds = append(m.Kinds, c)
	}
	return m
}

// noTunnels says of each vendor with a tunnel that cannot be used why not.
func (v *visit) noTunnels(vendors []gateway.Vendor) []string {
	var why []string
	for _, x := range vendors {
		if !x.WireGuard && x.NoWireGuard != "" {
			why = append(why, v.say("page.ask.vendor_no_tunnel", "vendor", vendorName(x), "why", plain(x.NoWireGuard)))
		}
	}
	return why
}

func vendorName(x gateway.Vendor) string { return firstOf(plain(x.Label), plain(x.Name)) }

// askModel is the form of this kind, with what was typed into it, if anything.
func (v *visit) askModel(kind window.Kind) (view.Ask, error) {
	f := v.r.PostForm // empty on GET
	devices, err := v.Gateway.Devices(v.r.Context(), v.who)
	if err != nil {
		return view.Ask{}, err
	}
	m := view.Ask{Kind: string(kind), Title: v.say("page.kind." + string(kind)), Lead: v.say("page.kind_is." + string(kind)),
		Other: plain(f.Get("length_other")), Reason: f.Get("reason"), Requester: plain(f.Get("requester")), Start: v.startField()}
	v.vendorChoices(&m, kind)
	switch kind {
	case window.Outbound:
		m.Targets = &view.Field{ID: "targets", Label: v.say("page.ask.targets"), Hint: v.say("page.ask.targets_hint"), Value: plain(f.Get("targets")), MaxLength: "200"}
	case window.Tool:
		m.Tools = append(m.Tools, view.Choice{Label: v.say("page.ask.choose"), Chosen: f.Get("tool") == ""})
		for _, t := range v.Gateway.Tools(v.r.Context()) {
			m.Tools = append(m.Tools, view.Choice{Value: t.Name, Label: plain(t.Name), Chosen: f.Get("tool") == t.Name})
		}
		m.ToolCut = v.say("page.ask.tool_cut")
	default:
		m.Ports = &view.Field{ID: "ports", Label: v.say("page.ask.ports"), Hint: v.say("page.ask.ports_hint"), Value: plain(f.Get("ports")), Class: "short", MaxLength: "100"}
	}
	m.Devices = append(m.Devices, view.Choice{Label: v.say("page.ask.choose"), Chosen: f.Get("device") == ""})
	sortDevices(devices)
	for _, d := range devices {
		label := v.deviceTitle(d) + addrHint(d)
		if kind == window.Tool && !d.Answered {
			label += v.say("page.ask.by_name")
		}
		m.Devices = append(m.Devices, view.Choice{Value: d.MAC, Label: label, Chosen: f.Get("device") == d.MAC})
	}
	chosen := f.Get("length")
	if chosen == "" {
		chosen = window.Default.String()
	}
	for _, d := range presets {
		m.Lengths = append(m.Lengths, view.Choice{Value: d.String(), Label: v.span(d), Chosen: chosen == d.String()})
	}
	return m, nil
}

// vendorChoices are who can ask this way, each with the number to call back,
// and notes about whom something is in the way of.
func (v *visit) vendorChoices(m *view.Ask, kind window.Kind) {
	all := v.Gateway.Vendors(v.r.Context())
	if kind == window.WireGuard {
		for _, why := range v.noTunnels(all) {
			m.Notes = append(m.Notes, view.Note{Level: view.Info, Text: why})
		}
		all = slices.DeleteFunc(slices.Clone(all), func(x gateway.Vendor) bool { return !x.WireGuard })
	}
	for _, x := range all {
		c := view.Choice{Value: x.Name, Label: vendorName(x), Hint: v.say("page.ask.vendor_is", "phone", plain(x.Phone)),
			Chosen: v.r.PostForm.Get("vendor") == x.Name || len(all) == 1}
		if x.Owed != 0 {
			c.Hint += " " + v.say("page.ask.owed_mark")
			m.Notes = append(m.Notes, view.Note{Level: view.Caution, Text: v.say("page.ask.owed", "vendor", c.Label, "n", x.Owed),
				URL: windowPath(x.Owed) + "#owed-h", LinkText: v.say("page.ask.owed_link")})
		}
		m.Vendors = append(m.Vendors, c)
	}
}

// picked is how a browser's own picker writes a moment.
var picked = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})?$`)

// startField is the browser's own picker, or, once something it cannot show
// was sent, a plain line that keeps what was typed.
func (v *visit) startField() view.Field {
	typed := plain(v.r.PostForm.Get("start"))
	example := v.Now().In(v.Zone()).AddDate(0, 0, 1).Format("2006-01-02") + " 22:00"
	f := view.Field{ID: "start", Label: v.say("page.ask.start"), Hint: v.say("page.ask.start_hint", "at", example), Value: typed,
		Type: "datetime-local", Class: "moment", Optional: true}
	if !picked.MatchString(typed) {
		f.Type, f.MaxLength = "", "40"
	}
	return f
}

// addrHint tells devices of one name apart.
func addrHint(d gateway.Device) string {
	if len(d.Addrs) == 0 {
		return ""
	}
	return " (" + d.Addrs[0].String() + ")"
}

func (v *visit) ask() error {
	f := v.r.PostForm
	kind := window.Kind(firstOf(f.Get("kind"), v.r.URL.Query().Get("kind"), string(window.Inbound)))
	if !slices.Contains(kinds, kind) {
		return v.again(text.NewFault("page.ask.kind_again"), v.frame("page.ask.title"),
			func(p view.Page) templ.Component { return view.KindsPage(p, v.kindsModel()) })
	}
	a, errs := v.typedAsk(kind)
	start, err := parseStart(f.Get("start"), v.Now().In(v.Zone()))
	a.NotBefore, errs = start, append(errs, err)
	var w gateway.Window
	if err = errors.Join(errs...); err == nil {
		w, err = v.Gateway.AskWindow(v.r.Context(), v.who, a)
	}
	if err != nil {
		m, e := v.askModel(kind)
		if e != nil {
			return e
		}
		return v.again(err, v.frame("page.ask.title"), func(p view.Page) templ.Component { return view.AskPage(p, m) },
			"vendor", "requester", "device", wayField[kind], "start", "length_other", "reason")
	}
	v.tell(view.Good, "page.ask.done")
	return v.to(windowPath(w.ID))
}

// typedAsk is a request as the form has it, but for the start, with everything
// wrong with it.
func (v *visit) typedAsk(kind window.Kind) (gateway.Ask, []error) {
	f := v.r.PostForm
	a := gateway.Ask{Kind: kind, Vendor: f.Get("vendor"), Device: f.Get("device"), Reason: f.Get("reason"), Requester: f.Get("requester")}
	errs := missing(f, kind)
	var way, length error
	switch kind {
	case window.Outbound:
		a.Targets, way = parseTargets(f.Get("targets"))
	case window.Tool:
		a.Tool = f.Get("tool")
	default:
		a.Ports, way = parsePorts(f.Get("ports"))
	}
	a.Length, length = formLength(f.Get("length"), f.Get("length_other"), window.Default)
	return a, append(errs, way, length)
}

// missing names what the form lacks. The domain refuses it too, but only of a
// request it can read, and people should see every fault at once.
func missing(f url.Values, kind window.Kind) []error {
	fields := []string{"vendor", "requester", "device", "reason"}
	if kind == window.Tool {
		fields = append(fields, "tool")
	}
	var all []error
	for _, field := range fields {
		if strings.TrimSpace(f.Get(field)) == "" {
			all = append(all, text.NewFault("window.no_"+field).On(field))
		}
	}
	return all
}

// formLength is the length typed, else the one picked, else the one given.
func formLength(picked, typed string, otherwise time.Duration) (time.Duration, error) {
	if strings.TrimSpace(typed) != "" {
		return parseLength(typed)
	}
	d, err := time.ParseDuration(picked)
	if err != nil || !slices.Contains(presets, d) {
		return otherwise, nil
	}
	return d, nil
}

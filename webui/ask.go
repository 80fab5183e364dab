package webui

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"monban/gateway"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui/view"
)

func (v *visit) askForm() error {
	m, err := v.askModel()
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, view.AskPage(v.frame("page.ask.title"), m))
}

// askModel is the form with what was typed into it, if anything.
func (v *visit) askModel() (view.Ask, error) {
	f := v.r.PostForm // empty on GET
	devices, err := v.Gateway.Devices(v.r.Context(), v.who)
	if err != nil {
		return view.Ask{}, err
	}
	m := view.Ask{Ports: plain(f.Get("ports")), Other: plain(f.Get("length_other")), Reason: f.Get("reason"), Requester: plain(f.Get("requester"))}
	vendors := v.Gateway.Vendors(v.r.Context())
	for _, c := range vendors {
		m.Vendors = append(m.Vendors, view.Choice{Value: c.Name, Label: firstOf(plain(c.Label), plain(c.Name)),
			Hint: v.say("page.ask.vendor_is", "phone", plain(c.Phone)), Chosen: f.Get("vendor") == c.Name || len(vendors) == 1})
	}
	m.Devices = append(m.Devices, view.Choice{Label: v.say("page.ask.choose"), Chosen: f.Get("device") == ""})
	sortDevices(devices)
	for _, d := range devices {
		m.Devices = append(m.Devices, view.Choice{Value: d.MAC, Label: v.deviceTitle(d) + addrHint(d), Chosen: f.Get("device") == d.MAC})
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

// addrHint tells devices of one name apart.
func addrHint(d gateway.Device) string {
	if len(d.Addrs) == 0 {
		return ""
	}
	return " (" + d.Addrs[0].String() + ")"
}

func (v *visit) ask() error {
	f := v.r.PostForm
	a := gateway.Ask{Vendor: f.Get("vendor"), Device: f.Get("device"), Reason: f.Get("reason"), Requester: f.Get("requester")}
	errs := missing(f)
	var err error
	if a.Ports, err = parsePorts(f.Get("ports")); err != nil {
		errs = append(errs, err)
	}
	if a.Length, err = formLength(f.Get("length"), f.Get("length_other")); err != nil {
		errs = append(errs, err)
	}
	var w gateway.Window
	if err = errors.Join(errs...); err == nil {
		w, err = v.Gateway.AskWindow(v.r.Context(), v.who, a)
	}
	if err != nil {
		m, e := v.askModel()
		if e != nil {
			return e
		}
		return v.again(err, v.frame("page.ask.title"), func(p view.Page) templ.Component { return view.AskPage(p, m) },
			"vendor", "requester", "device", "ports", "length_other", "reason")
	}
	v.tell(view.Good, "page.ask.done")
	return v.to(windowPath(w.ID))
}

// missing names what the form lacks. The domain refuses it too, but only of a
// request it can read, and people should see every fault at once.
func missing(f url.Values) []error {
	var all []error
	for _, field := range []string{"vendor", "requester", "device", "reason"} {
		if strings.TrimSpace(f.Get(field)) == "" {
			all = append(all, text.NewFault("window.no_"+field).On(field))
		}
	}
	return all
}

// formLength is the length typed, else the one picked.
func formLength(picked, typed string) (time.Duration, error) {
	if strings.TrimSpace(typed) != "" {
		return parseLength(typed)
	}
	d, err := time.ParseDuration(picked)
	if err != nil || !slices.Contains(presets, d) {
		return window.Default, nil
	}
	return d, nil
}

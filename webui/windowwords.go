package webui

import (
	"strings"
	"time"

	"monban/gateway"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
	"monban/webui/view"
)

// level is how much a window's state matters. Open is the one that matters.
func level(w gateway.Window) string {
	switch w.State {
	case window.Open, window.Opening:
		return "danger"
	case window.Requested, window.Approved, window.Scheduled, window.NotOpened:
		return "caution"
	}
	return "none"
}

func (v *visit) state(w gateway.Window) string {
	if w.State == window.Closed && w.Unrecorded {
		return v.say("page.state.unrecorded")
	}
	return v.say("page.state." + string(w.State))
}

func (v *visit) vendorOf(w gateway.Window) string {
	return firstOf(plain(w.VendorLabel), plain(w.Vendor))
}

func (v *visit) deviceOf(w gateway.Window) string {
	return firstOf(plain(w.DeviceName), v.say("page.device.gone", "n", w.Device))
}

func (v *visit) titleOf(w gateway.Window) string {
	if w.ID == 0 {
		return v.say("page.window.of_unrecorded", "vendor", v.vendorOf(w), "device", v.deviceOf(w))
	}
	return v.say("page.window.of", "n", w.ID, "vendor", v.vendorOf(w), "device", v.deviceOf(w))
}

// kindOf is what a window opens; the oldest records do not say.
func kindOf(w gateway.Window) window.Kind {
	if w.Kind == "" {
		return window.Inbound
	}
	return w.Kind
}

// wayOf is what a window's kind lets through, as it is compared with what the
// vendor says: ports, addresses to dial, or the name of a tool.
func wayOf(w gateway.Window) string { return strings.Join(waysOf(w), ", ") }

func waysOf(w gateway.Window) []string {
	switch kindOf(w) {
	case window.Outbound:
		return list(w.Targets)
	case window.Tool:
		return []string{plain(w.Tool)}
	}
	return list(w.Ports)
}

// worded is the sentence of this kind about a window.
func (v *visit) worded(code string, w gateway.Window) string {
	return v.say(code+string(kindOf(w)), "vendor", v.vendorOf(w), "device", v.deviceOf(w), "way", wayOf(w), "length", v.span(w.Length))
}

func (v *visit) stripText(w gateway.Window) string {
	if w.ID == 0 {
		return v.say("page.strip.one.unrecorded", "vendor", v.vendorOf(w), "device", v.deviceOf(w))
	}
	return v.worded("page.strip.one.", w)
}

// openWindow is an open window with its clock and buttons. One that is on no
// record can be closed with all the others only.
func (v *visit) openWindow(w gateway.Window) *view.OpenWindow {
	o := &view.OpenWindow{
		URL: windowPath(w.ID), Title: v.titleOf(w), What: v.worded("page.window.open_what.", w), Clock: v.clock(w.Left),
		Warn: v.warning(w), Until: v.say("page.window.until", "at", v.hour(v.Now().Add(w.Left))),
	}
	if w.ID == 0 {
		o.URL, o.What = "", v.stripText(w)
	}
	if v.who.May(people.ActCloseWindow) {
		o.Close, o.Button = windowPath(w.ID)+"/close", v.say("page.close_now")
		if w.ID == 0 {
			o.Close, o.Button = stopPath, v.say("page.windows.close_all")
		}
	}
	if w.ID != 0 && v.who.May(people.ActApprove) && !strings.HasSuffix(v.r.URL.Path, "/extend") {
		o.Extend = windowPath(w.ID) + "/extend"
	}
	return o
}

// row is a window in a list.
func (v *visit) row(w gateway.Window) view.Row {
	r := view.Row{
		URL: windowPath(w.ID), Title: v.titleOf(w), Level: level(w), State: v.state(w), What: v.worded("page.window.what.", w),
		Meta: []string{v.say("page.window.asked_at", "at", v.when(w.RequestedAt)), v.say("page.window.by", "name", plain(w.Requester))},
	}
	if !w.NotBefore.IsZero() && !w.State.Over() {
		r.Meta = append([]string{v.say("page.window.starts_at", "at", v.when(w.NotBefore))}, r.Meta...)
	}
	if w.Waits != nil {
		r.Meta = append([]string{v.say("page.window.waits", "why", v.reason(w.Waits))}, r.Meta...)
	}
	if !w.ClosedAt.IsZero() && w.State == window.Closed {
		r.Meta = append(r.Meta, v.say("page.window.closed_at", "at", v.when(w.ClosedAt)),
			v.say("page.window.bytes", "bytes", number(w.Passed.Bytes)))
		if owed := v.owed(w); owed != "" {
			r.Meta = append(r.Meta, v.say("page.window.owes", "what", owed))
		}
	}
	return r
}

// reason is a fault as the end of a sentence.
func (v *visit) reason(f *text.Fault) string { return v.lang.Say(f.Code, v.shown(f.Args)) }

// owed names what is still to be written about a window; "" if nothing is.
func (v *visit) owed(w gateway.Window) string {
	var all []string
	for _, d := range w.Owes() {
		all = append(all, v.say("page.after."+string(d)))
	}
	return strings.Join(all, v.say("page.after.and"))
}

func firstOf(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// later is the first of the two that happened at all.
func later(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

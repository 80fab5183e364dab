package webui

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"monban/gateway"
	"monban/gateway/window"
	"monban/webui/view"
)

// level is how much a window's state matters. Open is the one that matters.
func level(w gateway.Window) string {
	switch w.State {
	case window.Open, window.Opening:
		return "danger"
	case window.Requested, window.Approved, window.Scheduled:
		return "caution"
	case window.NotOpened:
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
	return v.say("page.window.of", "n", w.ID, "vendor", v.vendorOf(w), "device", v.deviceOf(w))
}

// ports are a window's ways in, with the outer one where it differs.
func ports(w gateway.Window) string {
	var all []string
	for _, p := range w.Ports {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
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

// picture says and draws exactly what the window lets through, and that all
// else stays shut.
func (v *visit) picture(w gateway.Window) *view.Picture {
	c := &view.Picture{Title: v.say("page.picture.title"), Vendor: v.vendorOf(w), Device: v.deviceOf(w), Sources: list(w.Sources)}
	if w.State == window.Open {
		c.Title = v.say("page.picture.now")
	}
	outer := false
	for _, p := range w.Ports {
		c.Ports = append(c.Ports, p.String())
		outer = outer || (p.WAN != 0 && p.WAN != p.Port)
	}
	c.Words = []string{
		v.say("page.picture.from", "vendor", c.Vendor, "sources", strings.Join(c.Sources, ", ")),
		v.say("page.picture.only", "device", c.Device, "ports", strings.Join(c.Ports, ", ")),
		v.say("page.picture.ends", "length", v.span(w.Length)),
	}
	if outer {
		c.Words = append(c.Words, v.say("page.picture.outer"))
	}
	return c
}

// addrsOf are the addresses of the device the window leads to, for the
// picture: those of its ways in, or where those are not known, all but those
// of its link alone. A ledger that cannot be read leaves them out.
func (v *visit) addrsOf(w gateway.Window) []string {
	if len(w.Ways) > 0 { // exactly what the kernel would let in to
		var out []string
		for _, x := range w.Ways {
			if a := x.Inside.Addr().String(); !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
		return out
	}
	all, err := v.Gateway.Devices(v.r.Context(), v.who)
	if err != nil {
		return nil
	}
	for _, d := range all {
		if d.ID == w.Device {
			return list(slices.DeleteFunc(slices.Clone(d.Addrs), netip.Addr.IsLinkLocalUnicast))
		}
	}
	return nil
}

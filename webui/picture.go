package webui

import (
	"net/netip"
	"slices"
	"strings"

	"monban/gateway"
	"monban/gateway/window"
	"monban/webui/view"
)

// mostNames is how many names of a tool are read before one stops reading.
const mostNames = 6

// picture says and draws exactly what the window lets through, and that all
// else stays shut.
func (v *visit) picture(w gateway.Window) *view.Picture {
	vendor := view.Spot{Name: v.vendorOf(w), Lines: list(w.Sources)}
	device := view.Spot{Name: v.deviceOf(w), Lines: v.addrsOf(w)}
	c := &view.Picture{Title: v.say("page.picture.title"), From: vendor, To: device, Gate: waysOf(w),
		Others: v.say("page.picture.others"), Rest: v.say("page.picture.rest")}
	switch w.State {
	case window.Open:
		c.Title = v.say("page.picture.now")
	case window.Scheduled:
		c.Title = v.say("page.picture.planned")
	}
	switch kindOf(w) {
	case window.Outbound:
		c.From, c.To = device, view.Spot{Name: vendor.Name, Lines: list(w.Targets)}
		v.noWayIn(c)
		c.Words = []string{v.say("page.picture.outbound", "device", device.Name, "vendor", vendor.Name, "way", wayOf(w)),
			v.say("page.picture.outbound_in")}
	case window.Tool:
		names := v.namesOf(w.Tool)
		c.From, c.To = device, view.Spot{Name: plain(w.Tool), Lines: names}
		if !w.ByName {
			c.To.Lines = append(slices.Clone(names), v.say("page.picture.tool_anywhere"))
		}
		v.noWayIn(c)
		c.Words = v.toolWords(w, names)
	case window.WireGuard:
		c.Gate = append([]string{v.say("page.picture.tunnel")}, c.Gate...)
		c.Words = []string{
			v.say("page.picture.wireguard", "vendor", vendor.Name, "sources", strings.Join(vendor.Lines, ", ")),
			v.say("page.picture.wireguard_only", "device", device.Name, "way", wayOf(w)),
		}
	default:
		c.Words = []string{
			v.say("page.picture.from", "vendor", vendor.Name, "sources", strings.Join(vendor.Lines, ", ")),
			v.say("page.picture.only", "device", device.Name, "ports", wayOf(w)),
		}
	}
	switch {
	case w.State == window.Open:
		c.Words = append(c.Words, v.say("page.picture.until", "at", v.hour(v.Now().Add(w.Left))))
	case w.NotBefore.IsZero():
		c.Words = append(c.Words, v.say("page.picture.ends", "length", v.span(w.Length)))
	default:
		c.Words = append(c.Words, v.say("page.picture.starts", "at", v.when(w.NotBefore), "end", v.when(w.NotBefore.Add(w.Length))))
	}
	if kindOf(w) == window.Inbound && slices.ContainsFunc(w.Ports, func(p window.Port) bool { return p.WAN != 0 && p.WAN != p.Port }) {
		c.Words = append(c.Words, v.say("page.picture.outer"))
	}
	return c
}

// noWayIn says what stays shut while a device may dial out: all ways in.
func (v *visit) noWayIn(c *view.Picture) {
	c.Others, c.Rest = v.say("page.picture.direct"), v.say("page.picture.inside")
}

// toolWords are honest about what a tool's window cannot promise: who comes
// in by the tool, and on a device shut by names alone, that all of it is cut.
func (v *visit) toolWords(w gateway.Window, names []string) []string {
	tool, device := plain(w.Tool), v.deviceOf(w)
	words := []string{v.say("page.picture.tool", "tool", tool, "device", device)}
	if len(names) > 0 {
		words = append(words, v.say("page.picture.tool_names", "names", strings.Join(names, ", ")))
	}
	if w.ByName {
		words = append(words, v.say("page.picture.tool_by_name"))
	} else {
		words = append(words, v.say("page.picture.tool_all", "device", device))
	}
	return append(words, v.say("page.picture.tool_who", "tool", tool, "vendor", v.vendorOf(w)))
}

// namesOf are the names a tool's window answers, the first of them.
func (v *visit) namesOf(tool string) []string {
	for _, t := range v.Gateway.Tools(v.r.Context()) {
		if t.Name != tool {
			continue
		}
		var out []string
		for i, d := range t.Domains {
			if i == mostNames {
				return append(out, v.say("page.picture.more_names", "n", len(t.Domains)-i))
			}
			out = append(out, plain(d))
		}
		return out
	}
	return nil
}

// addrsOf are the addresses of the window's device, for the picture: those of
// its ways, or where those are not known, all but those of its link alone. A
// ledger that cannot be read leaves them out.
func (v *visit) addrsOf(w gateway.Window) []string {
	var out []string
	for _, x := range w.Ways {
		a := x.Inside.Addr()
		if x.Out {
			a = x.Source.Addr()
		}
		if kindOf(w) != window.WireGuard && !slices.Contains(out, a.String()) { // a tunnel's ways lead to the box first
			out = append(out, a.String())
		}
	}
	if len(out) > 0 {
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

// dialOf is what the vendor has to dial to come in, if he does.
func dialOf(w gateway.Window) string {
	var out []string
	for _, x := range w.Ways {
		if x.Out || kindOf(w) == window.WireGuard && !slices.Contains(w.Sources, x.Source) {
			continue // a way out, or the inside of a tunnel
		}
		if s := plain(x.Dial) + "/" + string(x.Proto); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

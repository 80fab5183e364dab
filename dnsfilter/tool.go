package dnsfilter

import (
	"net/netip"

	"monban/dnsfilter/tools"
)

// tool decides about a name of a remote-support tool.
func (p *Policy) tool(q Ask, g *Group, tool string, class tools.Class) Decision {
	if p.chosen(q.Client, q.Name) {
		return p.chosenTool(q, g, class)
	}
	if class != tools.Shared {
		// What a window was approved for must work within it, and no list of
		// advertisers has a say in that.
		if granted := p.granted(q.Client, q.Name); granted != "" {
			return Decision{Action: Forward, Reason: ToolGranted, Tool: granted, Class: class, Granted: true}
		}
	}
	// What a device under answered-only egress is told it may reach for good,
	// window or not. So a name that is mostly a tool's is refused as well, and
	// there are no days in which it is only watched.
	strict := class != tools.Shared && p.Answered[q.Client.WithZone("")]
	if strict || class == tools.Block && p.ToolsEnforced {
		return Decision{Action: Refuse, Reason: ToolRefused, As: p.Refusal, Tool: tool, Class: class}
	}
	d := p.listed(q, g)
	d.Tool, d.Class = tool, class
	if class == tools.Block && d.Action == Forward {
		d.Reason = ToolObserved
	}
	return d
}

// chosenTool decides about a tool's name that the clinic wants to work at all
// times. Tool stays empty: using it is no event, and a window neither gates nor
// cuts what needs none.
func (p *Policy) chosenTool(q Ask, g *Group, class tools.Class) Decision {
	d := p.listed(q, g)
	if class == tools.Block && p.ToolsEnforced && d.Reason == Unlisted {
		d.Reason = Permitted
		if p.MustWork.Has(q.Name) {
			d.Reason = Needed
		}
	}
	return d
}

// granted returns the tool with an open window on client that name belongs to,
// or "". A name may belong to several, and a shared one belongs to none.
func (p *Policy) granted(client netip.Addr, name string) string {
	if len(p.Granted) == 0 {
		return ""
	}
	for _, tool := range p.Granted[client.WithZone("")] {
		if p.Tools.Belongs(tool, name) {
			return tool
		}
	}
	return ""
}

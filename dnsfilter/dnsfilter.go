// Package dnsfilter decides what becomes of a question for a name: ask, refuse
// or answer here, and why.
//
// It is plain data and pure functions; it sends and receives nothing. Package
// server puts the decisions onto the wire.
package dnsfilter

import (
	"net/netip"
	"time"

	"monban/dnsfilter/list"
	"monban/dnsfilter/tools"
)

// A Policy is all the filter goes by. It does not change once it is in use: a
// new one takes its place. The zero Policy refuses nothing, but keeps local
// names at home.
type Policy struct {
	List    *list.List // names refused, exactly as listed; nil: none
	Allowed Names      // never refused by List or Denied, with all below: the clinic's own choice
	Denied  Names      // refused, with all below: the clinic's own choice, too
	// AllowedFor are names that are allowed to one device only, by each of its
	// addresses, which are unmapped and without zone.
	AllowedFor map[netip.Addr]Names
	MustWork   Names // likewise: what the site's configuration says must work
	// Groups are what holds for some devices each; the first is for those that
	// are no member of another. Without any, all of List holds for everybody.
	Groups []Group
	Zone   *Zone // whose clocks the groups' schedules go by; nil: UTC
	// Members are the indexes into Groups of devices, by each of their
	// addresses, which are unmapped and without zone.
	Members map[netip.Addr]uint8
	// Devices are the short names of devices, likewise: lists may name them.
	Devices map[netip.Addr]string

	// Around are names of other resolvers, VPNs and the like, by which the box is
	// gone around. They are refused to every group, pause or not; nil: none.
	Around *list.List

	// Refusal is how a refused name is answered; nil: with addresses that lead
	// nowhere.
	Refusal *Refusal

	// Local are names answered here, with their addresses, in canonical form
	// (see Canonical).
	Local map[string][]netip.Addr
	// Hosts answers the reverse names of addresses, unmapped and without zone; see
	// AddLocal.
	Hosts map[netip.Addr]string
	// Private are names, with all below, whose public answers may hold
	// private addresses.
	Private Names
	Inside  []netip.Prefix // our own networks, private like RFC 1918 ones

	Tools         *tools.Set // remote-support tools; nil: none are known
	ToolsEnforced bool       // their own names are refused; otherwise only remarked on
	// Granted are the tools with an open window on a device, by each of its
	// addresses. The addresses here and in Answered are unmapped and without
	// zone.
	Granted map[netip.Addr][]string
	// Answered are the addresses of devices that reach only what they were
	// answered. It decides nothing here; package server goes by it.
	Answered map[netip.Addr]bool
}

// An Action is what becomes of a question.
type Action uint8

// The actions. The zero Action is none, so that a forgotten decision is not
// taken for permission.
const (
	Forward Action = iota + 1 // ask the upstream resolvers
	Refuse                    // as the Policy's Refusal says
	Answer                    // with Addrs, or with Host for a reverse name
	NoData                    // the name is there, without records
	NoName                    // there is no such name
	Rename                    // an alias of Host, whose addresses the upstream resolvers know
)

// The reasons are codes of the catalogue of sentences.
const (
	Unlisted  = "dns.reason.unlisted"  // on no list
	Listed    = "dns.reason.listed"    // on a list
	Permitted = "dns.reason.permitted" // allowed by the clinic, whatever a list says
	Denied    = "dns.reason.denied"    // refused by the clinic itself
	Bypass    = "dns.reason.bypass"    // a way around us: of Around
	Safe      = "dns.reason.safe"      // a search engine, as its makers mean it for children
	Paused    = "dns.reason.paused"    // a list or safe search would say otherwise, but is paused
	Needed    = "dns.reason.needed"    // must work
	Known     = "dns.reason.local"     // a name of ours
	AtHome    = "dns.reason.home"      // never leaves the house
	Canary    = "dns.reason.canary"    // tells browsers and devices not to go around us
	Rebinding = "dns.reason.rebinding" // a public name with an address of the inside
	Unready   = "dns.reason.unready"   // there is no policy yet

	ToolRefused  = "dns.reason.tool"          // a remote-support tool's own, and no window is open
	ToolGranted  = "dns.reason.tool_granted"  // … and one is
	ToolObserved = "dns.reason.tool_observed" // … which is only remarked on so far
)

// A Decision is an Action and why.
type Decision struct {
	Action Action
	Reason string       // code dns.reason.*
	List   string       // for Listed: which list …
	Line   int          // … and line
	Via    string       // the alias that decided, or that is Tool's, when it was not the name itself
	As     *Refusal     // for Refuse: the Policy's
	Zone   string       // the zone that answers, a suffix of the name; empty: the name itself
	Addrs  []netip.Addr // for Answer
	Host   string       // for Answer to a reverse name, and for Rename

	Tool    string      // the remote-support tool whose name it is; empty: of none, or the clinic's own choice
	Class   tools.Class // how much that says
	Granted bool        // a window for Tool is open on the client: answers go to its gates

	Group    string // the client's, if its lists, its safe search or its pause decided
	Schedule int    // for Listed: which of its schedules, from 1, put List in force for now; 0: it always is
}

// An Ask is a question as the filter sees it.
type Ask struct {
	Client netip.Addr // unmapped; a zone does not count
	Name   string     // canonical: lower case, no dot at the end, "" for the root
	Type   uint16     // as on the wire; 0: whatever it may be
	At     time.Time  // for schedules
}

// Decide says what becomes of q. The Decision keeps no part of its name.
func (p *Policy) Decide(q Ask) Decision {
	if d, ok := p.home(q.Name); ok {
		return d
	}
	g := p.group(q.Client)
	d := p.outside(q, g)
	if g != nil && g.Safe != SafeOff && d.Action == Forward && d.Tool == "" {
		return g.safe(q, d)
	}
	return d
}

// outside decides about a name that is not ours, but for safe search; g is the
// client's group.
func (p *Policy) outside(q Ask, g *Group) Decision {
	if tool, class, ok := p.Tools.Lookup(q.Name); ok {
		return p.tool(q, g, tool, class)
	}
	return p.listed(q, g)
}

// listed looks at the lists and what overrules them.
func (p *Policy) listed(q Ask, g *Group) Decision {
	d := Decision{Action: Refuse, Reason: Listed, As: p.Refusal}
	if around, ok := p.Around.Lookup(q.Name); ok { // first, for a pause lifts all others
		d.Reason, d.List, d.Line = Bypass, around.List, around.Line
	} else if p.Denied.Has(q.Name) {
		d.Reason = Denied
	} else if !p.find(q, g, &d) {
		return Decision{Action: Forward, Reason: Unlisted}
	}
	switch {
	case p.MustWork.Has(q.Name):
		return Decision{Action: Forward, Reason: Needed}
	case p.allowed(q.Client, q.Name):
		return Decision{Action: Forward, Reason: Permitted}
	case g != nil && g.Paused && d.Reason != Bypass:
		d.Action, d.Reason, d.Group, d.As = Forward, Paused, g.Name, nil
	}
	return d
}

// find looks q up on the lists that hold for g, and notes in d what was found.
func (p *Policy) find(q Ask, g *Group, d *Decision) bool {
	in := list.All
	if g != nil {
		in = g.lists(p.Zone, q.At)
	}
	found, ok := p.List.Find(list.Query{Name: q.Name, Type: q.Type, Client: q.Client, Device: p.Devices[q.Client.WithZone("")], In: in})
	if !ok {
		return false
	}
	d.List, d.Line = found.List, found.Line
	if g != nil {
		d.Group = g.Name
		if len(g.Schedules) > 0 {
			d.Schedule = g.schedule(p.Zone, q.At, p.List.Choose(found.List))
		}
	}
	return true
}

// Judge decides about an answer the upstream gave to q, which Decide let
// through: aliases are the further names it leads over, addrs the addresses in
// it. An alias is judged like a name of its own, unless the name itself is
// allowed or of a tool with an open window, whose maker says where it leads;
// and no public name may lead inside. When it lets the answer through, Tool and
// what goes with it are those of the first alias that is a tool's, a granted
// one before others.
func (p *Policy) Judge(q Ask, aliases []string, addrs []netip.Addr) Decision {
	chosen := len(aliases) > 0 && p.chosen(q.Client, q.Name)
	free := chosen || len(aliases) > 0 && p.granted(q.Client, q.Name) != ""
	pass := Decision{Action: Forward, Reason: Unlisted}
	g := p.group(q.Client)
	for _, alias := range aliases {
		d, ours := p.home(alias)
		if !ours { // where an alias leads is no question for safe search: that is asked by its own name
			d = p.outside(Ask{Client: q.Client, Name: alias, Type: q.Type, At: q.At}, g)
		}
		if d.Action == Forward || free && d.Action == Refuse {
			if d.Action == Forward && d.Tool != "" && !chosen && (pass.Tool == "" || d.Granted && !pass.Granted) {
				pass.Tool, pass.Class, pass.Granted, pass.Via = d.Tool, d.Class, d.Granted, alias
			}
			continue
		}
		if d.Action != Refuse { // a name that only we answer
			d = Decision{Action: Refuse, Reason: Rebinding, As: p.Refusal}
		}
		d.Via = alias
		return d
	}
	for _, a := range addrs {
		if p.inside(a) && !p.Private.Has(q.Name) {
			return Decision{Action: Refuse, Reason: Rebinding, As: p.Refusal}
		}
	}
	return pass
}

// chosen says whether the clinic or its configuration wants name to work.
func (p *Policy) chosen(client netip.Addr, name string) bool {
	return p.MustWork.Has(name) || p.allowed(client, name)
}

// allowed says whether the clinic allowed name, to all or to this client.
func (p *Policy) allowed(client netip.Addr, name string) bool {
	return p.Allowed.Has(name) || len(p.AllowedFor) > 0 && p.AllowedFor[client.WithZone("")].Has(name)
}

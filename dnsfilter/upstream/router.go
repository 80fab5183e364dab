package upstream

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"

	"monban/gateway/text"
)

// Routes say which resolvers are asked for which names.
type Routes struct {
	Servers []Server // for all names that no Zone is for
	Zones   []Zone   // at most MaxZones
}

// A Zone is a name whose questions, with all below it, go to resolvers of its
// own and to no others, whether these answer or not.
type Zone struct {
	Name    string   // canonical: lower case, no dot at the end; not the root
	Servers []Server // required
	Devices []string // by name, for whom alone this is so; empty: for all
}

// MaxZones is how many zones Routes may have.
const MaxZones = 64

// Equal says whether r and o are the same in everything.
func (r Routes) Equal(o Routes) bool {
	same := func(a, b []Server) bool { return slices.EqualFunc(a, b, Server.Equal) }
	return same(r.Servers, o.Servers) && slices.EqualFunc(r.Zones, o.Zones, func(a, b Zone) bool {
		return a.Name == b.Name && same(a.Servers, b.Servers) && slices.Equal(a.Devices, b.Devices)
	})
}

// A Router knows whom to ask for a name. It may be used by many goroutines.
type Router struct {
	zones []Zone
	all   []*Client          // by group
	texts map[string][]route // by canonical name
	wires map[string][]route // by name in wire form
	who   atomic.Pointer[map[netip.Addr]uint64]
}

// A route is one zone: group is its place in Routes, from 1.
type route struct {
	group   uint8
	limited bool // for some devices only
}

// NewRouter returns a Router for r. o's Servers are not used.
func NewRouter(r Routes, o Options) (*Router, error) {
	if len(r.Zones) > MaxZones {
		return nil, text.NewFault("upstream.too_many", "max", MaxZones)
	}
	t := &Router{zones: r.Zones, texts: map[string][]route{}, wires: map[string][]route{}}
	t.who.Store(&map[netip.Addr]uint64{})
	o.Servers = r.Servers
	main, err := New(o)
	if err != nil {
		return nil, err
	}
	t.all = append(t.all, main)
	for i, z := range r.Zones {
		o.Servers = z.Servers
		c, err := New(o)
		if err != nil {
			return nil, err
		}
		var wire [256]byte
		n, err := dns.PackDomainName(dns.Fqdn(z.Name), wire[:], 0, nil, false)
		if err != nil || n < 3 || z.Name != strings.ToLower(strings.TrimSuffix(z.Name, ".")) {
			return nil, text.NewFault("upstream.bad_zone", "name", z.Name)
		}
		w := string(wire[:n])
		t.all = append(t.all, c)
		add := func(all []route) []route {
			all = append(all, route{uint8(i + 1), len(z.Devices) > 0})
			// What is for some goes before what is for all.
			slices.SortStableFunc(all, func(a, b route) int {
				switch {
				case a.limited == b.limited:
					return 0
				case a.limited:
					return -1
				}
				return 1
			})
			return all
		}
		t.texts[z.Name], t.wires[w] = add(t.texts[z.Name]), add(t.wires[w])
	}
	return t, nil
}

// SetDevices says which addresses the devices of the zones have now; others
// than those are of no device. Answers remembered by group stay right.
func (t *Router) SetDevices(addrs map[string][]netip.Addr) {
	who := map[netip.Addr]uint64{}
	for i, z := range t.zones {
		for _, d := range z.Devices {
			for _, a := range addrs[d] {
				who[plain(a)] |= 1 << i
			}
		}
	}
	t.who.Store(&who)
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// Pick returns whom to ask for name on behalf of client, and the group: answers
// of one group say nothing about questions of another, even for one name.
// Group 0 is everybody's, the main servers. name is canonical: lower case, no
// dot at the end. The zero client is no device.
func (t *Router) Pick(client netip.Addr, name string) (*Client, uint8) {
	if len(t.zones) == 0 {
		return t.all[0], 0
	}
	for at, end := 0, name == ""; !end; at, end = dns.NextLabel(name, at) {
		if r, ok := t.choose(t.texts[name[at:]], client); ok {
			return t.all[r.group], r.group
		}
	}
	return t.all[0], 0
}

// PickWire is the group that Pick gives for a name in lower-case wire form, with
// the root's zero at its end. It allocates nothing.
func (t *Router) PickWire(client netip.Addr, name []byte) (group uint8) {
	for len(t.zones) > 0 && len(name) > 1 && len(name) > int(name[0]) {
		if r, ok := t.choose(t.wires[string(name)], client); ok {
			return r.group
		}
		name = name[1+int(name[0]):]
	}
	return 0
}

func (t *Router) choose(all []route, client netip.Addr) (route, bool) {
	for _, r := range all {
		if !r.limited || (*t.who.Load())[plain(client)]>>(r.group-1)&1 == 1 {
			return r, true
		}
	}
	return route{}, false
}

// Zoned says whether there are any groups but 0.
func (t *Router) Zoned() bool { return len(t.zones) > 0 }

// ExchangeIn asks the servers of a group that Pick gave.
func (t *Router) ExchangeIn(ctx context.Context, group uint8, q Question) (*dns.Msg, error) {
	if int(group) >= len(t.all) {
		return nil, fmt.Errorf("asking for %s: %w: there is no group %d", q.Name, ErrNoAnswer, group)
	}
	return t.all[group].Exchange(ctx, q)
}

// OKIn says whether the servers of a group are believed to answer.
func (t *Router) OKIn(group uint8) bool { return int(group) < len(t.all) && t.all[group].OK() }

// Main are the servers of group 0.
func (t *Router) Main() []Server { return t.all[0].Main() }

// Exchange asks for q as for a client that is no device.
func (t *Router) Exchange(ctx context.Context, q Question) (*dns.Msg, error) {
	c, _ := t.Pick(netip.Addr{}, strings.ToLower(strings.TrimSuffix(q.Name, ".")))
	return c.Exchange(ctx, q)
}

// OK says whether the main servers are believed to answer.
func (t *Router) OK() bool { return t.all[0].OK() }

package server

import (
	"context"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
)

// Zones are what an Upstream may have beside: names with resolvers of their
// own, for all or for some devices. *upstream.Router has them. A group is whom
// a question goes to; answers of one say nothing about another, even for one
// name. Group 0 is everybody's.
type Zones interface {
	Zoned() bool // there are any groups but 0
	PickWire(client netip.Addr, name []byte) (group uint8)
	ExchangeIn(ctx context.Context, group uint8, q upstream.Question) (*dns.Msg, error)
	OKIn(group uint8) bool
}

// An uplink is whom to ask, and what they have said. The two are replaced as
// one, so that what a resolver says late is never taken for another's word,
// nor a group for that of the same number in other Zones.
type uplink struct {
	Upstream
	zones Zones // nil: there is but one group
	cache *cache
}

func newUplink(u Upstream, cacheSize int) *uplink {
	o := &uplink{Upstream: u, cache: newCache(cacheSize)}
	if z, ok := u.(Zones); ok && z.Zoned() {
		o.zones = z
	}
	return o
}

// pick notes with q in whose name it is asked.
func (o *uplink) pick(q *question, client netip.Addr) {
	q.group = 0
	if o.zones != nil {
		q.group = o.zones.PickWire(client, q.wire())
	}
}

func (o *uplink) exchange(ctx context.Context, group uint8, q upstream.Question) (*dns.Msg, error) {
	if o.zones != nil {
		return o.zones.ExchangeIn(ctx, group, q)
	}
	return o.Exchange(ctx, q)
}

func (o *uplink) ok(group uint8) bool {
	if o.zones != nil {
		return o.zones.OKIn(group)
	}
	return o.OK()
}

// SetUpstream puts u in place of the resolvers asked so far. What those have
// said is forgotten, unless u asks the same for names of no zone: their answers
// stay, the stale ones too, and those of zones are forgotten.
func (s *Server) SetUpstream(u Upstream) {
	s.changing.Lock()
	defer s.changing.Unlock()
	next, was := newUplink(u, s.o.Cache), s.uplink.Load()
	if was != nil && sameServers(was.Upstream, u) {
		next.cache.inherit(was.cache)
	}
	s.uplink.Store(next)
}

// sameServers says whether a and b are known to ask the same for names of no
// zone.
func sameServers(a, b Upstream) bool {
	type lister interface{ Main() []upstream.Server }
	x, ok := a.(lister)
	y, also := b.(lister)
	return ok && also && slices.EqualFunc(x.Main(), y.Main(), upstream.Server.Equal)
}

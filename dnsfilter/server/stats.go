package server

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

type counters struct {
	queries, refused, local, cached, stale, forwarded, failed atomic.Uint64
	malformed, overload, limited, unsent, panics              atomic.Uint64
	held, unadmitted, untold                                  atomic.Uint64
}

// Stats are counts since the Server was made, and how it stands.
type Stats struct {
	Queries   uint64 // datagrams and messages that came
	Refused   uint64 // answered with a refusal
	Local     uint64 // answered from our own names
	Cached    uint64 // found in the cache, fresh
	Stale     uint64 // answered with what was out of date, for want of better
	Forwarded uint64 // asked outside
	Failed    uint64 // asked outside, and nobody could say
	Malformed uint64
	Overload  uint64 // turned away because too much was going on
	Limited   uint64 // left unanswered because one client asked too much
	Unsent    uint64 // answers the system would not send
	Panics    uint64

	Held       uint64 // answers that waited for their addresses to be let through …
	Unadmitted uint64 // … and were not given, because that failed or took too long
	Untold     uint64 // sightings of tools that nobody was told of, because there were too many

	CacheEntries int
	CacheBytes   int
	UpstreamOK   bool
}

// Stats returns the counts now.
func (s *Server) Stats() Stats {
	c, out := &s.counters, s.uplink.Load()
	st := Stats{
		Queries: c.queries.Load(), Refused: c.refused.Load(), Local: c.local.Load(),
		Cached: c.cached.Load(), Stale: c.stale.Load(), Forwarded: c.forwarded.Load(),
		Failed: c.failed.Load(), Malformed: c.malformed.Load(), Overload: c.overload.Load(), Limited: c.limited.Load(),
		Unsent: c.unsent.Load(), Panics: c.panics.Load(),
		Held: c.held.Load(), Unadmitted: c.unadmitted.Load(), Untold: c.untold.Load(), UpstreamOK: out.OK(),
	}
	st.CacheEntries, st.CacheBytes = out.cache.size()
	return st
}

// A Refusal is one question that was refused, and why.
type Refusal struct {
	At     time.Time  `json:"at"`
	Client netip.Addr `json:"client"`
	Name   string     `json:"name"`
	Type   string     `json:"type"`
	Reason string     `json:"reason"` // code dns.reason.*
	List   string     `json:"list,omitempty"`
	Line   int        `json:"line,omitempty"`
	Via    string     `json:"via,omitempty"`  // the alias that is on the list or the tool's
	Tool   string     `json:"tool,omitempty"` // the remote-support tool whose name it is
}

// ringSize is how many refusals are remembered.
const ringSize = 512

// A ring holds the last refusals. They are made into texts only when somebody
// reads them: a refused name costs no allocation.
type ring struct {
	mu  sync.Mutex
	all [ringSize]struct {
		Refusal // without name and type
		name    [maxWire]byte
		size    int
		odd     string // the name, if it does not fit
		typ     uint16
	}
	n uint64 // ever added
}

func (r *ring) add(x *Refusal, q *question) {
	name := q.name()
	odd := ""
	if len(name) > maxWire {
		odd, name = string(name), nil
	}
	r.mu.Lock()
	place := &r.all[r.n%ringSize]
	place.Refusal, place.typ, place.odd = *x, q.typ, odd
	place.size = copy(place.name[:], name)
	r.n++
	r.mu.Unlock()
}

// Refusals returns the last refusals, at most limit and at most 512, newest
// first.
func (s *Server) Refusals(limit int) []Refusal {
	r := &s.refusals
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(uint64(max(limit, 0)), r.n, ringSize)
	out := make([]Refusal, n)
	for i := range out {
		place := &r.all[(r.n-1-uint64(i))%ringSize]
		out[i] = place.Refusal
		out[i].Type, out[i].Name = dns.Type(place.typ).String(), place.odd
		if place.odd == "" {
			out[i].Name = string(place.name[:place.size])
		}
	}
	return out
}

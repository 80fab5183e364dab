package server

import (
	"context"
	"maps"
	"net/netip"
	"sync"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/tools"
)

// A ToolSeen is a question for a name of a remote-support tool.
type ToolSeen struct {
	At      time.Time
	Client  netip.Addr
	Name    string // the tool's: the one asked for, or the alias it led to
	Tool    string
	Class   tools.Class
	Refused bool
	Granted bool // a window for Tool was open on Client: the question was to be expected
}

const (
	seenPause = time.Minute // between two sightings of the same
	maxSeen   = 4096        // different sightings remembered for that long
	seenRoom  = 256         // sightings waiting to be told
	// sweepPause keeps a flood from making each question pay for a sweep.
	sweepPause = time.Second
)

// sightings are what Seen is told of.
type sightings struct {
	told  chan ToolSeen
	mu    sync.Mutex
	last  map[seenKey]time.Duration // when told, on the server's clock
	swept time.Duration             // when last was
}

type seenKey struct {
	client  netip.Addr
	tool    string
	class   tools.Class
	refused bool
}

func newSightings() *sightings {
	return &sightings{told: make(chan ToolSeen, seenRoom), last: map[seenKey]time.Duration{}}
}

// see notes that a asked for name, about which d was decided, if that is news.
func (s *Server) see(a *asker, name []byte, d *dnsfilter.Decision, now time.Time) {
	if s.o.Seen == nil {
		return
	}
	key := seenKey{a.addr.Addr().WithZone(""), d.Tool, d.Class, d.Action == dnsfilter.Refuse}
	news, full := s.seen.isNews(key, now.Sub(s.began))
	if full {
		s.counters.untold.Add(1)
	}
	if !news {
		return
	}
	x := ToolSeen{At: s.wall(now), Client: key.client, Name: d.Via, Tool: d.Tool, Class: d.Class,
		Refused: key.refused, Granted: d.Granted}
	if x.Name == "" {
		x.Name = string(name)
	}
	select {
	case s.seen.told <- x:
	default:
		s.counters.untold.Add(1)
	}
}

// isNews says whether key was not seen for a minute, and notes that it is now.
// When too many others were, it is full and key is left out: what is remembered
// stays bounded, and nothing is told twice.
func (s *sightings) isNews(key seenKey, now time.Duration) (news, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.last[key]; ok && now-at < seenPause {
		return false, false
	}
	if len(s.last) >= maxSeen && now-s.swept >= sweepPause {
		s.swept = now
		maps.DeleteFunc(s.last, func(_ seenKey, at time.Duration) bool { return now-at >= seenPause })
	}
	if len(s.last) >= maxSeen {
		return false, true
	}
	s.last[key] = now
	return true, false
}

// tell hands sightings on until ctx ends.
func (s *Server) tell(ctx context.Context) {
	for {
		select {
		case x := <-s.seen.told:
			s.tellOne(x)
		case <-ctx.Done():
			return
		}
	}
}

// tellRest hands on what is left when nothing more is answered.
func (s *Server) tellRest() {
	for s.o.Seen != nil {
		select {
		case x := <-s.seen.told:
			s.tellOne(x)
		default:
			return
		}
	}
}

func (s *Server) tellOne(x ToolSeen) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
		}
	}()
	s.o.Seen(x)
}

package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"maps"
	"math/big"
	"slices"
	"sync"
	"time"

	"monban/dnsfilter/subscribe"
	"monban/gateway/config"
	"monban/gateway/store"
)

// A Subscriber fetches lists. *subscribe.Fetcher is it.
type Subscriber interface {
	Fetch(ctx context.Context, src subscribe.Source, have subscribe.Seen, w io.Writer) (subscribe.Got, error)
}

// Pace of fetching. No box asks at once when it starts: after a power cut all
// boxes of a town start together.
const (
	fetchEvery  = 24 * time.Hour // … give or take fetchSpread
	fetchSpread = 2 * time.Hour
	fetchFirst  = 2 * time.Minute // after the start at the earliest …
	fetchWithin = 8 * time.Minute // … and so much later at the latest
	fetchAgain  = 15 * time.Minute
	clockWait   = time.Hour // for the clock to be set, by which certificates are judged
	fetchPoll   = time.Minute
)

// subs are the lists that are fetched, and the names the clinic itself
// refuses.
type subs struct {
	building sync.Mutex // one build at a time
	moving   sync.Mutex // texts in the state directory; before mu

	mu     sync.Mutex // guards what follows; never held over disk
	loaded bool       // the database was read
	began  time.Duration
	states map[string]store.ListState // by name
	due    map[string]time.Duration   // boot time each is asked for next
	lost   map[string]bool            // whose text cannot be read
	busy   string                     // the one being fetched
	denies []store.Deny

	deniesLoaded bool

	wake chan struct{}
}

func newSubs(boot time.Duration) *subs {
	return &subs{began: boot, states: map[string]store.ListState{}, due: map[string]time.Duration{}, lost: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// sourceOf is what a list of the configuration means for the fetcher.
func sourceOf(l config.List) subscribe.Source {
	return subscribe.Source{Name: l.Name, URL: l.URL, Sum: l.Sum, Key: l.Key}
}

// fromOf names the source of a list with all that must hold for it.
func fromOf(l config.List) string {
	from := l.URL
	if l.Sum != [32]byte{} {
		from += " sha256 " + hex.EncodeToString(l.Sum[:])
	}
	if !l.Key.IsZero() {
		from += " key " + l.Key.String()
	}
	return from
}

// fetched are the lists of the configuration that are fetched.
func (g *Gateway) fetched() (all []config.List) {
	for _, l := range g.current().config.DNS.Lists {
		if l.URL != "" {
			all = append(all, l)
		}
	}
	return all
}

// subscribe fetches lists when their time comes.
func (g *Gateway) subscribe(ctx context.Context) error {
	g.sweepTexts()
	for {
		g.checkLists(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(g.nextCheck()):
		case <-g.subs.wake:
		}
	}
}

// clockAwaited says whether fetching waits for the clock to be set.
func (g *Gateway) clockAwaited() bool {
	return !g.o.Clock.Synced() && g.o.Clock.Boot() < g.subs.began+clockWait
}

// nextCheck is how long until some list is due, at most fetchPoll.
func (g *Gateway) nextCheck() time.Duration {
	now, next := g.o.Clock.Boot(), fetchPoll
	if g.clockAwaited() {
		return next
	}
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	for _, due := range g.subs.due {
		next = min(next, max(due-now, time.Second))
	}
	return next
}

// checkLists fetches the lists that are due, and brings what has changed in
// force.
func (g *Gateway) checkLists(ctx context.Context) {
	if g.o.Lists == nil || g.current().mode == SetUp {
		return
	}
	g.loadSubs(ctx)
	if g.settleAccepted() {
		g.keepSubs(ctx)
	}
	lists := g.fetched()
	g.forgetSubs(lists)
	for _, l := range lists {
		g.subState(l)
	}
	g.mendTexts()
	took := false
	for _, l := range lists {
		if g.clockAwaited() || !g.isDue(l) {
			continue
		}
		took = g.checkList(ctx, l) || took
		if ctx.Err() != nil {
			return
		}
		g.keepSubs(ctx)
	}
	if took {
		g.loadLists()
		g.kick()
	}
}

// loadSubs reads what earlier runs knew, once there is a database. What was
// learnt meanwhile is newer.
func (g *Gateway) loadSubs(ctx context.Context) {
	s, db := g.subs, g.db()
	s.mu.Lock()
	loaded := s.loaded
	s.mu.Unlock()
	if db == nil || loaded {
		return
	}
	all, err := db.ListStates(ctx)
	if err != nil {
		g.troubled(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range all {
		if have, ok := s.states[st.Name]; !ok || have.Tried.IsZero() {
			s.states[st.Name] = st
			delete(s.due, st.Name)
		}
	}
	s.loaded = true
}

// keepSubs writes what is known; without a database it is kept in memory.
func (g *Gateway) keepSubs(ctx context.Context) {
	g.subs.moving.Lock() // so that nobody's answer is overwritten by what was known before it
	defer g.subs.moving.Unlock()
	g.subs.mu.Lock()
	all := slices.Collect(maps.Values(g.subs.states))
	loaded := g.subs.loaded
	g.subs.mu.Unlock()
	db := g.db()
	if db == nil || !loaded {
		return
	}
	if err := db.PutListStates(ctx, all); err != nil {
		g.o.Log.Warn("state of lists not stored", "err", err)
	}
}

// forgetSubs drops what is known of lists that the configuration no longer
// has.
func (g *Gateway) forgetSubs(lists []config.List) {
	gone := func(name string) bool {
		return !slices.ContainsFunc(lists, func(l config.List) bool { return l.Name == name })
	}
	g.subs.mu.Lock()
	maps.DeleteFunc(g.subs.states, func(name string, _ store.ListState) bool { return gone(name) })
	maps.DeleteFunc(g.subs.due, func(name string, _ time.Duration) bool { return gone(name) })
	g.subs.mu.Unlock()
	g.dropTexts(gone)
}

// subState is what is known of l. Another address, hash or key makes a new
// list of it; the old text serves until the new one is there.
func (g *Gateway) subState(l config.List) store.ListState {
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	st, ok := g.subs.states[l.Name]
	if from := fromOf(l); !ok || st.From != from {
		st = store.ListState{Name: l.Name, From: from, Sum: st.Sum, Changed: st.Changed}
		g.subs.states[l.Name] = st
		delete(g.subs.due, l.Name)
	}
	return st
}

// isDue says whether it is time for l.
func (g *Gateway) isDue(l config.List) bool {
	st, now := g.subState(l), g.o.Clock.Boot()
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	due, ok := g.subs.due[l.Name]
	if !ok {
		due = max(now, g.subs.began+fetchFirst+upTo(fetchWithin))
		if since := g.o.Clock.Wall().Sub(st.Tried); !st.Tried.IsZero() && since >= 0 {
			due = max(due, now+interval(st)-since)
		}
		g.subs.due[l.Name] = due
	}
	return due <= now
}

// interval is how long after a try the next one comes: a day, or after
// failures soon, then ever later.
func interval(st store.ListState) time.Duration {
	if st.Fails == 0 {
		return fetchEvery - fetchSpread + upTo(2*fetchSpread)
	}
	wait := min(fetchAgain<<min(st.Fails-1, 10), fetchEvery)
	return wait + upTo(wait/2)
}

// upTo is a random part of d, so that boxes do not ask in step.
func upTo(d time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(d)+1))
	if err != nil {
		return d // crypto/rand does not fail since Go 1.24
	}
	return time.Duration(n.Int64())
}

// putSub keeps what is known of a list now, and when it is asked for next.
func (g *Gateway) putSub(st store.ListState) {
	g.subs.mu.Lock()
	defer g.subs.mu.Unlock()
	g.subs.states[st.Name] = st
	g.subs.due[st.Name] = g.o.Clock.Boot() + interval(st)
}

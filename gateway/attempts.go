package gateway

import (
	"context"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"monban/firewall"
	"monban/gateway/selftest"
	"monban/gateway/store"
)

// Pace and bounds of counting attempts.
const (
	tryEvery    = time.Minute
	tryFresh    = 2 * time.Second  // a look at the page reads again after it
	tryIdle     = 10 * time.Minute // a source that stands still is forgotten by the kernel
	tryCrowd    = 4096             // sources; beyond, those still for one reading are, too
	maxTries    = 20_000           // sources in memory between two writes; the total has the rest
	keyAttempts = "attempts"       // setting: the kernel's counters as they were last added up
)

// tries are the attempts outside every window that are not on disk yet.
//
// The kernel counts on and on; what is kept are differences between readings.
// The reading they end with is kept in the same transaction, so that a daemon
// that died counts nothing twice and misses nothing.
type tries struct {
	mu      sync.Mutex // held over disk and kernel; g.mu may be taken under it, never the other way round
	loaded  bool
	testing bool // a self-test's packets are being counted
	last    reading
	still   map[tryKey]time.Duration // boot time at which a source's count was first as it is
	days    map[string]*dayTries
	readAt  time.Duration // boot time
	wroteAt time.Duration
}

func (t *tries) ready() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.loaded
}

// A reading is the kernel's counters at one moment, of one boot.
type reading struct {
	BootID string            `json:"boot_id"`
	Named  map[string]uint64 `json:"named"`
	Tries  map[tryKey]uint64 `json:"tries"`
}

// dayTries is what came up in one day of the clinic's calendar.
type dayTries struct {
	packets uint64
	sources map[netip.Addr]*store.Attempt
}

// A tryKey is where a source is counted: it stands twice when its range was
// registered meanwhile.
type tryKey struct {
	source netip.Addr
	vendor bool
}

// MarshalText is the key as it stands in the setting.
func (k tryKey) MarshalText() ([]byte, error) {
	if k.vendor {
		return []byte("vendor " + k.source.String()), nil
	}
	return []byte(k.source.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *tryKey) UnmarshalText(b []byte) (err error) {
	s, vendor := strings.CutPrefix(string(b), "vendor ")
	k.vendor = vendor
	k.source, err = netip.ParseAddr(s)
	return err
}

// rise is how far a counter went. One that is smaller than before was made
// anew: with the table, or because the source had been forgotten.
func rise(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// countAttempts reads the kernel's counters every minute and when the clinic's
// day ends, and writes what came up every five minutes.
func (g *Gateway) countAttempts(ctx context.Context) error {
	for {
		g.readAttempts(ctx)
		g.writeAttempts(ctx, false)
		wait := min(tryEvery, g.untilMidnight()+50*time.Millisecond)
		if !g.tries.ready() { // samples have nowhere to go yet
			wait = time.Second
		}
		if pause(ctx, wait) != nil {
			ctx = context.WithoutCancel(ctx)
			g.readAttempts(ctx)
			g.writeAttempts(ctx, true)
			return nil
		}
	}
}

func (g *Gateway) untilMidnight() time.Duration {
	now := g.o.Clock.Wall().In(g.Zone())
	y, m, d := now.Date()
	return max(0, time.Date(y, m, d+1, 0, 0, 0, 0, now.Location()).Sub(now))
}

// day is the clinic's day that a reading of now adds to: just after midnight
// still the one that has ended.
func (g *Gateway) day(now time.Time) string {
	return now.Add(-time.Second).In(g.Zone()).Format(time.DateOnly)
}

// readAttempts adds what came up since the last reading.
func (g *Gateway) readAttempts(ctx context.Context) {
	g.tries.mu.Lock()
	defer g.tries.mu.Unlock()
	if g.tries.testing || !g.loadTries(ctx) {
		return
	}
	g.addTries(false)
}

// loadTries takes over the last reading of an earlier daemon in this boot.
// Without it nothing is read: the kernel goes on counting, so it can wait.
// g.tries.mu is held.
func (g *Gateway) loadTries(ctx context.Context) bool {
	t := &g.tries
	if t.loaded {
		return true
	}
	db := g.db()
	if db == nil {
		return false
	}
	b, err := db.Meta(ctx, keyAttempts)
	if err != nil {
		g.troubled(err)
		return false
	}
	t.days, t.still = map[string]*dayTries{}, map[tryKey]time.Duration{}
	if b == nil || json.Unmarshal(b, &t.last) != nil || t.last.BootID != g.o.BootID {
		t.last = reading{BootID: g.o.BootID}
	}
	t.loaded, t.wroteAt = true, g.o.Clock.Boot()
	return true
}

// addTries reads the counters. The total is that of the rules, which also
// count whom the sets had no room for; bySource takes the sets' sum instead,
// which has no self-test in it. g.tries.mu is held.
func (g *Gateway) addTries(bySource bool) {
	t := &g.tries
	// The sets first: the total then has at least what they have.
	all, err := g.o.Firewall.Attempts()
	if err != nil {
		g.o.Log.Warn("attempts not read", "err", err)
		return
	}
	counts, err := g.o.Firewall.Counts()
	if err != nil {
		g.o.Log.Warn("attempts not read", "err", err)
		return
	}
	wall, boot := g.o.Clock.Wall(), g.o.Clock.Boot()
	next := reading{BootID: g.o.BootID, Named: map[string]uint64{}, Tries: map[tryKey]uint64{}}
	var total, sum uint64
	for _, name := range refusedCounters() {
		n := counts.Named[name].Packets
		total += rise(t.last.Named[name], n)
		next.Named[name] = n
	}
	day := t.on(g.day(wall))
	for _, x := range all {
		k := tryKey{x.Source, x.Vendor}
		before, known := t.last.Tries[k]
		n := rise(before, x.Packets)
		next.Tries[k] = x.Packets
		if _, timed := t.still[k]; n > 0 || !known || !timed {
			t.still[k] = boot
		}
		if n == 0 {
			continue
		}
		sum += n
		if a := day.source(x.Source, wall); a != nil {
			a.Packets += n
			a.Last = wall
			if x.Vendor && a.Vendor == "" {
				a.Vendor = g.vendorAt(x.Source)
			}
		}
	}
	maps.DeleteFunc(t.still, func(k tryKey, _ time.Duration) bool { _, there := next.Tries[k]; return !there })
	if bySource {
		total = sum
	}
	day.packets += total
	t.last, t.readAt = next, boot
}

// on returns what came up on a day.
func (t *tries) on(day string) *dayTries {
	d := t.days[day]
	if d == nil {
		d = &dayTries{sources: map[netip.Addr]*store.Attempt{}}
		t.days[day] = d
	}
	return d
}

// source returns what came from one; nil when there are too many.
func (d *dayTries) source(from netip.Addr, at time.Time) *store.Attempt {
	a := d.sources[from]
	if a == nil && len(d.sources) < maxTries {
		a = &store.Attempt{Source: from, First: at, Last: at}
		d.sources[from] = a
	}
	return a
}

// refusedCounters are the rules that count who is refused from outside.
func refusedCounters() (names []string) {
	for _, box := range []bool{true, false} {
		for _, family := range []int{4, 6} {
			for _, p := range []firewall.Proto{firewall.TCP, firewall.UDP, 0} {
				names = append(names, firewall.Refused(box, family, p))
			}
		}
	}
	return names
}

// vendorAt is the name of the vendor whose registered range holds a.
func (g *Gateway) vendorAt(a netip.Addr) string {
	for _, v := range g.current().config.Vendors {
		if slices.ContainsFunc(v.Sources, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return v.Name
		}
	}
	return ""
}

// watchAttempts adds the ports of sampled attempts.
func (g *Gateway) watchAttempts(ctx context.Context) error {
	return g.o.Firewall.WatchAttempts(ctx, func(s firewall.Sample) {
		port := s.Proto.String()
		if s.Proto == firewall.TCP || s.Proto == firewall.UDP {
			port = itoa(int64(s.Target.Port())) + "/" + port
		}
		g.tries.mu.Lock()
		defer g.tries.mu.Unlock()
		if !g.tries.loaded {
			return
		}
		now := g.o.Clock.Wall()
		a := g.tries.on(g.day(now)).source(s.Source.Addr().Unmap(), now)
		if a != nil && len(a.Ports) < store.MaxTriedPorts && !slices.Contains(a.Ports, port) {
			a.Ports = append(a.Ports, port)
		}
	})
}

// writeAttempts puts what came up on disk, when it is time or at once, and
// lets the kernel forget who has stopped.
func (g *Gateway) writeAttempts(ctx context.Context, atOnce bool) {
	g.tries.mu.Lock()
	defer g.tries.mu.Unlock()
	t, db := &g.tries, g.db()
	if !t.loaded || db == nil || t.testing {
		return
	}
	today := g.day(g.o.Clock.Wall())
	var tallies []store.Tally
	for day, d := range t.days {
		atOnce = atOnce || day != today
		tally := store.Tally{Day: day, Packets: d.packets}
		for _, a := range d.sources {
			if a.Packets > 0 {
				tally.Attempts = append(tally.Attempts, *a)
			}
		}
		if tally.Packets > 0 || len(tally.Attempts) > 0 {
			tallies = append(tallies, tally)
		}
	}
	if !atOnce && g.o.Clock.Boot()-t.wroteAt < observeEvery {
		return
	}
	t.wroteAt = g.o.Clock.Boot()
	if len(tallies) > 0 {
		b, err := json.Marshal(t.last)
		if err != nil {
			return
		}
		if err := db.PutAttempts(ctx, tallies, keyAttempts, b); err != nil {
			g.troubled(err)
			return // it stays in memory
		}
	}
	for day, d := range t.days {
		d.packets = 0
		// A sample may be ahead of its count, but not by a day.
		maps.DeleteFunc(d.sources, func(_ netip.Addr, a *store.Attempt) bool { return a.Packets > 0 })
		if day != today {
			delete(t.days, day)
		}
	}
	g.forgetIdle()
}

// forgetIdle makes room in the kernel's sets, and keeps the reading small that
// is written each time. What it forgets is on disk. g.tries.mu is held.
func (g *Gateway) forgetIdle() {
	t, now := &g.tries, g.o.Clock.Boot()
	idle := tryIdle
	if len(t.last.Tries) > tryCrowd {
		idle = tryEvery
	}
	active := map[netip.Addr]bool{}
	for k, since := range t.still {
		active[k.source] = active[k.source] || now-since < idle
	}
	var gone []netip.Addr
	for a, busy := range active {
		if !busy {
			gone = append(gone, a)
		}
	}
	if len(gone) == 0 {
		return
	}
	if err := g.o.Firewall.ForgetAttempts(gone); err != nil {
		g.o.Log.Warn("attempts not forgotten", "err", err)
		return
	}
	for k := range t.still {
		if !active[k.source] {
			delete(t.still, k)
			delete(t.last.Tries, k)
		}
	}
}

// probing runs the self-test without its packets being taken for attempts:
// from just before to just after, the sets' sum is the total, and strangers
// who came meanwhile are in it.
func (g *Gateway) probing(ctx context.Context, r selftest.Request) (selftest.Result, error) {
	g.readAttempts(ctx)
	g.tries.mu.Lock()
	g.tries.testing = true
	g.tries.mu.Unlock()
	defer func() {
		g.tries.mu.Lock()
		defer g.tries.mu.Unlock()
		if g.tries.testing = false; g.tries.loaded {
			g.addTries(true)
		}
	}()
	return g.o.SelfTest(ctx, r)
}

package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/querylog"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
)

// Pace and bounds of watching who goes around the name filter.
const (
	evadeEvery  = time.Minute
	evadeIdle   = 10 * time.Minute // a device that stands still is forgotten by the kernel
	maxEvaders  = 4096             // devices times kinds in memory
	maxEvents   = 200              // lines of the log in a day; what is beyond that is made up
	keyEvasions = "evasions"       // setting: the kernel's counters as they were last added up
)

// How a device goes around the name filter. The first three the kernel counts,
// the others are names it asks for.
const (
	evadePlain  = "plain"  // port 53 of somebody else
	evadeTLS    = "tls"    // DNS over TLS or QUIC
	evadeHTTPS  = "https"  // DNS over HTTPS and the like
	evadeCanary = "canary" // asks whether it may; what every browser does
)

// evasions are those that are not on disk yet. As with attempts, what is kept
// are differences between readings of the kernel, each with its reading.
type evasions struct {
	mu      sync.Mutex // held over disk and kernel; g.mu may be taken under it, never the other way round
	loaded  bool
	named   bool // the query log has told something
	last    detourReading
	still   map[string]time.Duration // boot time at which a count was first as it is
	rows    map[evasionKey]*store.Evasion
	told    map[evasionKey]bool // on record, or need not be
	events  map[string]int      // lines of the log, by day
	readAt  time.Duration       // boot time
	wroteAt time.Duration
}

type evasionKey struct{ day, device, kind string }

// A detourReading is the kernel's counters at one moment, of one boot, and up
// to where the query log is in what is kept.
type detourReading struct {
	BootID string            `json:"boot_id"`
	Ports  map[string]uint64 `json:"ports"` // by hardware address and port
	Names  uint64            `json:"names"`
}

// watchEvasions reads the kernel's counters every minute and when the clinic's
// day ends.
func (g *Gateway) watchEvasions(ctx context.Context) error {
	for {
		g.readEvasions(ctx)
		g.writeEvasions(ctx, false)
		select {
		case <-ctx.Done():
			ctx = context.WithoutCancel(ctx)
			g.readEvasions(ctx)
			g.writeEvasions(ctx, true)
			return nil
		case <-g.evaded: // a name came up that may have to go on record
		case <-time.After(min(evadeEvery, g.untilMidnight()+50*time.Millisecond)):
		}
	}
}

func (g *Gateway) readEvasions(ctx context.Context) {
	g.evasions.mu.Lock()
	defer g.evasions.mu.Unlock()
	if g.loadEvasions(ctx) {
		g.addDetours()
	}
}

// loadEvasions takes over the last reading of an earlier daemon in this boot,
// and what is on record of today. g.evasions.mu is held.
func (g *Gateway) loadEvasions(ctx context.Context) bool {
	e := &g.evasions
	if e.loaded {
		return true
	}
	db := g.db()
	if db == nil {
		return false
	}
	b, err := db.Meta(ctx, keyEvasions)
	if err != nil {
		g.troubled(err)
		return false
	}
	day := g.day(g.o.Clock.Wall())
	kept, err := db.Evasions(ctx, day)
	if err != nil {
		g.troubled(err)
		return false
	}
	e.still, e.rows, e.told, e.events = map[string]time.Duration{}, map[evasionKey]*store.Evasion{}, map[evasionKey]bool{}, map[string]int{}
	if b == nil || json.Unmarshal(b, &e.last) != nil {
		e.last = detourReading{}
	}
	if e.last.BootID != g.o.BootID { // the kernel has begun at nothing, the query log goes on
		e.last = detourReading{BootID: g.o.BootID, Names: e.last.Names}
	}
	for _, k := range kept {
		e.told[evasionKey{k.Day, k.Device, k.Kind}] = true
	}
	e.events[day] = len(kept)
	e.loaded, e.wroteAt = true, g.o.Clock.Boot()
	return true
}

// addDetours adds what the kernel counted since the last reading.
// g.evasions.mu is held.
func (g *Gateway) addDetours() {
	e := &g.evasions
	all, err := g.o.Firewall.Around()
	if err != nil {
		g.o.Log.Warn("who goes around not read", "err", err)
		return
	}
	c := g.current().config
	wall, boot := g.o.Clock.Wall(), g.o.Clock.Boot()
	next := detourReading{BootID: g.o.BootID, Ports: map[string]uint64{}, Names: e.last.Names}
	for _, d := range all {
		mac := device.MAC(d.Device).String()
		k := mac + " " + itoa(int64(d.Port))
		n := rise(e.last.Ports[k], d.Packets)
		next.Ports[k] = d.Packets
		if _, timed := e.still[k]; n > 0 || !timed {
			e.still[k] = boot
		}
		kind, stopped := evadeHTTPS, uint64(0)
		switch d.Port {
		case 53:
			kind = evadePlain
		case 853:
			kind = evadeTLS
		}
		if c.DNS.Around != config.Observe || answeredOnly(c, d.Device) {
			stopped = n
		}
		if n > 0 {
			e.add(g.day(wall), mac, kind, n, stopped, wall, "")
		}
	}
	maps.DeleteFunc(e.still, func(k string, _ time.Duration) bool { _, there := next.Ports[k]; return !there })
	e.last, e.readAt = next, boot
}

// add takes in n attempts, of which some led nowhere.
func (e *evasions) add(day, device, kind string, n, stopped uint64, at time.Time, what string) {
	k := evasionKey{day, device, kind}
	r := e.rows[k]
	if r == nil {
		if len(e.rows) >= maxEvaders {
			return
		}
		r = &store.Evasion{Day: day, Device: device, Kind: kind, First: at, Last: at}
		e.rows[k] = r
	}
	r.N, r.Stopped = r.N+n, r.Stopped+stopped
	if at.Before(r.First) {
		r.First = at
	}
	if at.After(r.Last) {
		r.Last = at
	}
	if what != "" {
		r.What = store.NewestNames(r.What, []string{what})
	}
}

// evadeNames takes in what the query log has written: names of ways around
// that were asked for. What the clinic or its configuration wants to work is no
// way around.
func (g *Gateway) evadeNames(c querylog.Counts) {
	zone, conf, now := g.Zone(), g.current().config, g.o.Clock.Wall()
	var exempt []string
	for _, m := range conf.ExemptMACs() {
		exempt = append(exempt, m.String())
	}
	e := &g.evasions
	e.mu.Lock()
	defer e.mu.Unlock()
	if !g.loadEvasions(context.Background()) {
		return // nowhere to keep it yet
	}
	// What an earlier run left is told first, and once.
	again := !e.named && c.Next <= e.last.Names
	e.named, e.last.Names = true, c.Next
	if again {
		return
	}
	for _, x := range c.All {
		if x.Reason == dnsfilter.Permitted || x.Reason == dnsfilter.Needed || slices.Contains(exempt, x.Device) {
			continue
		}
		kind := evadeCanary
		if x.Reason != dnsfilter.Canary {
			s, ok := g.waysAround.ByName(x.Name)
			if !ok {
				continue
			}
			kind = strings.TrimPrefix(string(s.Kind), "bypass-")
		}
		at := time.Unix(x.Hour*3600, 0)
		if now.Sub(at) < time.Hour {
			at = now
		}
		stopped := uint64(0)
		if x.Verdict == querylog.Refused || kind == evadeCanary {
			stopped = x.N
		}
		e.add(at.In(zone).Format(time.DateOnly), x.Device, kind, x.N, stopped, at, x.Name)
		if accuses(kind) {
			signal(g.evaded)
		}
	}
}

// accuses says whether a kind of going around goes on record: what browsers do
// by themselves to ask whether they may is none.
func accuses(kind string) bool { return kind != evadeCanary }

// writeEvasions puts what came up on disk, at once when something goes on
// record, otherwise when it is time.
func (g *Gateway) writeEvasions(ctx context.Context, atOnce bool) {
	e := &g.evasions
	e.mu.Lock()
	defer e.mu.Unlock()
	db := g.db()
	if !e.loaded || db == nil {
		return
	}
	today := g.day(g.o.Clock.Wall())
	for k := range e.rows {
		atOnce = atOnce || k.day != today
	}
	news := e.news(maxEvents - e.events[today])
	if !atOnce && len(news) == 0 && g.o.Clock.Boot()-e.wroteAt < observeEvery {
		return
	}
	e.wroteAt = g.o.Clock.Boot()
	if len(e.rows) > 0 { // else a full table counts nobody new, so that nothing would come up again
		if err := g.putEvasions(ctx, db, news); err != nil {
			g.troubled(err)
			return // it stays in memory
		}
	}
	for _, k := range news {
		e.told[k] = true
	}
	e.events[today] += len(news)
	clear(e.rows)
	maps.DeleteFunc(e.told, func(k evasionKey, _ bool) bool { return k.day != today })
	maps.DeleteFunc(e.events, func(day string, _ int) bool { return day != today })
	g.forgetDetours()
}

// news are the first of those that go on record and are not there yet; once
// there is no room nobody is noted as told either: made-up devices have no end.
func (e *evasions) news(room int) []evasionKey {
	var news []evasionKey
	for k := range e.rows {
		if accuses(k.kind) && !e.told[k] {
			news = append(news, k)
		}
	}
	slices.SortFunc(news, func(a, b evasionKey) int {
		return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.kind, b.kind), cmp.Compare(a.day, b.day))
	})
	return news[:max(0, min(len(news), room))]
}

// putEvasions writes all that is in memory, and the lines about news.
// g.evasions.mu is held.
func (g *Gateway) putEvasions(ctx context.Context, db *store.DB, news []evasionKey) error {
	e := &g.evasions
	var all []store.Evasion
	for _, r := range e.rows {
		all = append(all, *r)
	}
	reading, err := json.Marshal(e.last)
	if err != nil {
		return err
	}
	if len(news) == 0 {
		return db.PutEvasions(ctx, all, keyEvasions, reading)
	}
	return g.act(ctx, people.Box, func(tx *store.Tx) error {
		if err := tx.PutEvasions(all, keyEvasions, reading); err != nil {
			return err
		}
		for _, k := range news {
			r := e.rows[k]
			if err := g.tell(tx, evasionCode(*r), map[string]any{"device": g.nameOfKey(r.Device), "mac": r.Device, "what": strings.Join(r.What, ", ")}); err != nil {
				return err
			}
		}
		return nil
	})
}

// evasionCode is the line of the log that says so.
func evasionCode(r store.Evasion) string {
	if r.Stopped == 0 {
		return "evasion." + r.Kind + ".seen"
	}
	return "evasion." + r.Kind + ".stopped"
}

// forgetDetours makes room in the kernel. What it forgets is on disk.
// g.evasions.mu is held.
func (g *Gateway) forgetDetours() {
	e, now := &g.evasions, g.o.Clock.Boot()
	idle := evadeIdle
	if len(e.last.Ports) > maxEvaders {
		idle = evadeEvery
	}
	active := map[string]bool{}
	for k, since := range e.still {
		mac, _, _ := strings.Cut(k, " ")
		active[mac] = active[mac] || now-since < idle
	}
	var gone [][6]byte
	for s, busy := range active {
		if mac, err := device.ParseMAC(s); err == nil && !busy {
			gone = append(gone, mac)
		}
	}
	if len(gone) == 0 {
		return
	}
	if err := g.o.Firewall.ForgetAround(gone); err != nil {
		g.o.Log.Warn("who goes around not forgotten", "err", err)
		return
	}
	for k := range e.still {
		if mac, _, _ := strings.Cut(k, " "); !active[mac] {
			delete(e.still, k)
			delete(e.last.Ports, k)
		}
	}
}

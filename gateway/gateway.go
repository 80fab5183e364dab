// Package gateway is the clinic gateway: what the configuration, the open
// windows and the devices mean for the kernel and the name filter, and the
// methods people reach by page, socket and command line.
//
// Plan decides, the reconcile loop carries out. Effects come in as interfaces
// that package main plugs; nothing here talks to the kernel itself.
package gateway

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"monban/dnsfilter/bypass"
	"monban/dnsfilter/list"
	"monban/firewall"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/run"
	"monban/gateway/store"
	"monban/gateway/window"
)

// A Gateway is one running box.
type Gateway struct {
	o     Options
	gens  config.Generations
	data  atomic.Pointer[store.DB] // nil while the database cannot be used
	doors *people.Limiter          // sign-in attempts
	hash  *people.Hasher
	// listKey keeps anybody from building names that collide in the lists.
	listKey list.Key
	around  *list.List // names of ways around us

	acts    sync.Mutex       // one act on a window at a time, so that kernel and record stay in step; may wait for the disk
	adopted bool             // the windows of an earlier daemon were taken over; by acts
	gate    sync.Mutex       // from what is wanted closed to the kernel's answer; taken after acts or without, never held over disk
	closing map[int64]closer // wanted closed, and not on record as closed; by gate
	stop    *stop            // the last wish to close everything; by gate
	writing sync.Mutex       // one writer of late records
	siting  sync.Mutex       // site.toml is read again, or changed by the page, one at a time
	naming  sync.Mutex       // held from planning the filter's policy to setting it, so that no older one comes after a newer

	mu        sync.Mutex // guards what follows; never held over disk or kernel
	site      site
	inventory *device.Inventory
	lists     lists
	holding   map[int64]window.Window         // what the kernel holds by our record
	ended     map[firewall.Mark]window.Window // over in this boot; their flows stand as tombstones
	late      []lateRecord                    // over or begun, but not on disk yet
	rules     rules
	trouble   error // why the database cannot be used, nil if it can
	proof     proof
	logins    *store.Logins
	tools     toolWatch
	limited   limitWatch
	nextStart time.Time // of the planned windows; zero: none
	missed    map[int64]missedStart
	orphans   int // regular plans whose vendor is in site.toml no more

	sessions  sync.Mutex // guards what follows
	seenFlows map[flowKey]seenFlow
	foundOld  map[firewall.Mark]bool // marks of flows that were there when we came; nil: not looked yet
	pending   map[string]pendingPerson

	wake  chan struct{} // the guard loop
	edge  chan struct{} // the keeper loop
	flush chan struct{} // new devices
	flows chan struct{} // new sessions
	subs  *subs         // lists that are fetched, names the clinic refuses

	crier *crier    // notices on their way
	firm  *firmware // the box's own software
	tries tries     // attempts outside windows

	network network // the box's own ports

	evasions   evasions      // ways around the name filter
	waysAround *bypass.Set   // by name
	evaded     chan struct{} // a name of them came up

	answered answered    // addresses told by name
	chosen   chosenNames // by mu
	nameSums nameSums    // the query log, added up

	plansAt time.Duration // boot time weekly plans were looked at; the keeper's own

	tried      sync.Once
	triedStore chan struct{} // closed when the database was tried once
}

// rules is what is known of the kernel's rules.
type rules struct {
	applied string // text of what was last applied
	ok      bool   // the kernel held exactly that when it was last read
	readAt  time.Time
	suspect bool // somebody else changed something since
	err     error
	notes   []Note // of Plan
}

// New returns a Gateway that has touched nothing yet.
func New(o Options) (*Gateway, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	key, ways := list.NewKey(), bypass.NewSet()
	around, err := aroundList(key, ways)
	if err != nil {
		return nil, err
	}
	return &Gateway{
		o: o, gens: config.Generations{Dir: o.State + "/generations"},
		doors: people.NewLimiter(), hash: people.NewHasher(), listKey: key, around: around, waysAround: ways, evaded: make(chan struct{}, 1),
		inventory: device.NewInventory(nil),
		holding:   map[int64]window.Window{}, ended: map[firewall.Mark]window.Window{}, pending: map[string]pendingPerson{},
		wake: make(chan struct{}, 1), edge: make(chan struct{}, 1), flush: make(chan struct{}, 1), flows: make(chan struct{}, 1), triedStore: make(chan struct{}),
		closing: map[int64]closer{}, missed: map[int64]missedStart{}, plansAt: -planEvery, seenFlows: map[flowKey]seenFlow{},
		crier: newCrier(), subs: newSubs(o.Clock.Boot()), firm: newFirmware(o.Clock.Boot()),
	}, nil
}

// Run brings the kernel to what the configuration says, tells Ready, and keeps
// it so until ctx ends. The rules stay when it returns: a stopped guard must
// not leave the door open.
func (g *Gateway) Run(ctx context.Context) error {
	g.start()
	if err := g.guardOnce(ctx); err != nil {
		// The rules that are there stay, and the guard goes on trying.
		g.o.Log.Error("rules not as planned", "err", err)
	}
	g.loadLists()
	g.noteStart(ctx)
	tasks := []run.Task{
		{Name: "ready", Run: g.awaitReady},
		{Name: "guard", Run: g.guard},
		{Name: "keeper", Run: g.keep, Restart: true},
		{Name: "observations", Run: g.observe, Restart: true},
		{Name: "files", Run: g.watchFiles, Restart: true},
		{Name: "flows", Run: g.watchFlows, Restart: true},
		{Name: "flow poll", Run: g.pollLoop, Restart: true},
		{Name: "foreign rules", Run: g.watchForeign, Restart: true},
		{Name: "daily self-test", Run: g.daily, Restart: true},
		{Name: "notices", Run: g.cry, Restart: true},
		{Name: "attempts", Run: g.countAttempts, Restart: true},
		{Name: "lists", Run: g.subscribe, Restart: true},
		{Name: "ways around", Run: g.watchEvasions, Restart: true},
		{Name: "query log", Run: g.keepQueryLog, Restart: true},
		{Name: "attempt samples", Run: g.watchAttempts, Restart: true},
	}
	if g.o.Watch != nil {
		tasks = append(tasks, run.Task{Name: "neighbours", Run: g.neighbours, Restart: true})
	}
	if g.o.Slots != nil {
		tasks = append(tasks, run.Task{Name: "firmware", Run: g.keepFirmware, Restart: true})
	}
	err := run.Tasks(ctx, func(name string, in time.Duration, err error) {
		g.o.Log.Warn("task restarts", "task", name, "in", in, "err", err)
	}, tasks...)
	if db := g.db(); db != nil {
		db.Close()
	}
	return err
}

// storeWithin is how long a slow disk may keep the box from saying that it is
// ready. It goes on opening the database after that.
const storeWithin = 20 * time.Second

// awaitReady tells Ready when the rules were read back and the database was
// tried, so that people find their windows.
func (g *Gateway) awaitReady(ctx context.Context) error {
	late := time.After(storeWithin)
	select {
	case <-g.triedStore:
	case <-late:
	case <-ctx.Done():
		return nil
	}
	for {
		g.mu.Lock()
		read := !g.rules.readAt.IsZero()
		g.mu.Unlock()
		if read {
			break
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return nil
		}
	}
	if g.o.Ready != nil {
		g.o.Ready()
	}
	return nil
}

// start reads the configuration.
func (g *Gateway) start() {
	s := g.readSite()
	g.mu.Lock()
	g.site = s
	g.mu.Unlock()
	g.nameDevices(s.config)
	if s.fault != nil {
		g.o.Log.Error("site.toml is not usable", "mode", s.mode, "err", s.fault)
	}
}

// noteStart puts the start on record, once there is a database to take it.
func (g *Gateway) noteStart(ctx context.Context) {
	s := g.current()
	g.record(ctx, people.Box, func(tx *store.Tx) error {
		args := map[string]any{"version": g.o.Version, "generation": s.generation}
		if s.fault != nil {
			args["why"] = firstLine(s.fault)
		}
		return tx.Audit("box.started."+string(s.mode), args)
	})
}

// neighbours watches the LAN port of the configuration in force.
func (g *Gateway) neighbours(ctx context.Context) error {
	for ctx.Err() == nil {
		iface := g.lanInterface()
		if iface == "" {
			if err := pause(ctx, reconcileEvery); err != nil {
				return nil
			}
			continue
		}
		inner, stop := context.WithCancel(ctx)
		group, _ := run.NewGroup(inner)
		group.Go("watch", func(ctx context.Context) error { return g.o.Watch(ctx, []string{iface}, g.see) })
		group.Go("port", func(ctx context.Context) error {
			for g.lanInterface() == iface {
				if pause(ctx, reconcileEvery) != nil {
					return nil
				}
			}
			stop()
			return nil
		})
		err := group.Wait()
		stop()
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *Gateway) lanInterface() string {
	s := g.current()
	if s.mode == SetUp {
		return g.o.SetUpLAN
	}
	return s.config.LAN.Interface
}

// pause waits for d, or returns why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (g *Gateway) current() site {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.site
}

// kick makes the guard look at once.
func (g *Gateway) kick() { signal(g.wake) }

// open returns the windows the kernel holds by our record, the oldest first.
func (g *Gateway) open() []window.Window {
	g.mu.Lock()
	defer g.mu.Unlock()
	ws := make([]window.Window, 0, len(g.holding))
	for _, w := range g.holding {
		ws = append(ws, w)
	}
	slices.SortFunc(ws, func(a, b window.Window) int { return int(a.ID - b.ID) })
	return ws
}

func (g *Gateway) openByID(id int64) (window.Window, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, ok := g.holding[id]
	return w, ok
}

func (g *Gateway) remember(w window.Window) {
	g.mu.Lock()
	g.holding[w.ID] = w
	g.mu.Unlock()
	signal(g.edge)
}

func (g *Gateway) forget(w window.Window) {
	g.mu.Lock()
	delete(g.holding, w.ID)
	if w.Mark != 0 {
		g.ended[firewall.Mark(w.Mark)] = w
	}
	g.mu.Unlock()
}

// endedByID finds a window that is over in this boot.
func (g *Gateway) endedByID(id int64) (window.Window, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.ended {
		if w.ID == id {
			return w, true
		}
	}
	return window.Window{}, false
}

// windowByMark finds the window a flow belongs to: an open one, or one that is
// over but whose flows still stand in the kernel as tombstones.
func (g *Gateway) windowByMark(m firewall.Mark) (window.Window, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.holding {
		if firewall.Mark(w.Mark) == m {
			return w, true
		}
	}
	w, ok := g.ended[m]
	return w, ok
}

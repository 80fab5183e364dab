package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"monban/dnsfilter"
	"monban/dnsfilter/tools"
	"monban/firewall"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// ToolSeen is that a device asked for a name of a remote-support tool.
type ToolSeen struct {
	At      time.Time
	Client  netip.Addr
	Name    string
	Tool    string
	Shared  bool // others use the name, too: the look-up accuses nobody
	Refused bool
	Granted bool // a window for it was open on the device
}

// keyToolsSince is the setting that says when tools were first watched.
const keyToolsSince = "tools_since"

// toolWatch is what is known of remote-support tools on the LAN.
type toolWatch struct {
	since time.Time          // zero: no database yet, or no right clock
	told  map[toolKey]string // today: the code on record
	today string
	tried []toolKey // refused today, the newest last
}

type toolKey struct {
	mac    device.MAC
	tool   string
	shared bool
}

// maxTold bounds what is remembered of a day. More devices times tools than
// that are an attack on the memory, and the log has had the first of them.
const maxTold = 4096

// Tools are the remote-support tools a window can be for.
func (g *Gateway) Tools(context.Context) []Tool {
	if g.o.Tools == nil {
		return nil
	}
	var out []Tool
	for _, t := range g.o.Tools.Tools() {
		x := Tool{Name: t.Name}
		for _, d := range t.Domains {
			if d.Class == tools.Block {
				x.Domains = append(x.Domains, d.Name)
			}
		}
		if len(x.Domains) > 0 {
			out = append(out, x)
		}
	}
	return out
}

// knownTool finds a tool of the data file by its name.
func (g *Gateway) knownTool(name string) (string, error) {
	if slices.ContainsFunc(g.Tools(context.Background()), func(t Tool) bool { return t.Name == name }) {
		return name, nil
	}
	return "", text.NewFault("window.tool_unknown", "tool", name).On("tool")
}

// enforced says whether names of tools are refused: after the days in which
// they are only watched.
func (g *Gateway) enforced() bool {
	days := time.Duration(g.current().config.Tools.ObserveDays)
	if days == 0 {
		return true
	}
	g.mu.Lock()
	since := g.tools.since
	g.mu.Unlock()
	return !since.IsZero() && !g.o.Clock.Wall().Before(since.Add(days*24*time.Hour))
}

// watchTools notes since when tools are watched. It waits for a right clock,
// so that no false date begins the week.
func (g *Gateway) watchTools(ctx context.Context) {
	db := g.db()
	g.mu.Lock()
	known := !g.tools.since.IsZero()
	g.mu.Unlock()
	if known || db == nil || !g.o.Clock.Synced() {
		return
	}
	var since time.Time
	b, err := db.Meta(ctx, keyToolsSince)
	if err != nil {
		g.troubled(err)
		return
	}
	if b == nil || json.Unmarshal(b, &since) != nil {
		since = g.o.Clock.Wall().UTC()
		if b, err = json.Marshal(since); err != nil {
			return
		}
		if err := db.PutMeta(ctx, keyToolsSince, b); err != nil {
			g.troubled(err)
			return
		}
	}
	g.mu.Lock()
	g.tools.since = since
	g.mu.Unlock()
}

// granted are the clients that may ask for names of a tool now, because a
// window of theirs is for it.
func (g *Gateway) granted() map[netip.Addr][]string {
	out := map[netip.Addr][]string{}
	for _, w := range g.open() {
		if w.Kind != window.Tool || w.Left(g.o.Clock.Boot()) == 0 || g.isShut(w.ID) {
			continue
		}
		if d, ok := g.deviceByID(w.Device); ok {
			for _, a := range own(g.onLAN(d)) {
				out[a] = append(out[a], w.Tool)
			}
		}
	}
	return out
}

// nameTools adds to a policy of names what is known of tools, and what people
// have chosen.
func (g *Gateway) nameTools(p *dnsfilter.Policy) {
	g.nameAround(p)
	g.nameLocal(p)
	g.nameDenied(p)
	g.nameAllowed(p)
	if g.o.Tools == nil {
		return
	}
	p.Tools, p.ToolsEnforced, p.Granted = g.o.Tools, g.enforced(), g.granted()
}

// setNames puts the name filter's policy in force at once, for a tool's window
// that has opened or is over.
func (g *Gateway) setNames() error {
	g.naming.Lock()
	defer g.naming.Unlock()
	s := g.current()
	if g.o.Resolver == nil || s.mode == SetUp {
		return nil
	}
	g.mu.Lock()
	known, blocked := g.inventory.All(g.o.Clock.Wall()), g.lists.compiled
	g.mu.Unlock()
	p, err := names(s.config, holdingsOf(known), blocked)
	if err != nil {
		return fmt.Errorf("planning the names: %w", err)
	}
	g.nameTools(p)
	g.o.Resolver.Set(p)
	return nil
}

// Admit lets a device reach the addresses it is about to be told: those of a
// name of its open window's tool as flows of the window, others for as long as
// the answer is good. It returns when the kernel has them.
func (g *Gateway) Admit(_ context.Context, client netip.Addr, tool string, addrs []netip.Addr, ttl time.Duration) error {
	g.mu.Lock()
	d, ok := g.inventory.ByAddr(client, g.o.Clock.Wall())
	g.mu.Unlock()
	if !ok {
		return fmt.Errorf("no device has the address %s", client)
	}
	from := own(g.onLAN(d))
	if tool == "" {
		for _, a := range from {
			if to := sameFamily(a, addrs); len(to) > 0 {
				if err := g.claim(a, d.MAC); err != nil {
					return err
				}
				if err := g.o.Firewall.Admit(a, to, ttl); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for _, w := range g.open() {
		if w.Kind != window.Tool || w.Tool != tool || w.Device != d.ID {
			continue
		}
		var gates []firewall.Gate
		for _, a := range from {
			for _, to := range sameFamily(a, addrs) {
				gates = append(gates, firewall.Gate{Device: a, Target: to})
			}
		}
		if err := g.o.Firewall.AddGates(firewall.Mark(w.Mark), gates); err != nil {
			return err
		}
		signal(g.edge) // the keeper forgets the gates' old flows, which takes longer than a question may
		return nil
	}
	return fmt.Errorf("no window for %s is open", tool)
}

// sameFamily are the addresses a device could reach from a.
func sameFamily(a netip.Addr, all []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(all), func(b netip.Addr) bool {
		return a.Is4() != b.Is4() || !b.IsGlobalUnicast() || a.Is6() && a.IsPrivate() && !b.IsPrivate()
	})
}

// SeeTool takes in that a device asked for a tool's name. The first time in a
// day for each device and tool goes on record; it never waits.
func (g *Gateway) SeeTool(s ToolSeen) {
	if s.Granted {
		return // that is what the window is for
	}
	zone := g.Zone()
	g.mu.Lock()
	d, known := g.inventory.ByAddr(s.Client, g.o.Clock.Wall())
	day := g.o.Clock.Wall().In(zone).Format(time.DateOnly)
	if day != g.tools.today || g.tools.told == nil {
		g.tools.today, g.tools.told, g.tools.tried = day, map[toolKey]string{}, nil
	}
	k := toolKey{d.MAC, s.Tool, s.Shared}
	last, told := g.tools.told[k]
	code := "tool.observed"
	switch {
	case s.Refused:
		code = "tool.refused"
	case s.Shared:
		code = "tool.looked_up"
	}
	if !known || told && (last == code || last == "tool.refused") || len(g.tools.told) >= maxTold {
		g.mu.Unlock()
		return
	}
	g.tools.told[k] = code
	if s.Refused {
		g.tools.tried = append(g.tools.tried, k)
	}
	g.mu.Unlock()
	args := map[string]any{"device": g.deviceView(d).displayName(), "mac": d.MAC.String(), "tool": s.Tool, "name": s.Name}
	g.queue(lateRecord{who: people.Box, fn: func(tx *store.Tx) error { return g.tell(tx, code, args) }})
}

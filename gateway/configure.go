package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"monban/firewall"
	"monban/gateway/config"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// A site is the configuration in force.
type site struct {
	mode       Mode
	config     config.Config // zero in SetUp
	generation int
	fault      error // why site.toml as it lies there is not in force
	file       stamp // the file that was read last, good or not
}

// A stamp tells one version of a file from the next.
type stamp struct {
	size int64
	mod  time.Time
}

func stampOf(path string) stamp {
	fi, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{fi.Size(), fi.ModTime()}
}

// readSite reads site.toml. A file that is missing at first start is copied
// from the provisioning place once. A broken one leaves the last good
// generation in force, and without one the box stands in set-up mode.
func (g *Gateway) readSite() site {
	s := site{file: stampOf(g.o.Config)}
	b, err := os.ReadFile(g.o.Config)
	if _, _, _, lastErr := g.gens.LastGood(); errors.Is(err, fs.ErrNotExist) && lastErr != nil && g.o.Provision != "" {
		if b, err = os.ReadFile(g.o.Provision); err == nil {
			if err := config.WriteFile(g.o.Config, b); err != nil {
				g.o.Log.Warn("site.toml not copied from the provisioning place", "err", err)
			}
			s.file = stampOf(g.o.Config)
		}
	}
	if err == nil {
		var c config.Config
		if c, err = config.Parse(b); err == nil {
			err = g.plannable(c)
		}
		if err == nil {
			s.mode, s.config = Guarding, c
			if s.generation, err = g.gens.Save(b); err != nil {
				// It is good and in force; what is missing is a copy to fall back on.
				g.o.Log.Warn("site.toml in force, but not kept as a generation", "err", err)
			}
			return s
		}
	}
	s.fault = err
	last, _, n, lastErr := g.gens.LastGood()
	switch {
	case lastErr == nil:
		s.mode, s.config, s.generation = Kept, last, n
		if errors.Is(err, fs.ErrNotExist) {
			s.fault = text.NewFault("config.none", "file", filepath.Base(g.o.Config))
		}
	case errors.Is(err, fs.ErrNotExist):
		s.mode, s.fault = SetUp, g.provisionFault()
	default:
		s.mode = SetUp
	}
	return s
}

// plannable says why c could not be put in force: good is only what can be.
func (g *Gateway) plannable(c config.Config) error {
	_, _, err := Plan(c, nil, nil, g.waysAround, nil)
	return err
}

// reload reads site.toml again and puts what it says in force. Who is the one
// who asked for it; Box when the file changed by itself. g.siting is held.
func (g *Gateway) reload(ctx context.Context, who people.Actor) {
	old := g.current()
	s := g.readSite()
	if s.mode != Guarding {
		g.o.Log.Error("site.toml is not usable; what was in force stays", "err", s.fault)
		if old.mode != SetUp {
			// The generation in force is the good one, whatever lies on disk.
			s.mode, s.config, s.generation = Kept, old.config, old.generation
		}
	}
	g.acts.Lock() // nothing opens under the old one meanwhile
	g.revoke(ctx, who, s.config)
	g.mu.Lock()
	g.site = s
	g.mu.Unlock()
	g.acts.Unlock()
	g.nameDevices(s.config)
	g.ruleNameLog()
	g.record(ctx, who, func(tx *store.Tx) error {
		if s.fault != nil {
			return g.tell(tx, "config.refused", map[string]any{"why": firstLine(s.fault)})
		}
		return tx.Audit("config.applied", map[string]any{"generation": s.generation})
	})
	g.loadLists()
	g.kick()
	g.noteReverted(ctx)
	g.applyNetwork(ctx)
}

// Reload puts site.toml in force as it is now. It is what SIGHUP does.
func (g *Gateway) Reload(ctx context.Context) {
	g.siting.Lock()
	defer g.siting.Unlock()
	g.reload(ctx, people.Box)
}

// siteChanged says whether another site.toml lies there than was read last.
func (g *Gateway) siteChanged() bool { return stampOf(g.o.Config) != g.current().file }

// reloadChanged reads site.toml again, unless whoever changed it meanwhile has
// put it in force, or has taken back what could not be recorded.
func (g *Gateway) reloadChanged(ctx context.Context) {
	g.siting.Lock()
	defer g.siting.Unlock()
	if g.siteChanged() {
		g.reload(ctx, people.Box)
	}
}

// revoke closes the windows whose vendor, device or range next no longer has.
// g.acts is held. What the kernel will not close yet, the keeper closes.
func (g *Gateway) revoke(ctx context.Context, who people.Actor, next config.Config) {
	was := g.current().config
	for _, w := range g.open() {
		d, _ := g.deviceByID(w.Device)
		if registered(next, w) && sameTunnel(was, next, w) && (hasDevice(next, d.MAC) || !hasDevice(was, d.MAC)) {
			continue
		}
		if _, err := g.closeHeld(ctx, who, w.ID, window.Revoked); err != nil {
			g.o.Log.Error("window of a vendor taken away did not close", "window", w.ID, "err", err)
		}
	}
	g.revokePlanned(ctx, next)
}

// registered says whether c has the vendor of w with ranges that hold all of w's.
func registered(c config.Config, w window.Window) bool {
	v, ok := c.Vendor(w.Vendor)
	return ok && !slices.ContainsFunc(w.Sources, func(p netip.Prefix) bool { return !covered(v.Sources, p) })
}

// sameTunnel says whether a window's way in by WireGuard is what it was.
func sameTunnel(was, next config.Config, w window.Window) bool {
	a, _ := was.Vendor(w.Vendor)
	b, _ := next.Vendor(w.Vendor)
	return w.Kind != window.WireGuard || a.WireGuardKey == b.WireGuardKey && slices.Equal(a.WireGuardAddresses, b.WireGuardAddresses) &&
		was.WireGuard.Port == next.WireGuard.Port && slices.Equal(was.WireGuard.Addresses, next.WireGuard.Addresses)
}

// hasDevice says whether c names the device of that MAC.
func hasDevice(c config.Config, mac device.MAC) bool {
	return slices.ContainsFunc(c.Devices, func(d config.Device) bool { return slices.Equal(d.MAC, mac[:]) })
}

// nameDevices tells the inventory the names of site.toml. What a person named
// keeps its name.
func (g *Gateway) nameDevices(c config.Config) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.o.Clock.Wall()
	for _, d := range c.Devices {
		mac, ok := device.MACFrom(d.MAC)
		if !ok {
			continue
		}
		if have, known := g.inventory.ByMAC(mac, now); known && have.Name != "" && have.NamedBy != fromSite {
			continue
		}
		g.inventory.Name(mac, d.Name, fromSite)
	}
	if g.site.mode == SetUp {
		return // nothing is known of any name
	}
	for _, d := range g.inventory.All(now) {
		if d.NamedBy == fromSite && !hasDevice(c, d.MAC) {
			g.inventory.Name(d.MAC, "", "")
		}
	}
}

// fromSite is who named a device that site.toml names.
const fromSite = "site.toml"

// plan compiles what the configuration in force and the devices ask for.
func (g *Gateway) plan() (Desired, []Note, error) {
	s := g.current()
	if s.mode == SetUp {
		rules := firewall.Closed()
		if g.o.SetUpLAN != "" {
			var err error
			rules, err = firewall.Compile(firewall.Policy{SetUp: true, LAN: []string{g.o.SetUpLAN}, PagePorts: pagePorts})
			if err != nil {
				return Desired{}, nil, fmt.Errorf("compiling the set-up rules: %w", err)
			}
		}
		return Desired{Rules: rules}, nil, nil
	}
	g.mu.Lock()
	known := g.inventory.All(g.o.Clock.Wall())
	blocked := g.lists.compiled
	g.mu.Unlock()
	d, notes, err := Plan(s.config, known, blocked, g.waysAround, g.namesForAll())
	if err == nil {
		g.nameTools(d.Names)
	}
	return d, notes, err
}

// listDir is where the lists of site.toml lie: beside it.
func (g *Gateway) listDir() string { return filepath.Dir(g.o.Config) }

// watchFiles reloads site.toml and the lists when they change. Polling two
// file stamps costs nothing and works on every file system.
func (g *Gateway) watchFiles(ctx context.Context) error {
	g.applyNetwork(ctx) // the file may have changed while nobody watched
	for tick := time.NewTicker(2 * time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
		}
		switch {
		case g.siteChanged():
			g.reloadChanged(ctx)
		case g.listsChanged():
			g.loadLists()
			g.kick()
		case g.networkDue():
			g.applyNetwork(ctx)
		}
	}
}

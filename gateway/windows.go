package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"monban/firewall"
	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// Opening goes record, kernel, read back, record; closing goes kernel first,
// then record. So a crash can leave a record without a window, which opens
// nothing, and never an open window without a record.

// AskWindow records a request on behalf of the vendor's engineer.
func (g *Gateway) AskWindow(ctx context.Context, who people.Actor, ask Ask) (Window, error) {
	w, err := g.request(ctx, who, ask)
	if err != nil {
		return Window{}, err
	}
	if err := g.nothingOwed(ctx, w.Vendor); err != nil {
		return Window{}, err
	}
	err = g.act(ctx, who, func(tx *store.Tx) error {
		if w, err = tx.InsertWindow(w); err != nil {
			return err
		}
		return g.tell(tx, "window.requested", g.describe(w))
	})
	return g.view(w), err
}

// request turns what was typed into a checked request. All faults come joined.
func (g *Gateway) request(ctx context.Context, who people.Actor, ask Ask) (window.Window, error) {
	a, err := g.read(ctx, ask)
	if err != nil {
		return window.Window{}, err
	}
	return window.Ask(a, who, g.o.Clock.Wall())
}

// read finds what a request names: its vendor, device, tool and sources.
func (g *Gateway) read(ctx context.Context, ask Ask) (window.Window, error) {
	var faults []error
	a := window.Window{Kind: ask.Kind, Ports: ask.Ports, Targets: ask.Targets, Length: ask.Length,
		NotBefore: ask.NotBefore, Reason: ask.Reason, Requester: ask.Requester}
	v, ok := g.current().config.Vendor(ask.Vendor)
	if ok {
		a.Vendor, a.Sources = v.Name, v.Sources
	} else {
		faults = append(faults, text.NewFault("window.vendor_unknown", "vendor", ask.Vendor).On("vendor"))
	}
	if ok && len(ask.Sources) > 0 {
		a.Sources = ask.Sources
		for _, s := range ask.Sources {
			if !covered(v.Sources, s) {
				faults = append(faults, text.NewFault("window.source_outside", "source", s.String(), "vendor", v.Label).On("source"))
			}
		}
	}
	d, err := g.findDevice(ctx, ask.Device)
	if err != nil {
		faults = append(faults, err)
	}
	a.Device = d.ID
	wg := g.current().config.WireGuard
	if slices.ContainsFunc(a.Ports, func(p window.Port) bool {
		return a.Kind != window.WireGuard && p.Proto == window.UDP && wg.Port != 0 && firstOf(p.WAN, p.Port) == wg.Port
	}) {
		faults = append(faults, text.NewFault("window.tunnel_port", "port", wg.Port).On("port"))
	}
	switch a.Kind {
	case window.Tool:
		if a.Tool, err = g.knownTool(ask.Tool); err != nil {
			faults = append(faults, err)
		}
	case window.WireGuard:
		if err := g.tunnelFor(v); ok && err != nil {
			faults = append(faults, err)
		}
	}
	return a, errors.Join(faults...)
}

// firstOf is a port, or what stands for it where none was chosen.
func firstOf(port, otherwise uint16) uint16 {
	if port == 0 {
		return otherwise
	}
	return port
}

// covered says whether one of the ranges holds all of p.
func covered(ranges []netip.Prefix, p netip.Prefix) bool {
	return slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return r.Bits() <= p.Bits() && r.Contains(p.Addr()) })
}

// nothingOwed refuses a vendor's request while a work report of his is missing.
func (g *Gateway) nothingOwed(ctx context.Context, vendor string) error {
	id, err := g.owedReport(ctx, vendor)
	if err != nil || id == 0 {
		return err
	}
	v, _ := g.current().config.Vendor(vendor)
	return text.NewFault("window.report_owed", "vendor", v.Label, "window", id).On("vendor")
}

// owedReport is the window a vendor's work report is missing for; 0: none.
func (g *Gateway) owedReport(ctx context.Context, vendor string) (int64, error) {
	db := g.db()
	if db == nil {
		return 0, nil
	}
	ws, err := db.Windows(ctx, store.Filter{Vendor: vendor, Owing: true})
	if err != nil {
		return 0, err
	}
	for _, w := range ws {
		if slices.Contains(w.Owes(), window.DebtReport) {
			return w.ID, nil
		}
	}
	return 0, nil
}

// ApproveWindow approves a request for at most the length asked for (0: as
// asked). One for now opens, and ApproveWindow returns when the kernel holds
// it; one for later waits for its time.
func (g *Gateway) ApproveWindow(ctx context.Context, who people.Actor, id int64, length time.Duration, callBack bool) (Window, error) {
	since := g.stopped()
	g.acts.Lock()
	defer g.acts.Unlock()
	w, err := g.load(ctx, id)
	if err != nil {
		return Window{}, err
	}
	answer := window.Answer{Length: length, Alone: g.current().config.Approval.Alone, CalledBack: callBack}
	w, err = w.Approve(who, g.o.Clock.Wall(), answer)
	if err != nil {
		return Window{}, err
	}
	approved := func(tx *store.Tx) (window.Window, error) {
		if err := tx.PutWindow(w, window.Requested); err != nil {
			return w, err
		}
		return w, g.tell(tx, "window.approved", g.describe(w))
	}
	if g.later(w) {
		return g.schedule(ctx, who, w, approved)
	}
	return g.openWindow(ctx, who, w, since, approved, window.Window.Begin)
}

// BreakGlass opens a window without approval: root on the console.
func (g *Gateway) BreakGlass(ctx context.Context, who people.Actor, ask Ask) (Window, error) {
	if ask.Requester == "" {
		ask.Requester = who.Name
	}
	w, err := g.request(ctx, who, ask)
	if err != nil {
		return Window{}, err
	}
	if err := may(who, people.ActBreakGlass); err != nil {
		return Window{}, err
	}
	return g.breakOpen(ctx, who, w, "window.break_glass", nil, func(w window.Window, s window.Start) (window.Window, error) {
		return w.Break(who, s)
	})
}

// breakOpen records a request and opens it without an approver; use is what
// that uses up.
func (g *Gateway) breakOpen(ctx context.Context, who people.Actor, w window.Window, code string, use func(*store.Tx) error,
	begin func(window.Window, window.Start) (window.Window, error)) (Window, error) {
	since := g.stopped()
	g.acts.Lock()
	defer g.acts.Unlock()
	return g.openWindow(ctx, who, w, since, func(tx *store.Tx) (window.Window, error) {
		if use != nil {
			if err := use(tx); err != nil {
				return w, err
			}
		}
		w, err := tx.InsertWindow(w)
		if err != nil {
			return w, err
		}
		return w, g.tell(tx, code, g.describe(w))
	}, begin)
}

// openWindow records the window as opening together with what before records,
// tells the kernel, and records what the kernel then held. If everything was
// closed after since, or this window while it was on its way, it is not opened.
// g.acts is held.
func (g *Gateway) openWindow(ctx context.Context, who people.Actor, w window.Window, since *stop,
	before func(*store.Tx) (window.Window, error), begin func(window.Window, window.Start) (window.Window, error)) (Window, error) {
	if err := g.restarting(); err != nil {
		return Window{}, err
	}
	if !registered(g.current().config, w) { // site.toml has changed since it was asked for
		return Window{}, text.NewFault("window.vendor_changed", "vendor", g.view(w).VendorLabel).On("vendor")
	}
	d, ok := g.deviceByID(w.Device)
	if !ok {
		return Window{}, text.NewFault("device.unknown", "device", w.Device).On("device")
	}
	way := g.opening(w, d)
	if !leads(way) {
		return Window{}, text.NewFault("window.no_way", "device", g.deviceView(d).displayName()).On("device")
	}
	for _, o := range g.open() {
		if p, hit := w.Collides(o); hit {
			return Window{}, text.NewFault("window.collides", "port", p.String(), "window", o.ID).On("port")
		}
	}
	marks, err := g.marksInUse()
	if err != nil {
		return Window{}, err
	}
	stamp := g.stamp()
	if err := g.act(ctx, who, func(tx *store.Tx) error {
		asked, err := before(tx)
		if err != nil {
			return err
		}
		mark, err := tx.NextMark(stamp.Wall, marks)
		if err != nil {
			return err
		}
		w, err = begin(asked, window.Start{Mark: uint32(mark), BootID: g.o.BootID, Boot: g.o.Clock.Boot(), At: stamp.Wall, Synced: stamp.Synced})
		if err != nil {
			return err
		}
		way.Mark, way.For = firewall.Mark(mark), w.EndBoot-w.OpenBoot
		w.Rules = way.String()
		if err := tx.PutWindow(w, asked.State); err != nil {
			return err
		}
		return g.tell(tx, "window.opening", g.describe(w))
	}); err != nil {
		return Window{}, err
	}
	if err := g.release(w); err != nil { // its tunnel, its tool's names
		return g.notOpened(ctx, w, err)
	}
	held, c, err := g.letIn(&w, way, since)
	switch {
	case err != nil:
		return g.notOpened(ctx, w, err)
	case c != nil:
		return g.closedUnopened(ctx, w, *c)
	}
	if w.Kind == window.Tool {
		if err := g.setNames(); err != nil {
			g.o.Log.Error("names not as planned", "err", err)
		}
	}
	g.recordWindow(ctx, who, func(tx *store.Tx) error {
		if err := tx.PutWindow(w, window.Opening); err != nil {
			return err
		}
		args := g.describe(w)
		args["left_ms"], args["ways"] = held.Left.Milliseconds(), len(held.Passes)+len(held.OutPasses)+len(held.Outer)
		args["rules_sha256"] = sha256Hex(w.Rules)
		return g.tell(tx, "window.opened", args)
	})
	g.o.Log.Info("window opened", "window", w.ID, "kind", w.Kind, "vendor", w.Vendor, "device", w.Device, "until", w.EndAt, "mark", w.Mark)
	return g.view(w), nil
}

// marksInUse are the marks the kernel still knows, from open windows or from
// old ones whose flows or counters are left. A new window must not have one:
// an old session would come to life with it. The database knows of marks too,
// but it may be another one than this boot began with.
func (g *Gateway) marksInUse() ([]uint32, error) {
	in := map[firewall.Mark]bool{}
	live, err := g.o.Firewall.Live()
	if err != nil {
		return nil, fmt.Errorf("reading the open windows: %w", err)
	}
	for _, l := range live {
		in[l.Mark] = true
	}
	old, err := g.oldMarks()
	if err != nil {
		return nil, fmt.Errorf("reading the flows of windows: %w", err)
	}
	for m := range old {
		in[m] = true
	}
	counts, err := g.o.Firewall.Counts()
	if err != nil {
		return nil, fmt.Errorf("reading the counters of windows: %w", err)
	}
	for m := range counts.Passed {
		in[m] = true
	}
	for m := range counts.Dead {
		in[m] = true
	}
	var out []uint32
	for m := range in {
		out = append(out, uint32(m))
	}
	return out, nil
}

// notOpened takes back what the kernel may hold of a window it refused, and
// says so on record.
func (g *Gateway) notOpened(ctx context.Context, w window.Window, why error) (Window, error) {
	if _, err := g.o.Firewall.CloseWindow(firewall.Mark(w.Mark)); err != nil {
		g.o.Log.Error("window refused by the kernel could not be taken back", "window", w.ID, "err", err)
	}
	g.o.Log.Error("window not opened", "window", w.ID, "err", why)
	failed, err := w.Failed(g.o.Clock.Wall())
	if err != nil {
		return Window{}, err
	}
	g.recordWindow(ctx, people.Box, func(tx *store.Tx) error {
		if err := tx.PutWindow(failed, window.Opening); err != nil {
			return err
		}
		return g.tell(tx, "window.not_opened", g.describe(failed))
	})
	g.withdraw(failed)
	return g.view(failed), text.NewFault("window.kernel").Because(why)
}

// onLAN returns d with only the addresses that lie in the LAN's own networks,
// since a way in must never lead back outside, and that no other device has
// used since.
func (g *Gateway) onLAN(d device.Device) device.Device {
	nets := g.current().config.LAN.Addresses
	d.Addrs = slices.DeleteFunc(slices.Clone(d.Addrs), func(a device.Address) bool {
		return !behind(nets, a.Addr) || g.elsewhere(a.Addr, d.MAC)
	})
	return d
}

// behind says whether an address is on the LAN and not the box itself.
func behind(nets []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(nets, func(n netip.Prefix) bool { return n.Masked().Contains(a) }) &&
		!slices.ContainsFunc(nets, func(n netip.Prefix) bool { return n.Addr() == a })
}

// elsewhere says whether another device than mac has used an address last.
// Who was not seen since a restart is nobody else.
func (g *Gateway) elsewhere(a netip.Addr, mac device.MAC) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	holder, known := g.inventory.ByAddr(a, g.o.Clock.Wall())
	return known && holder.MAC != mac
}

// describe is what every audit line about a window says.
func (g *Gateway) describe(w window.Window) map[string]any {
	v := g.view(w)
	args := map[string]any{"window": w.ID, "kind": string(w.Kind), "vendor": v.VendorLabel, "device": v.DeviceName,
		"ports": what(w), "length": w.Length.String(), "reason": w.Reason}
	if w.Mark != 0 {
		args["mark"] = w.Mark
	}
	if !w.NotBefore.IsZero() {
		args["not_before"] = w.NotBefore.UTC().Format(time.RFC3339)
	}
	if w.Request != "" {
		args["request"] = w.Request
	}
	return args
}

// what a window opens, in few words: its ports, targets or tool.
func what(w window.Window) string {
	var all []string
	for _, p := range w.Ports {
		all = append(all, p.String())
	}
	for _, t := range w.Targets {
		all = append(all, t.String())
	}
	if w.Tool != "" {
		all = append(all, w.Tool)
	}
	return strings.Join(all, ", ")
}

// sha256Hex names a text in the log without repeating it.
func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

package gateway

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"monban/firewall"
	"monban/gateway/people"
	"monban/gateway/selftest"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// Status is the box at a glance. It needs no database: what that would tell
// is missing, and a note says so.
func (g *Gateway) Status(ctx context.Context) (Status, error) {
	s := g.current()
	g.mu.Lock()
	all, unnamed := g.inventory.Len()
	st := Status{
		Mode: s.mode, Clinic: s.config.Clinic, Version: g.o.Version, Box: g.o.Data.Box,
		RulesOK: g.rules.ok, RulesReadAt: g.rules.readAt,
		ClockSynced: g.o.Clock.Synced(), Now: g.o.Clock.Wall(),
		Devices: all, Unnamed: unnamed,
		DNS:   DNSStatus{Names: g.lists.compiled.Len(), ListAt: g.lists.at},
		Notes: g.notes(s, unnamed),
	}
	if g.proof.State == selftest.OK {
		st.LastProof = g.proof.At
	}
	g.mu.Unlock()
	if g.o.Resolver != nil {
		c := g.o.Resolver.Stats()
		st.DNS.Queries, st.DNS.Refused, st.DNS.UpstreamOK = c.Queries, c.Refused, c.UpstreamOK
		if !c.UpstreamOK && s.mode != SetUp {
			st.Notes = append(st.Notes, Note{Code: "gateway.no_upstream", Level: "caution"})
		}
	}
	st.Notes = append(g.dataNotes(), st.Notes...)
	if g.o.Untuned != nil {
		if keys := g.o.Untuned(); len(keys) > 0 {
			st.Notes = append(st.Notes, Note{Code: "gateway.sysctls", Level: "caution", Args: map[string]any{"keys": strings.Join(keys, ", ")}})
		}
	}
	st.RulesOK = st.RulesOK && st.Now.Sub(st.RulesReadAt).Abs() < staleRules
	for _, w := range g.open() {
		v := g.view(w)
		st.Open = append(st.Open, v)
		if w.BreakGlass {
			st.Notes = append(st.Notes, Note{Code: "gateway.break_glass", Level: "danger", Link: "/windows/" + itoa(w.ID),
				Args: map[string]any{"who": w.Recorder.Name, "vendor": v.VendorLabel, "device": v.DeviceName}})
		}
	}
	st.Notes = append(st.Notes, g.networkNotes()...)
	st.Notes = append(st.Notes, g.crierNotes(ctx)...)
	st.Notes = append(st.Notes, g.subNotes()...)
	st.Notes = append(st.Notes, g.nameNotes()...)
	st.Notes = append(st.Notes, g.firmwareNotes()...)
	st.Slots, st.Trial = g.firmwareGlance()
	st.DNS.Paused, st.DNS.Pauses = g.pauseLeft(), g.namePauses()
	if g.db() == nil {
		st.Open = append(st.Open, g.unrecorded()...)
	}
	if db := g.db(); db != nil {
		h := db.Head()
		st.AuditHead, st.AuditCount = hexHash(h.Hash), h.Count
		waiting, err := db.Windows(ctx, store.Filter{States: []window.State{window.Requested}})
		if err != nil {
			g.troubled(err)
		}
		for _, w := range waiting {
			st.Waiting = append(st.Waiting, g.view(w))
		}
		if st.Planned, err = db.CountWindows(ctx, store.Filter{States: []window.State{window.Scheduled}}); err != nil {
			g.troubled(err)
		}
		owed, err := db.Windows(ctx, store.Filter{Owing: true, Limit: 20})
		if err != nil {
			g.troubled(err)
		}
		for _, w := range owed {
			st.Owed = append(st.Owed, g.view(w))
		}
	}
	return st, nil
}

// unrecorded are the windows the kernel holds while there is no database to
// say whose they are: to be seen, and closed with all others.
func (g *Gateway) unrecorded() []Window {
	live, err := g.o.Firewall.Live()
	if err != nil {
		g.o.Log.Error("open windows not read", "err", err)
		return nil
	}
	var out []Window
	for _, l := range live {
		if l.Mark == firewall.Canary {
			continue
		}
		w := window.Window{State: window.Open, Mark: uint32(l.Mark), EndAt: g.o.Clock.Wall().Add(l.Left)}
		v := Window{Window: w, Ends: w.EndAt, Left: l.Left, Unrecorded: true}
		for _, p := range l.Passes {
			v.DeviceName = p.Inside.Addr().String()
			v.VendorLabel = p.Source.String()
		}
		out = append(out, v)
	}
	return out
}

// notes are what people should know, most important first. g.mu is held.
func (g *Gateway) notes(s site, unnamed int) []Note {
	var notes []Note
	add := func(level, code string, args map[string]any, link string) {
		notes = append(notes, Note{Code: code, Level: level, Args: args, Link: link})
	}
	if g.rules.err != nil || !g.rules.ok {
		add("danger", "gateway.rules_wrong", nil, "")
	}
	if g.trouble != nil {
		code := "store.unusable"
		var args map[string]any
		var f *text.Fault
		if errors.As(g.trouble, &f) {
			code, args = f.Code, f.Args
		}
		add("danger", code, args, "")
	}
	if n := len(g.late); n > 0 {
		add("caution", "gateway.unrecorded", map[string]any{"n": n}, "")
	}
	switch {
	case s.mode == SetUp && s.fault != nil:
		add("danger", "gateway.site_broken", faultArgs(s.fault), "")
	case s.mode == SetUp:
		add("caution", "gateway.set_up", nil, "")
	case s.mode == Kept:
		args := faultArgs(s.fault)
		args["generation"] = s.generation
		add("danger", "gateway.site_kept", args, "")
	}
	if g.proof.State == selftest.Failed {
		add("danger", "gateway.proof_failed", nil, "/checklist")
	}
	if n := len(g.tools.tried); n > 0 {
		add("info", "gateway.tool_tried", map[string]any{"n": n}, "/audit")
	}
	if g.orphans > 0 {
		add("caution", "gateway.plan_orphans", map[string]any{"n": g.orphans}, "/plans")
	}
	notes = append(notes, g.lists.notes...)
	notes = append(notes, g.rules.notes...)
	if unnamed > 0 {
		add("info", "gateway.unnamed", map[string]any{"n": unnamed}, "/devices")
	}
	return notes
}

// faultArgs names the first fault of site.toml, with its key and line.
func faultArgs(err error) map[string]any {
	args := map[string]any{"key": "", "line": "", "fault": ""}
	var f *text.Fault
	if errors.As(err, &f) {
		args["key"], args["fault"] = f.Field, f.Code
		if l, ok := f.Args["line"]; ok {
			args["line"] = l
		}
	}
	return args
}

// Vendors are the companies that may be let in, in the order of site.toml.
func (g *Gateway) Vendors(ctx context.Context) []Vendor {
	var out []Vendor
	for _, v := range g.current().config.Vendors {
		x := Vendor{Name: v.Name, Label: v.Label, Phone: v.Phone, Sources: v.Sources}
		var err error
		if x.Owed, err = g.owedReport(ctx, v.Name); err != nil {
			g.troubled(err)
		}
		if v.WireGuardKey != [32]byte{} {
			err := g.tunnelFor(v)
			x.WireGuard = err == nil
			var f *text.Fault
			if errors.As(err, &f) {
				x.NoWireGuard = f.Code
			}
			if x.WireGuard {
				x.TunnelPort = g.current().config.WireGuard.Port
				if x.TunnelKey, err = g.o.Tunnels.PublicKey(); err != nil {
					g.o.Log.Error("tunnel key not read", "err", err)
				}
			}
		}
		out = append(out, x)
	}
	return out
}

// view adds to a window what people call its parts.
func (g *Gateway) view(w window.Window) Window {
	v := Window{Window: w, VendorLabel: w.Vendor, DeviceName: "#" + itoa(w.Device), Ends: w.EndAt,
		Left: w.Left(g.o.Clock.Boot())}
	if x, ok := g.current().config.Vendor(w.Vendor); ok {
		v.VendorLabel, v.VendorPhone = x.Label, x.Phone
	}
	if d, ok := g.deviceByID(w.Device); ok {
		v.DeviceName = g.deviceView(d).displayName()
		v.ByName = w.Kind == window.Tool && !answeredOnly(g.current().config, d.MAC)
	}
	if m, ok := g.missedOf(w.ID); ok && w.State == window.Scheduled {
		v.Waits = m.why
	}
	return v
}

// Windows lists windows, newest first: those with a number below before (0:
// from the newest), at most limit.
func (g *Gateway) Windows(ctx context.Context, who people.Actor, before int64, limit int) ([]Window, error) {
	if err := may(who, people.ActRead); err != nil {
		return nil, err
	}
	g.settleAll(ctx)
	db := g.db()
	if db == nil {
		return nil, g.storeFault()
	}
	ws, err := db.Windows(ctx, store.Filter{Before: before, Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]Window, 0, len(ws))
	for _, w := range ws {
		out = append(out, g.asHeld(w))
	}
	return out, nil
}

// asHeld is the view of a window as the kernel has it, where the disk is
// behind; an open one shows what has passed so far.
func (g *Gateway) asHeld(w window.Window) Window {
	held, open := g.openByID(w.ID)
	switch {
	case open:
		t := g.tally(held)
		held.Passed, held.Dead = t.Passed, t.Dead
		return g.view(held)
	case w.State.Holds():
		v := g.view(w)
		v.State, v.Left, v.Unrecorded = window.Closed, 0, true
		return v
	}
	if w.State == window.Closed {
		g.mu.Lock()
		ended, this := g.ended[firewall.Mark(w.Mark)]
		g.mu.Unlock()
		if this && ended.ID == w.ID { // the kernel still counts what it refuses
			w.Dead = g.tally(w).Dead
		}
	}
	return g.view(w)
}

// WindowByID is one window with its sessions.
func (g *Gateway) WindowByID(ctx context.Context, who people.Actor, id int64) (Window, error) {
	if err := may(who, people.ActRead); err != nil {
		return Window{}, err
	}
	g.settleAll(ctx)
	w, err := g.load(ctx, id)
	if _, known := g.windowByMark(firewall.Mark(w.Mark)); known {
		g.pollFlows(ctx)
	}
	if err != nil {
		return Window{}, err
	}
	v := g.asHeld(w)
	v.Ways = g.ways(w)
	v.Sessions, err = g.sessionsOf(ctx, g.db(), id)
	return v, err
}

// ways are the ways a window opens now, or would.
func (g *Gateway) ways(w window.Window) []Way {
	d, ok := g.deviceByID(w.Device)
	if !ok || w.State.Over() {
		return nil
	}
	wan := ""
	if as := g.outside(); slices.ContainsFunc(as, netip.Addr.Is4) {
		wan = as[slices.IndexFunc(as, netip.Addr.Is4)].String()
	}
	return shown(g.opening(w, d), wan)
}

// Explain says why a name is answered as it is.
func (g *Gateway) Explain(ctx context.Context, who people.Actor, name string, client netip.Addr) (Explanation, error) {
	if err := may(who, people.ActExplain); err != nil {
		return Explanation{}, err
	}
	if g.o.Resolver == nil {
		return Explanation{}, text.NewFault("dns.off")
	}
	return g.o.Resolver.Explain(ctx, name, client)
}

// Audit returns lines of the log below before (0: from the newest), newest
// first.
func (g *Gateway) Audit(ctx context.Context, who people.Actor, before uint64, limit int) ([]AuditLine, error) {
	if err := may(who, people.ActRead); err != nil {
		return nil, err
	}
	db := g.db()
	if db == nil {
		return nil, g.storeFault()
	}
	if limit <= 0 || limit > 1000 {
		limit = 1000
	}
	lines, err := db.AuditLines(ctx, before, limit)
	if err != nil {
		return nil, err
	}
	out := make([]AuditLine, 0, len(lines))
	for _, l := range lines {
		out = append(out, auditView(l))
	}
	return out, nil
}

func containsAddr(as []netip.Addr, a netip.Addr) bool { return slices.Contains(as, a) }

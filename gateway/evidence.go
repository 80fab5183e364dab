package gateway

import (
	"context"
	"errors"
	"strings"
	"time"

	"monban/firewall"
	"monban/gateway/audit"
	"monban/gateway/checklist"
	"monban/gateway/people"
	"monban/gateway/selftest"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// Each collector measures one thing, and gives nothing at all where it could
// not: then the page shows 未測定, never a guess.

const (
	dayOld   = 24 * time.Hour
	keyProof = "proof" // setting: the last self-test
)

// Checklist evaluates the newest edition that is shipped.
func (g *Gateway) Checklist(ctx context.Context, who people.Actor) (checklist.Edition, []checklist.Finding, error) {
	if err := may(who, people.ActRead); err != nil {
		return checklist.Edition{}, nil, err
	}
	ed := checklist.Newest()
	ev := map[string]checklist.Evidence{}
	for _, collect := range []func(context.Context) (checklist.Evidence, bool){
		g.wanExposure, g.maintenanceRules, g.refusals, g.sessionLog, g.inventoryEvidence, g.timeEvidence, g.logIntegrity, g.firmwareEvidence,
	} {
		if e, ok := collect(ctx); ok {
			e.Synced = g.o.Clock.Synced()
			ev[e.Code] = e
		}
	}
	return ed, checklist.Evaluate(ed, ev, g.o.Clock.Wall()), nil
}

// evidence is a measurement made now, good for so long.
func (g *Gateway) evidence(code string, good time.Duration) checklist.Evidence {
	now := g.o.Clock.Wall()
	return checklist.Evidence{Code: code, Result: checklist.Pass, At: now, ValidUntil: now.Add(good),
		Revision: itoa(int64(g.current().generation))}
}

// seen adds an observation; a bad one makes the evidence fail.
func seen(e *checklist.Evidence, bad bool, code string, args text.Args) {
	e.Seen = append(e.Seen, checklist.Observation{Code: code, Args: args, Bad: bad})
	if bad {
		e.Result = checklist.Fail
	}
}

// maintenanceRules is E-02: what the rules in the kernel let in, and for whom.
func (g *Gateway) maintenanceRules(context.Context) (checklist.Evidence, bool) {
	s := g.current()
	g.mu.Lock()
	r := g.rules
	g.mu.Unlock()
	if s.mode == SetUp || r.readAt.IsZero() {
		return checklist.Evidence{}, false
	}
	e := g.evidence("E-02", dayOld)
	e.At, e.ValidUntil = r.readAt, r.readAt.Add(dayOld)
	switch {
	case !r.ok:
		seen(&e, true, "evidence.rules_differ", nil)
	case g.o.Clock.Wall().Sub(r.readAt).Abs() >= staleRules:
		seen(&e, true, "evidence.rules_stale", text.Args{"at": r.readAt})
	default:
		seen(&e, false, "evidence.rules_held", nil)
	}
	for _, v := range s.config.Vendors {
		var from []string
		for _, p := range v.Sources {
			from = append(from, p.String())
		}
		seen(&e, false, "evidence.vendor", text.Args{"vendor": v.Label, "sources": from})
	}
	open := g.open()
	seen(&e, false, "evidence.open_now", text.Args{"n": len(open)})
	for _, w := range open {
		v := g.view(w)
		seen(&e, w.Approver.Name == "" && !w.BreakGlass, "evidence.open_window", text.Args{
			"id": w.ID, "vendor": v.VendorLabel, "device": v.DeviceName, "approver": approverOf(w), "ends": w.EndAt})
	}
	return e, true
}

func approverOf(w window.Window) string {
	if w.BreakGlass {
		return w.Recorder.Name
	}
	return w.Approver.Name
}

// refusals is E-03: the self-test with its positive control, and what the
// kernel refused from outside.
func (g *Gateway) refusals(context.Context) (checklist.Evidence, bool) {
	g.mu.Lock()
	p := g.proof
	g.mu.Unlock()
	if p.At.IsZero() || p.State == selftest.Unmeasured || p.Generation != g.current().generation || p.BootID != g.o.BootID {
		return checklist.Evidence{}, false
	}
	e := g.evidence("E-03", dayOld)
	e.At, e.ValidUntil = p.At, p.At.Add(dayOld)
	seen(&e, p.State != selftest.OK, map[bool]string{true: "evidence.proof_ok", false: "evidence.proof_failed"}[p.State == selftest.OK], text.Args{"sent": p.Sent, "counted": p.Counted})
	seen(&e, !p.Passed || !p.Cut, "evidence.control", text.Args{"passed": p.Passed, "cut": p.Cut})
	if c, err := g.o.Firewall.Counts(); err == nil {
		seen(&e, false, "evidence.refused", text.Args{"box": refusedPackets(c.Named, true), "lan": refusedPackets(c.Named, false)})
	}
	return e, true
}

// refusedPackets is how many new packets from outside the kernel refused since
// the rules were first loaded, to the box or to the LAN behind it.
func refusedPackets(named map[string]firewall.Count, toBox bool) (n uint64) {
	for _, family := range []int{4, 6} {
		for _, p := range []firewall.Proto{firewall.TCP, firewall.UDP, 0} {
			n += named[firewall.Refused(toBox, family, p)].Packets
		}
	}
	return n
}

// sessionLog is E-04: every session is as its window was asked for, and every
// window belongs to a person.
func (g *Gateway) sessionLog(ctx context.Context) (checklist.Evidence, bool) {
	db := g.db()
	if db == nil {
		return checklist.Evidence{}, false
	}
	since := g.o.Clock.Wall().Add(-30 * dayOld)
	ws, err := db.Windows(ctx, store.Filter{})
	if err != nil {
		return checklist.Evidence{}, false
	}
	e := g.evidence("E-04", dayOld)
	sessions, opened := 0, 0
	for _, w := range ws {
		if w.OpenAt.Before(since) {
			continue
		}
		opened++
		ss, err := db.Sessions(ctx, w.ID)
		if err != nil {
			return checklist.Evidence{}, false
		}
		sessions += len(ss)
		if held, open := g.openByID(w.ID); open { // an end the disk has not heard of yet
			w = held
		}
		if odd := unlike(w, ss); odd != nil {
			seen(&e, true, "evidence.sessions_unlike", odd)
		}
		if approverOf(w) == "" {
			seen(&e, true, "evidence.window_without_person", text.Args{"id": w.ID})
		}
	}
	seen(&e, false, "evidence.sessions", text.Args{"windows": opened, "sessions": sessions, "days": 30})
	return e, true
}

// unlike counts the sessions of a window that are not as it was asked for, and
// in what; nil: all are.
func unlike(w window.Window, ss []window.Session) text.Args {
	one := map[bool]int{false: 1} // for what is not so
	n, notSource, notTarget, notTime := 0, 0, 0, 0
	for _, x := range ss {
		source, target, inTime := w.Match(x)
		n += one[source && target && inTime]
		notSource, notTarget, notTime = notSource+one[source], notTarget+one[target], notTime+one[inTime]
	}
	if n == 0 {
		return nil
	}
	return text.Args{"id": w.ID, "n": n, "source": notSource, "target": notTarget, "time": notTime}
}

// inventoryEvidence is E-06: what was seen on the LAN, and how much of it has
// a name.
func (g *Gateway) inventoryEvidence(context.Context) (checklist.Evidence, bool) {
	if g.o.Watch == nil {
		return checklist.Evidence{}, false
	}
	g.mu.Lock()
	all, unnamed := g.inventory.Len()
	g.mu.Unlock()
	if all == 0 {
		return checklist.Evidence{}, false
	}
	e := g.evidence("E-06", dayOld)
	seen(&e, unnamed > 0, "evidence.devices", text.Args{"seen": all, "named": all - unnamed})
	return e, true
}

// timeEvidence is E-11: whether the clock is disciplined.
func (g *Gateway) timeEvidence(context.Context) (checklist.Evidence, bool) {
	e := g.evidence("E-11", dayOld)
	synced := g.o.Clock.Synced()
	seen(&e, !synced, map[bool]string{true: "evidence.clock_synced", false: "evidence.clock_unsynced"}[synced], nil)
	return e, true
}

// logIntegrity is E-12: the whole log verified, now.
func (g *Gateway) logIntegrity(ctx context.Context) (checklist.Evidence, bool) {
	db := g.db()
	if db == nil {
		return checklist.Evidence{}, false
	}
	e := g.evidence("E-12", dayOld)
	h, err := db.Verify(ctx)
	var broken *audit.Broken
	switch {
	case errors.As(err, &broken):
		seen(&e, true, broken.Why, text.Args{"line": broken.Line})
	case err != nil:
		return checklist.Evidence{}, false
	default:
		for _, f := range db.Findings() { // the note of the log's end, kept beside it
			if strings.HasPrefix(f.Code, "audit.") {
				seen(&e, true, f.Code, f.Args)
			}
		}
		seen(&e, false, "evidence.log_verified", text.Args{"count": h.Count, "head": hexHash(h.Hash)[:16]})
	}
	return e, true
}

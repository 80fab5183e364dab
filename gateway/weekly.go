package gateway

import (
	"context"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

// Plans are the weekly plans, in the order they were made.
func (g *Gateway) Plans(ctx context.Context, who people.Actor) ([]WeeklyPlan, error) {
	if err := may(who, people.ActRead); err != nil {
		return nil, err
	}
	db := g.db()
	if db == nil {
		return nil, g.storeFault()
	}
	all, err := db.Plans(ctx)
	if err != nil {
		return nil, err
	}
	var out []WeeklyPlan
	for _, p := range all {
		out = append(out, g.planView(p))
	}
	return out, nil
}

func (g *Gateway) planView(p window.Plan) WeeklyPlan {
	v := g.view(window.Window{Vendor: p.Vendor, Device: p.Device})
	_, known := g.current().config.Vendor(p.Vendor)
	return WeeklyPlan{Plan: p, VendorLabel: v.VendorLabel, DeviceName: v.DeviceName, Next: p.Next(g.o.Clock.Wall(), g.Zone()), Orphan: !known}
}

// AddPlan makes a weekly plan. It opens nothing, now or later: each date is
// asked for and approved like any other window.
func (g *Gateway) AddPlan(ctx context.Context, who people.Actor, ask PlanAsk) (WeeklyPlan, error) {
	if err := may(who, people.ActAskWindow); err != nil {
		return WeeklyPlan{}, err
	}
	ask.NotBefore, ask.Sources = time.Time{}, nil
	a, err := g.read(ctx, ask.Ask)
	if err != nil {
		return WeeklyPlan{}, err
	}
	p, err := window.AskPlan(window.Plan{Kind: a.Kind, Vendor: a.Vendor, Device: a.Device, Ports: a.Ports, Targets: a.Targets,
		Tool: a.Tool, Length: a.Length, Reason: a.Reason, Requester: a.Requester,
		Week: ask.Week, Day: ask.Day, Hour: ask.Hour, Minute: ask.Minute}, a.Sources, who, g.o.Clock.Wall())
	if err != nil {
		return WeeklyPlan{}, err
	}
	err = g.act(ctx, who, func(tx *store.Tx) error {
		if p, err = tx.InsertPlan(p); err != nil {
			return err
		}
		return g.tell(tx, "plan.made", g.describePlan(p))
	})
	return g.planView(p), err
}

// DropPlan ends a weekly plan. Windows it asked for stay.
func (g *Gateway) DropPlan(ctx context.Context, who people.Actor, id int64) error {
	if err := may(who, people.ActAskWindow); err != nil {
		return err
	}
	return g.act(ctx, who, func(tx *store.Tx) error {
		p, err := tx.DropPlan(id)
		if err != nil {
			return err
		}
		return g.tell(tx, "plan.dropped", g.describePlan(p))
	})
}

func (g *Gateway) describePlan(p window.Plan) map[string]any {
	v := g.planView(p)
	return map[string]any{"plan": p.ID, "vendor": v.VendorLabel, "device": v.DeviceName, "reason": p.Reason,
		"week": p.Week, "day": int(p.Day), "time": p.Clock(), "length": p.Length.String()}
}

// keepPlans makes the request for the next date of each plan, once it is near
// enough. The date and the plan's number make it once.
func (g *Gateway) keepPlans(ctx context.Context, db *store.DB, now time.Time) {
	plans, err := db.Plans(ctx)
	if err != nil {
		g.troubled(err)
		return
	}
	orphans := 0
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.orphans = orphans
	}()
	for _, p := range plans {
		if _, known := g.current().config.Vendor(p.Vendor); !known {
			orphans++
			continue
		}
		at := p.Next(now, g.Zone())
		if at.Sub(now) > window.Ahead {
			continue
		}
		asked, err := db.Windows(ctx, store.Filter{Plan: p.ID, NotBefore: at})
		if err != nil {
			g.troubled(err)
			return
		}
		if len(asked) == 0 {
			if err := g.askPlanned(ctx, p, at); err != nil {
				g.o.Log.Warn("weekly plan not asked for", "plan", p.ID, "at", at, "err", err)
			}
		}
	}
}

// askPlanned asks for one date of a plan in the name of whoever made it.
func (g *Gateway) askPlanned(ctx context.Context, p window.Plan, at time.Time) error {
	v, ok := g.current().config.Vendor(p.Vendor)
	if !ok {
		return text.NewFault("window.vendor_unknown", "vendor", p.Vendor).On("vendor")
	}
	a := p.Window(at)
	a.Sources = v.Sources
	w, err := window.Ask(a, p.Recorder, g.o.Clock.Wall())
	if err != nil {
		return err
	}
	w.Plan = p.ID
	return g.act(ctx, people.Box, func(tx *store.Tx) error {
		if w, err = tx.InsertWindow(w); err != nil {
			return err
		}
		return g.tell(tx, "window.requested_by_plan", g.describe(w))
	})
}

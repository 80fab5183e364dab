package gateway

import (
	"context"
	"errors"
	"time"

	"monban/firewall"
	"monban/gateway/window"
)

// watchFlows keeps the session records: events as they come, and a look at
// the whole table every 10 s, since events can be lost and a killed daemon saw
// none.
func (g *Gateway) watchFlows(ctx context.Context) error {
	g.pollFlows(ctx)
	return g.o.Firewall.WatchFlows(ctx, func(f firewall.Flow) {
		if f.Start.IsZero() && !f.Gone {
			// The event comes before conntrack stamps the entry; the table
			// has it with its start.
			signal(g.flows)
			return
		}
		g.putFlow(ctx, f)
	})
}

// pollLoop polls the flows of open windows.
func (g *Gateway) pollLoop(ctx context.Context) error {
	tick := time.NewTicker(flowPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.flows:
			if pause(ctx, 200*time.Millisecond) != nil { // more of them come together
				return nil
			}
		case <-tick.C:
		}
		if len(g.open()) > 0 {
			g.pollFlows(ctx)
		}
	}
}

// pollFlows records every governed flow the kernel knows now.
func (g *Gateway) pollFlows(ctx context.Context) {
	flows, err := g.o.Firewall.Flows()
	if err != nil {
		g.o.Log.Warn("flows not read", "err", err)
		return
	}
	for _, f := range flows {
		g.putFlow(ctx, f)
	}
}

// putFlow records one flow as a session of the window its mark belongs to.
func (g *Gateway) putFlow(ctx context.Context, f firewall.Flow) {
	w, ok := g.windowByMark(f.Mark)
	db := g.db()
	if !ok || db == nil {
		return // the canary, or a window nobody remembers
	}
	if err := db.PutSession(ctx, session(w, f, g.o.Clock.Wall())); err != nil && !errors.Is(err, context.Canceled) {
		g.troubled(err)
	}
}

// session is a flow as people read it. A flow whose entry lives on after its
// window is a tombstone: it ended with the window.
func session(w window.Window, f firewall.Flow, now time.Time) window.Session {
	s := window.Session{
		Window: w.ID, Mark: uint32(f.Mark), Proto: window.Proto(f.Proto.String()),
		Source: f.Source, Target: f.Target, Start: f.Start, End: f.End,
		In: f.In.Bytes, Out: f.Out.Bytes, FlowID: f.ID,
	}
	if s.Start.IsZero() {
		s.Start = w.OpenAt
	}
	if f.Gone && s.End.IsZero() {
		s.End = now
	}
	if end := windowEnd(w); !end.IsZero() && (s.End.IsZero() && !now.Before(end) || s.End.After(end)) {
		s.End = end
	}
	return s
}

// windowEnd is when a window stopped letting anything through: when it was
// closed, or when its time is over.
func windowEnd(w window.Window) time.Time {
	if !w.ClosedAt.IsZero() && w.ClosedAt.Before(w.EndAt) {
		return w.ClosedAt
	}
	return w.EndAt
}

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
	signal(g.flows)
	return g.o.Firewall.WatchFlows(ctx, func(f firewall.Flow) {
		if !f.Gone {
			// The event comes before conntrack stamps the entry; the table
			// has it with its start.
			signal(g.flows)
			return
		}
		g.putFlows(ctx, []firewall.Flow{f})
	})
}

// pollLoop polls the flows while windows are open, and when one began or
// ended.
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
			if len(g.open()) == 0 {
				continue
			}
		}
		g.pollFlows(ctx)
	}
}

// pollFlows records every governed flow the kernel knows now.
func (g *Gateway) pollFlows(ctx context.Context) {
	flows, err := g.o.Firewall.Flows()
	if err != nil {
		g.o.Log.Warn("flows not read", "err", err)
		return
	}
	g.putFlows(ctx, flows)
}

// maxSessions is how many connections of one window are kept on record. A
// vendor who makes more is scanning or flooding; the window's own counters
// still count every packet.
const maxSessions = 2000

type flowKey struct {
	window int64
	flow   uint32
	start  time.Time
}

// putFlows records flows as sessions of the windows their marks belong to:
// those that changed, in one transaction, so that a flood costs the card one
// write and no act waits for it.
func (g *Gateway) putFlows(ctx context.Context, flows []firewall.Flow) {
	db := g.db()
	if db == nil {
		return
	}
	g.sessions.Lock()
	defer g.sessions.Unlock()
	perWindow := map[int64]int{}
	for k := range g.seenFlows {
		perWindow[k.window]++
	}
	now := g.o.Clock.Wall()
	var put []window.Session
	for _, f := range flows {
		w, ok := g.windowByMark(f.Mark)
		if !ok || !f.Source.IsValid() || !f.Target.IsValid() {
			continue // the canary, or a window nobody remembers
		}
		s := session(w, f, now)
		k := flowKey{w.ID, s.FlowID, s.Start}
		old, known := g.seenFlows[k]
		if known && old == s || !known && perWindow[w.ID] >= maxSessions {
			continue
		}
		if !known {
			perWindow[w.ID]++
		}
		put = append(put, s)
	}
	if len(put) == 0 {
		return
	}
	if err := db.PutSessions(ctx, put); err != nil {
		if !errors.Is(err, context.Canceled) {
			g.troubled(err)
		}
		return
	}
	for _, s := range put {
		g.seenFlows[flowKey{s.Window, s.FlowID, s.Start}] = s
	}
	if len(g.seenFlows) > 4*maxSessions {
		clear(g.seenFlows) // what still lives is written once more
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
	s.Start = s.Start.Truncate(time.Millisecond) // as the store keeps it
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

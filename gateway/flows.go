package gateway

import (
	"context"
	"errors"
	"time"

	"monban/firewall"
	"monban/gateway/store"
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

// A seenFlow is a session as it is, and as the store has it.
type seenFlow struct {
	now, kept window.Session
	keptAt    time.Duration // boot time
}

// sessionKept is how long the bytes of a session that goes on may be newer
// than the store has them. Its beginning and its end are written at once.
const sessionKept = time.Minute

// putFlows takes flows in as sessions of the windows their marks belong to.
// What is new or over is written, and what was not for a while: in one
// transaction, so that a flood costs the card one write and no act waits long.
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
	now, boot := g.o.Clock.Wall(), g.o.Clock.Boot()
	var put []window.Session
	for _, f := range flows {
		w, ok := g.windowByMark(f.Mark)
		if !ok || !f.Source.IsValid() || !f.Target.IsValid() {
			continue // the canary, or a window nobody remembers
		}
		s := session(w, f, now)
		k := keyOf(s)
		x, known := g.seenFlows[k]
		if !known && perWindow[w.ID] >= maxSessions {
			continue
		}
		if !known {
			perWindow[w.ID]++
		}
		x.now = s
		g.seenFlows[k] = x
		if x.kept.End != s.End || x.kept != s && (x.kept.Start.IsZero() || boot-x.keptAt >= sessionKept) {
			put = append(put, s)
		}
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
		g.seenFlows[keyOf(s)] = seenFlow{s, s, boot}
	}
	if len(g.seenFlows) > 4*maxSessions {
		clear(g.seenFlows) // what still lives is written once more
	}
}

func keyOf(s window.Session) flowKey { return flowKey{s.Window, s.FlowID, s.Start} }

// sessionsOf are the sessions of a window as they are now.
func (g *Gateway) sessionsOf(ctx context.Context, db *store.DB, id int64) ([]window.Session, error) {
	ss, err := db.Sessions(ctx, id)
	g.sessions.Lock()
	defer g.sessions.Unlock()
	for i, s := range ss {
		if x, ok := g.seenFlows[keyOf(s)]; ok && x.now.In >= s.In && x.now.Out >= s.Out && s.End.IsZero() {
			ss[i] = x.now
		}
	}
	return ss, err
}

// oldMarks are the marks of flows that conntrack had when we came. It has got
// no others since but of windows that we opened, which the counters and the
// database know.
func (g *Gateway) oldMarks() (map[firewall.Mark]bool, error) {
	g.sessions.Lock()
	defer g.sessions.Unlock()
	if g.foundOld != nil {
		return g.foundOld, nil
	}
	flows, err := g.o.Firewall.Flows()
	if err != nil {
		return nil, err
	}
	g.foundOld = map[firewall.Mark]bool{}
	for _, f := range flows {
		g.foundOld[f.Mark] = true
	}
	return g.foundOld, nil
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

package gateway

import (
	"context"

	"monban/gateway/people"
	"monban/gateway/store"
)

// A lateRecord is something that has happened and is not on disk yet.
type lateRecord struct {
	who    people.Actor
	at     store.Stamp
	urgent bool // about a window: may use the disk's reserve
	fn     func(*store.Tx) error
}

// maxLate bounds what waits in memory. Windows make a few lines each; whoever
// fails to sign in again and again must not push them out.
const maxLate = 1000

// record writes what has happened already: at once if the disk takes it, else
// as soon as it does.
func (g *Gateway) record(ctx context.Context, who people.Actor, fn func(*store.Tx) error) {
	g.queue(lateRecord{who: who, fn: fn})
	g.writeLate(ctx)
}

// recordWindow is record for a window's state, which also goes to a full disk.
func (g *Gateway) recordWindow(ctx context.Context, who people.Actor, fn func(*store.Tx) error) {
	g.queue(lateRecord{who: who, fn: fn, urgent: true})
	g.writeLate(ctx)
}

// queue puts a record where the keeper writes it.
func (g *Gateway) queue(r lateRecord) {
	r.at = g.stamp()
	g.mu.Lock()
	if len(g.late) < maxLate || r.urgent {
		g.late = append(g.late, r)
	}
	g.mu.Unlock()
	signal(g.edge)
}

// writeLate writes what waits, in order. What the disk refuses goes on
// waiting; a window's state does not wait behind it, but never overtakes
// another: the store takes only the step that follows.
func (g *Gateway) writeLate(ctx context.Context) {
	g.writing.Lock()
	defer g.writing.Unlock()
	db := g.db()
	if db == nil {
		return
	}
	g.mu.Lock()
	all := g.late
	g.late = nil
	g.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	var again []lateRecord
	stuck, stopped := false, false
	for _, r := range all {
		if stopped || stuck && !r.urgent {
			again = append(again, r)
			continue
		}
		act := db.Act
		if r.urgent {
			act = db.ActUrgent
		}
		switch err := act(ctx, r.who, r.at, r.fn); {
		case isStore(err):
			g.troubled(err)
			again, stuck, stopped = append(again, r), true, r.urgent
		case err != nil: // it never will fit, as when it is on record already
			g.o.Log.Error("record dropped", "err", err)
		}
	}
	g.mu.Lock()
	g.late = append(again, g.late...)
	if len(again) == 0 && len(all) > 0 {
		g.trouble = nil // the disk takes records again
	}
	g.mu.Unlock()
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"monban/gateway/notice"
	"monban/gateway/run"
	"monban/gateway/store"
	"monban/gateway/text"
)

// channels are all there are; each has a loop of its own, so that a mail
// server that hangs delays mail alone.
var channels = []notice.Channel{notice.Mail, notice.Webhook, notice.Syslog}

// A crier is what is known in memory of notices on their way.
type crier struct {
	wake map[notice.Channel]chan struct{}

	mu       sync.Mutex // never held over disk or network
	farewell map[notice.Channel]farewell
	reminded map[string]bool // keys of reminders that are queued
}

// A farewell goes once to where notices went before.
type farewell struct {
	to notice.Settings
	m  notice.Message
}

func newCrier() *crier {
	c := &crier{wake: map[notice.Channel]chan struct{}{}, farewell: map[notice.Channel]farewell{}, reminded: map[string]bool{}}
	for _, ch := range channels {
		c.wake[ch] = make(chan struct{}, 1)
	}
	return c
}

// ring wakes the loops. Whoever rings is about to commit.
func (c *crier) ring() {
	for _, w := range c.wake {
		signal(w)
	}
}

// leave lets those who got notices under old know that these go elsewhere:
// nobody shall turn the alarms away from a clinic unseen.
func (c *crier) leave(old, now notice.Settings, m notice.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m.Channel = range notice.Channels(old) {
		if target(old, m.Channel) != target(now, m.Channel) {
			c.farewell[m.Channel] = farewell{old, m}
		}
	}
	c.ring()
}

// target is where a channel leads, for comparing.
func target(s notice.Settings, c notice.Channel) string {
	var where any = s.Webhook.URL
	switch c {
	case notice.Mail:
		where = []any{s.Mail.Host, s.Mail.To}
	case notice.Syslog:
		where = []any{s.Syslog.Host, s.Syslog.PortOrStandard()}
	}
	return fmt.Sprint(where)
}

func (c *crier) takeFarewell(ch notice.Channel) (farewell, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.farewell[ch]
	delete(c.farewell, ch)
	return f, ok
}

// Pace of sending.
const (
	cryEvery  = 10 * time.Second
	crySoon   = 100 * time.Millisecond // for the act that rang to commit
	cryBatch  = 20
	cryFaults = 3 // in a row: the channel rests until the next turn
)

// cry sends what waits, one message at a time per channel, and reminds people
// once a day. It holds no lock that an act needs.
func (g *Gateway) cry(ctx context.Context) error {
	group, _ := run.NewGroup(ctx)
	for _, c := range channels {
		group.Go(string(c), func(ctx context.Context) error { return g.deliver(ctx, c) })
	}
	group.Go("daily notice", func(ctx context.Context) error {
		for {
			g.remindDaily(ctx)
			if pause(ctx, time.Minute) != nil {
				return nil
			}
		}
	})
	return group.Wait()
}

// deliver is the loop of one channel.
func (g *Gateway) deliver(ctx context.Context, c notice.Channel) error {
	if g.o.Send == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(cryEvery)
	defer tick.Stop()
	unwritten := outcomes{}
	for {
		for g.deliverDue(ctx, c, unwritten) {
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-g.crier.wake[c]:
			if pause(ctx, crySoon) != nil {
				return nil
			}
		}
	}
}

// outcomes are what came of tries and is not on disk yet: a full disk must not
// make a message go out again and again.
type outcomes map[int64]func(context.Context, *store.DB) error

func (o outcomes) write(ctx context.Context, db *store.DB) error {
	for id, put := range o {
		if err := put(ctx, db); err != nil {
			return err
		}
		delete(o, id)
	}
	return nil
}

// deliverDue sends a batch of what is due on a channel, and says whether there
// may be more to do at once.
func (g *Gateway) deliverDue(ctx context.Context, c notice.Channel, unwritten outcomes) (more bool) {
	if f, ok := g.crier.takeFarewell(c); ok {
		if err := g.o.Send(ctx, f.to, f.m); err != nil {
			g.o.Log.Warn("change of notices not told where they went before", "channel", c, "err", err)
		}
	}
	db := g.db()
	if db == nil || ctx.Err() != nil {
		return false
	}
	if err := unwritten.write(ctx, db); err != nil {
		g.troubled(err)
	}
	set, err := g.noticeSettings(ctx)
	if err != nil {
		g.troubled(err)
		return false
	}
	if !slices.Contains(notice.Channels(set), c) {
		return false
	}
	due, err := db.DueNotices(ctx, c, g.o.Clock.Wall(), cryBatch+len(unwritten))
	if err != nil {
		g.troubled(err)
		return false
	}
	faults := 0
	for _, m := range due {
		if _, known := unwritten[m.ID]; known {
			continue
		}
		err := g.o.Send(ctx, set, g.message(m))
		if ctx.Err() != nil {
			return false
		}
		unwritten[m.ID] = g.outcome(m, err)
		if err := unwritten.write(ctx, db); err != nil {
			g.troubled(err)
		}
		if err == nil {
			faults = 0
			continue
		}
		if faults++; faults == cryFaults {
			return false
		}
	}
	return len(due) >= cryBatch+len(unwritten)
}

// outcome is what to keep of a try.
func (g *Gateway) outcome(m notice.Message, err error) func(context.Context, *store.DB) error {
	now := g.o.Clock.Wall()
	if err == nil {
		return func(ctx context.Context, db *store.DB) error { return db.NoticeDone(ctx, m.ID, now) }
	}
	m.Tries++
	why := "internal"
	var f *text.Fault
	if errors.As(err, &f) {
		why = f.Code
	}
	g.o.Log.Warn("notice not sent", "channel", m.Channel, "notice", m.ID, "code", m.Code, "tries", m.Tries, "err", err)
	if notice.GivesUp(m, now) {
		return func(ctx context.Context, db *store.DB) error { return db.NoticeGivenUp(ctx, m.ID, now, why) }
	}
	next := now.Add(notice.Backoff(m.Tries))
	return func(ctx context.Context, db *store.DB) error { return db.NoticeFailed(ctx, m.ID, next, why) }
}

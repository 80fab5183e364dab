package gateway

import (
	"context"
	"fmt"
	"time"

	"monban/gateway/notice"
	"monban/gateway/selftest"
	"monban/gateway/window"
)

// warnAt is how long before a window's end people are told, the shortest
// first.
var warnAt = []time.Duration{5 * time.Minute, 10 * time.Minute}

// warn tells people once per window, end and mark that it closes soon. An
// extension makes another end. The keeper calls it each turn.
func (g *Gateway) warn(ctx context.Context) {
	now := g.o.Clock.Boot()
	var all []notice.Message
	for _, w := range g.open() {
		mark, ok := warning(w, w.Left(now))
		if !ok {
			continue
		}
		// The daemon may have been dead when the longer mark passed: then the
		// shorter one says it all.
		key := fmt.Sprintf("window.warning/%d/%d/%d", w.ID, w.EndBoot.Milliseconds(), mark/time.Minute)
		all = append(all, notice.Message{Key: key, Level: notice.Caution, Code: "window.warning", Args: g.ending(w)})
	}
	g.remind(ctx, all)
}

// warning is the shortest mark that has passed with left to go. Who opens for
// ten minutes knows that it is ten minutes.
func warning(w window.Window, left time.Duration) (time.Duration, bool) {
	for _, mark := range warnAt {
		if left > 0 && left <= mark {
			return mark, w.EndBoot-w.OpenBoot > mark
		}
	}
	return 0, false
}

// ending is what is said of a window that closes soon.
func (g *Gateway) ending(w window.Window) map[string]any {
	v := g.view(w)
	left := w.Left(g.o.Clock.Boot())
	return map[string]any{"window": w.ID, "vendor": v.VendorLabel, "device": v.DeviceName,
		"minutes": int((left + time.Minute - 1) / time.Minute)}
}

// maxReminded bounds what is remembered of reminders; the queue knows them too.
const maxReminded = 1000

// remind queues reminders on every channel that is on, each key once.
func (g *Gateway) remind(ctx context.Context, all []notice.Message) {
	var news []notice.Message
	g.crier.mu.Lock()
	for _, m := range all {
		if !g.crier.reminded[m.Key] {
			news = append(news, m)
		}
	}
	g.crier.mu.Unlock()
	db := g.db()
	if len(news) == 0 || db == nil {
		return
	}
	set, err := g.noticeSettings(ctx)
	if err != nil {
		g.troubled(err)
		return
	}
	var queue []notice.Message
	for _, c := range notice.Channels(set) {
		for _, m := range news {
			m.Channel, m.At, m.Synced = c, g.o.Clock.Wall(), g.o.Clock.Synced()
			queue = append(queue, m)
		}
	}
	if len(queue) > 0 {
		if err := db.QueueNotices(ctx, queue); err != nil {
			g.troubled(err)
			return
		}
	}
	g.crier.mu.Lock()
	if len(g.crier.reminded) > maxReminded {
		clear(g.crier.reminded)
	}
	for _, m := range news {
		g.crier.reminded[m.Key] = true
	}
	g.crier.mu.Unlock()
	g.crier.ring()
}

const (
	dailyHour = 7                // of the clinic's morning
	timeToSet = 10 * time.Minute // for the clock, after a start
)

// remindDaily sends the log's head and the last self-test once a day: kept
// elsewhere, the head shows later whether the log was rewritten or cut.
func (g *Gateway) remindDaily(ctx context.Context) {
	db := g.db()
	now := g.o.Clock.Wall().In(g.Zone())
	if db == nil || now.Hour() < dailyHour || !g.o.Clock.Synced() && g.o.Clock.Boot() < timeToSet {
		return
	}
	head := db.Head()
	p := g.Proof()
	why, at := "notice.proof.none", "-"
	if !p.At.IsZero() {
		at = notice.When(p.At.In(g.Zone()))
		why = map[selftest.State]string{selftest.OK: "notice.proof.ok", selftest.Failed: "notice.proof.failed"}[p.State]
		if why == "" {
			why = "notice.proof.unmeasured"
		}
	}
	level := notice.Info
	if why == "notice.proof.failed" {
		level = notice.Danger
	}
	g.remind(ctx, []notice.Message{{Key: "daily/" + now.Format(time.DateOnly), Level: level, Code: "notice.daily",
		Args: map[string]any{"head": hexHash(head.Hash), "count": head.Count, "proof_at": at, "why": why}}})
}

// unheardAfter is how long a notice may be on its way before the page says so.
const unheardAfter = 10 * time.Minute

// crierNotes are what the home page says of notices and of windows that close
// soon.
func (g *Gateway) crierNotes(ctx context.Context) (notes []Note) {
	now := g.o.Clock.Boot()
	for _, w := range g.open() {
		if left := w.Left(now); left > 0 && left <= warnAt[len(warnAt)-1] {
			notes = append(notes, Note{Code: "gateway.ending_soon", Level: "caution", Args: g.ending(w), Link: "/windows/" + itoa(w.ID)})
		}
	}
	db := g.db()
	if db == nil {
		return notes
	}
	n, oldest, err := db.NoticesFailing(ctx)
	switch {
	case err != nil:
		g.troubled(err)
	case n > 0 && g.o.Clock.Wall().Sub(oldest) > unheardAfter:
		notes = append(notes, Note{Code: "notice.failing", Level: "caution", Args: map[string]any{"n": n}, Link: "/settings/notices"})
	}
	return notes
}

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"monban/gateway/notice"
)

// How much of notices is kept.
const (
	maxWaiting  = 1000                // on their way
	keepNotices = 30 * 24 * time.Hour // after they were sent or given up
)

// QueueNotice puts m on its way as part of the act, whose time it gets. A key
// that the channel has had before changes nothing. Beyond maxWaiting the least
// important, and of these the oldest, is dropped; the log has it.
func (tx *Tx) QueueNotice(m notice.Message) error {
	m.At, m.Synced = tx.at.Wall, tx.at.Synced
	return queueNotice(tx.ctx, tx.tx, m)
}

// QueueNotices puts messages on their way without an audit line: for what the
// box reminds people of, never for what somebody did.
func (db *DB) QueueNotices(ctx context.Context, all []notice.Message) error {
	return db.observe(ctx, "queueing notices", func(ctx context.Context, tx *sql.Tx) error {
		for _, m := range all {
			if err := queueNotice(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

func queueNotice(ctx context.Context, tx *sql.Tx, m notice.Message) error {
	args, err := asJSON(m.Args)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO notice (channel, key, at, synced, level, code, args, tries, next_at, error, state)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, '', 'waiting') ON CONFLICT (key, channel) WHERE key <> '' DO NOTHING`,
		string(m.Channel), m.Key, m.At.UnixMilli(), m.Synced, m.Level, m.Code, args, m.At.UnixMilli()); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE state = 'waiting'
		ORDER BY `+importance+`, id LIMIT max(0, (SELECT count(*) FROM notice WHERE state = 'waiting') - ?))`, maxWaiting)
	return err
}

// importance orders levels, the least important first.
const importance = "CASE level WHEN 'info' THEN 0 WHEN 'caution' THEN 1 ELSE 2 END"

// DropNotices forgets what waits for a channel, or was given up, as part of
// the act that switches it off.
func (tx *Tx) DropNotices(c notice.Channel) error {
	_, err := tx.tx.ExecContext(tx.ctx, "DELETE FROM notice WHERE channel = ? AND state <> 'sent'", string(c))
	return err
}

// DueNotices returns at most limit messages of a channel whose next try is due
// at now: the most important first, and of these the oldest. A time further
// ahead than any pause comes from a clock that was set back, and is due.
func (db *DB) DueNotices(ctx context.Context, c notice.Channel, now time.Time, limit int) ([]notice.Message, error) {
	return collect(ctx, db.r, "reading notices", scanNotice, `SELECT id, channel, key, at, synced, level, code, args, tries, next_at, error
		FROM notice WHERE state = 'waiting' AND channel = ? AND (next_at <= ? OR next_at > ?)
		ORDER BY `+importance+` DESC, id LIMIT ?`, string(c), now.UnixMilli(), now.Add(notice.LastPause).UnixMilli(), limit)
}

func scanNotice(row scanner) (notice.Message, error) {
	var m notice.Message
	var channel, args string
	var at, next int64
	if err := row.Scan(&m.ID, &channel, &m.Key, &at, &m.Synced, &m.Level, &m.Code, &args, &m.Tries, &next, &m.Error); err != nil {
		return m, err
	}
	m.Channel, m.At, m.NextAt = notice.Channel(channel), time.UnixMilli(at).UTC(), time.UnixMilli(next).UTC()
	dec := json.NewDecoder(strings.NewReader(args))
	dec.UseNumber() // a float would print bytes as 1.2e+07
	return m, dec.Decode(&m.Args)
}

// NoticeDone keeps that a message was sent, and forgets old ones.
func (db *DB) NoticeDone(ctx context.Context, id int64, at time.Time) error {
	return db.settleNotice(ctx, "sent", id, at, "")
}

// NoticeGivenUp keeps that a message is not tried again, and why its last try
// failed.
func (db *DB) NoticeGivenUp(ctx context.Context, id int64, at time.Time, why string) error {
	return db.settleNotice(ctx, "given_up", id, at, why)
}

func (db *DB) settleNotice(ctx context.Context, state string, id int64, at time.Time, why string) error {
	return db.observe(ctx, "keeping a notice", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE notice SET state = ?, tries = tries + 1, done_at = ?, error = ?
			WHERE id = ? AND state = 'waiting'`, state, at.UnixMilli(), why, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM notice WHERE done_at < ?", at.Add(-keepNotices).UnixMilli())
		return err
	})
}

// NoticeFailed keeps that a try failed, why, and when the next one is.
func (db *DB) NoticeFailed(ctx context.Context, id int64, next time.Time, why string) error {
	return db.observe(ctx, "keeping a notice", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE notice SET tries = tries + 1, next_at = ?, error = ? WHERE id = ? AND state = 'waiting'",
			next.UnixMilli(), why, id)
		return err
	})
}

// NoticesFailing returns how many messages have not arrived, and when the
// oldest of them came up: those that wait, and those given up on a channel
// that has sent none since.
func (db *DB) NoticesFailing(ctx context.Context) (n int, oldest time.Time, err error) {
	type row struct {
		n  int
		at sql.NullInt64
	}
	r, err := one(ctx, db.r, "reading notices", func(s scanner) (r row, err error) { return r, s.Scan(&r.n, &r.at) },
		`SELECT count(*), min(at) FROM notice AS n WHERE state = 'waiting' OR state = 'given_up' AND NOT EXISTS
		(SELECT 1 FROM notice AS s WHERE s.channel = n.channel AND s.state = 'sent' AND s.done_at >= n.done_at)`)
	return r.n, fromMillis(r.at), err
}

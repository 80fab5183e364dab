package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// How much of going around the name filter is kept. Days count, not dates: a
// clock that jumps ahead must not make evidence old.
const (
	maxEvasions  = 500 // of a day: those with the highest counts
	keepEvasions = 400 // days
	MaxEvaded    = 8   // names of one device, kind and day
)

// An Evasion is how one device went around the name filter on one day of the
// clinic's calendar (2026-11-21), or since that was last kept.
type Evasion struct {
	Day         string
	Device      string // hardware address, or the address of a client nobody knows
	Kind        string
	N           uint64 // attempts
	Stopped     uint64 // those of them that led nowhere
	First, Last time.Time
	What        []string // the newest names, at most MaxEvaded; none is known of what only the kernel saw
}

// PutEvasions adds to what is kept, in one transaction with the reading they
// were made from (under key), so that nothing is counted twice or lost,
// whenever we die. No audit line.
func (db *DB) PutEvasions(ctx context.Context, all []Evasion, key string, reading []byte) error {
	return db.observe(ctx, "keeping who goes around", func(ctx context.Context, tx *sql.Tx) error {
		return putEvasions(ctx, tx, all, key, reading)
	})
}

// PutEvasions is that of a DB as part of an act.
func (tx *Tx) PutEvasions(all []Evasion, key string, reading []byte) error {
	return putEvasions(tx.ctx, tx.tx, all, key, reading)
}

func putEvasions(ctx context.Context, tx *sql.Tx, all []Evasion, key string, reading []byte) error {
	days := map[string]bool{}
	for _, e := range all {
		days[e.Day] = true
		if err := putEvasion(ctx, tx, e); err != nil {
			return err
		}
	}
	for day := range days {
		if _, err := tx.ExecContext(ctx, `DELETE FROM evasion WHERE day = ?1 AND (device, kind) NOT IN (SELECT device, kind FROM evasion WHERE day = ?1
			ORDER BY n DESC, device, kind LIMIT ?2)`, day, maxEvasions); err != nil {
			return err
		}
	}
	if len(days) > 0 {
		if _, err := tx.ExecContext(ctx, `DELETE FROM evasion WHERE day < (SELECT min(day) FROM
			(SELECT DISTINCT day FROM evasion ORDER BY day DESC LIMIT ?))`, keepEvasions); err != nil {
			return err
		}
	}
	return setMeta(ctx, tx, key, reading)
}

func putEvasion(ctx context.Context, tx *sql.Tx, e Evasion) error {
	var had string
	err := tx.QueryRowContext(ctx, "SELECT what FROM evasion WHERE day = ? AND device = ? AND kind = ?", e.Day, e.Device, e.Kind).Scan(&had)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var what []string
	if had != "" {
		if err := json.Unmarshal([]byte(had), &what); err != nil {
			return err
		}
	}
	enc, err := asJSON(NewestNames(what, e.What))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO evasion (day, device, kind, n, stopped, first, last, what) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (day, device, kind) DO UPDATE SET n = n + excluded.n, stopped = stopped + excluded.stopped,
			first = min(first, excluded.first), last = max(last, excluded.last), what = excluded.what`,
		e.Day, e.Device, e.Kind, int64(e.N), int64(e.Stopped), e.First.UnixMilli(), e.Last.UnixMilli(), enc)
	return err
}

// NewestNames adds names to those that were there, the newest last, each once
// and no more than are kept.
func NewestNames(had, more []string) []string {
	all := []string{}
	for _, n := range slices.Concat(had, more) {
		all = slices.DeleteFunc(all, func(x string) bool { return x == n })
		all = append(all, n)
	}
	return all[max(0, len(all)-MaxEvaded):]
}

// Evasions returns a day's, by device and kind.
func (db *DB) Evasions(ctx context.Context, day string) ([]Evasion, error) {
	return collect(ctx, db.r, "reading who went around", scanEvasion,
		"SELECT day, device, kind, n, stopped, first, last, what FROM evasion WHERE day = ? ORDER BY device, kind", day)
}

func scanEvasion(row scanner) (Evasion, error) {
	var e Evasion
	var what string
	var n, stopped, first, last int64
	if err := row.Scan(&e.Day, &e.Device, &e.Kind, &n, &stopped, &first, &last, &what); err != nil {
		return e, err
	}
	e.N, e.Stopped, e.First, e.Last = uint64(n), uint64(stopped), time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
	return e, json.Unmarshal([]byte(what), &e.What)
}

// EvasionDays returns the days somebody went around on, newest first, at most
// limit.
func (db *DB) EvasionDays(ctx context.Context, limit int) ([]string, error) {
	return collect(ctx, db.r, "reading who went around", func(row scanner) (d string, err error) { return d, row.Scan(&d) },
		"SELECT DISTINCT day FROM evasion ORDER BY day DESC LIMIT ?", limit)
}

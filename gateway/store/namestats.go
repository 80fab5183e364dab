package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
)

// How much of the statistics is kept: 13 months. Hours and days with something
// in them count, not dates: a clock that jumps ahead must not wipe them out.
const (
	keepNameHours = 9600
	keepNameDays  = 400
	keepTops      = 100 // names of a device and day
)

// A NameHour is what one device asked for in one hour, or since it was last
// kept.
type NameHour struct {
	Hour           int64 // since 1970, UTC
	Device         string
	Asked, Refused uint64
	Reasons        map[string]uint64 // of what was refused: dns.reason.*
}

// A NameTop is how often one device asked for one name in one day.
type NameTop struct {
	Day            string // 2026-11-21
	Device, Name   string
	Asked, Refused uint64
}

// PutNameStats adds to what is kept, in one transaction with mark (under key),
// which says up to where the query log is in it: so nothing is counted twice
// or lost, whenever we die. No audit line.
func (db *DB) PutNameStats(ctx context.Context, hours []NameHour, tops []NameTop, key string, mark []byte) error {
	return db.observe(ctx, "keeping the names' statistics", func(ctx context.Context, tx *sql.Tx) error {
		for _, h := range hours {
			if err := putNameHour(ctx, tx, h); err != nil {
				return err
			}
		}
		if err := putNameTops(ctx, tx, tops); err != nil {
			return err
		}
		for _, q := range []struct {
			sql  string
			keep int
		}{
			{"DELETE FROM name_hour WHERE hour < (SELECT min(hour) FROM (SELECT DISTINCT hour FROM name_hour ORDER BY hour DESC LIMIT ?))", keepNameHours},
			{"DELETE FROM name_top WHERE day < (SELECT min(day) FROM (SELECT DISTINCT day FROM name_top ORDER BY day DESC LIMIT ?))", keepNameDays},
		} {
			if _, err := tx.ExecContext(ctx, q.sql, q.keep); err != nil {
				return err
			}
		}
		return setMeta(ctx, tx, key, mark)
	})
}

func putNameHour(ctx context.Context, tx *sql.Tx, h NameHour) error {
	reasons := map[string]uint64{}
	var had string
	err := tx.QueryRowContext(ctx, "SELECT reasons FROM name_hour WHERE hour = ? AND device = ?", h.Hour, h.Device).Scan(&had)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if had != "" {
		if err := json.Unmarshal([]byte(had), &reasons); err != nil {
			return err
		}
	}
	for r, n := range h.Reasons {
		reasons[r] += n
	}
	enc, err := asJSON(reasons)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO name_hour (hour, device, asked, refused, reasons) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (hour, device) DO UPDATE SET asked = asked + excluded.asked, refused = refused + excluded.refused, reasons = excluded.reasons`,
		h.Hour, h.Device, int64(h.Asked), int64(h.Refused), enc)
	return err
}

func putNameTops(ctx context.Context, tx *sql.Tx, tops []NameTop) error {
	type owner struct{ day, device string }
	touched := map[owner]bool{}
	for _, t := range tops {
		if _, err := tx.ExecContext(ctx, `INSERT INTO name_top (day, device, name, asked, refused) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (day, device, name) DO UPDATE SET asked = asked + excluded.asked, refused = refused + excluded.refused`,
			t.Day, t.Device, t.Name, int64(t.Asked), int64(t.Refused)); err != nil {
			return err
		}
		touched[owner{t.Day, t.Device}] = true
	}
	for o := range touched {
		if _, err := tx.ExecContext(ctx, `DELETE FROM name_top WHERE day = ?1 AND device = ?2 AND name NOT IN
			(SELECT name FROM name_top WHERE day = ?1 AND device = ?2 ORDER BY asked + 3 * refused DESC, name LIMIT ?3)`,
			o.day, o.device, keepTops); err != nil {
			return err
		}
	}
	return nil
}

// NameHours returns the hours from ≤ hour < to, in order.
func (db *DB) NameHours(ctx context.Context, from, to int64) ([]NameHour, error) {
	return collect(ctx, db.r, "reading the names' statistics", func(row scanner) (h NameHour, err error) {
		var asked, refused int64
		var reasons string
		if err = row.Scan(&h.Hour, &h.Device, &asked, &refused, &reasons); err != nil {
			return h, err
		}
		h.Asked, h.Refused = uint64(asked), uint64(refused)
		return h, json.Unmarshal([]byte(reasons), &h.Reasons)
	}, "SELECT hour, device, asked, refused, reasons FROM name_hour WHERE hour >= ? AND hour < ? ORDER BY hour, device", from, to)
}

// NameTops returns what is kept of a day's names, in no order.
func (db *DB) NameTops(ctx context.Context, day string) ([]NameTop, error) {
	return collect(ctx, db.r, "reading the names' statistics", func(row scanner) (t NameTop, err error) {
		var asked, refused int64
		err = row.Scan(&t.Day, &t.Device, &t.Name, &asked, &refused)
		t.Asked, t.Refused = uint64(asked), uint64(refused)
		return t, err
	}, "SELECT day, device, name, asked, refused FROM name_top WHERE day = ?", day)
}

// FirstNameDay is the oldest day there are names of; empty if there is none.
func (db *DB) FirstNameDay(ctx context.Context) (string, error) {
	return one(ctx, db.r, "reading the names' statistics", func(row scanner) (d string, err error) { return d, row.Scan(&d) },
		"SELECT coalesce(min(day), '') FROM name_top")
}

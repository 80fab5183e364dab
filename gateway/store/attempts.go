package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"time"

	"monban/gateway/audit"
)

// How much of attempts is kept. Days count, not dates: a clock that jumps
// ahead must not make evidence old.
const (
	maxSources    = 500 // of a day: vendors' first, then those with most packets
	keepAttempts  = 400 // days with their sources
	MaxTriedPorts = 16  // of a source and day
)

// An Attempt is what one source tried in one day, or since it was last kept.
type Attempt struct {
	Source      netip.Addr
	Vendor      string // name in site.toml; empty: a stranger
	Packets     uint64
	First, Last time.Time
	Ports       []string // sampled; at most MaxTriedPorts
}

// A Tally is what came up since the last PutAttempts in one day of the
// clinic's calendar (2026-11-21). Packets are all of them, also those of
// sources that are not in Attempts.
type Tally struct {
	Day      string
	Packets  uint64
	Attempts []Attempt
}

// PutAttempts adds tallies to what is kept, in one transaction with the
// reading of the kernel's counters they were made from (under key), so that
// nothing is counted twice or lost, whenever we die. No audit line.
func (db *DB) PutAttempts(ctx context.Context, tallies []Tally, key string, reading []byte) error {
	return db.observe(ctx, "keeping attempts", func(ctx context.Context, tx *sql.Tx) error {
		for _, t := range tallies {
			if err := putTally(ctx, tx, t); err != nil {
				return err
			}
		}
		return setMeta(ctx, tx, key, reading)
	})
}

func putTally(ctx context.Context, tx *sql.Tx, t Tally) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO attempt_day (day, packets) VALUES (?, ?)
		ON CONFLICT (day) DO UPDATE SET packets = packets + excluded.packets`, t.Day, int64(t.Packets)); err != nil {
		return err
	}
	for _, a := range t.Attempts {
		if err := putAttempt(ctx, tx, t.Day, a); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM attempt WHERE day = ?1 AND source NOT IN (SELECT source FROM attempt WHERE day = ?1
		ORDER BY vendor <> '' DESC, packets DESC, source LIMIT ?2)`, t.Day, maxSources); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM attempt WHERE day < (SELECT min(day) FROM
		(SELECT day FROM attempt_day ORDER BY day DESC LIMIT ?))`, keepAttempts)
	return err
}

func putAttempt(ctx context.Context, tx *sql.Tx, day string, a Attempt) error {
	var had string
	err := tx.QueryRowContext(ctx, "SELECT ports FROM attempt WHERE day = ? AND source = ?", day, a.Source.String()).Scan(&had)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var ports []string
	if had != "" {
		if err := json.Unmarshal([]byte(had), &ports); err != nil {
			return err
		}
	}
	for _, p := range a.Ports {
		if len(ports) < MaxTriedPorts && !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
	}
	enc, err := asJSON(ports)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO attempt (day, source, vendor, packets, first, last, ports) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (day, source) DO UPDATE SET vendor = max(vendor, excluded.vendor), packets = packets + excluded.packets,
			first = min(first, excluded.first), last = max(last, excluded.last), ports = excluded.ports`,
		day, a.Source.String(), a.Vendor, int64(a.Packets), a.First.UnixMilli(), a.Last.UnixMilli(), enc)
	return err
}

// Attempts returns a day's sources, the most packets first, and how many
// packets there were in all; nothing of a day nobody tried on.
func (db *DB) Attempts(ctx context.Context, day string) (Tally, error) {
	t := Tally{Day: day}
	n, err := one(ctx, db.r, "reading attempts", func(row scanner) (n int64, err error) { return n, row.Scan(&n) },
		"SELECT packets FROM attempt_day WHERE day = ?", day)
	if errors.Is(err, ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	t.Packets = uint64(n)
	t.Attempts, err = collect(ctx, db.r, "reading attempts", scanAttempt,
		"SELECT source, vendor, packets, first, last, ports FROM attempt WHERE day = ? ORDER BY packets DESC, source", day)
	return t, err
}

func scanAttempt(row scanner) (Attempt, error) {
	var a Attempt
	var source, ports string
	var packets, first, last int64
	err := row.Scan(&source, &a.Vendor, &packets, &first, &last, &ports)
	if err != nil {
		return a, err
	}
	a.Packets, a.First, a.Last = uint64(packets), time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
	if a.Source, err = netip.ParseAddr(source); err != nil {
		return a, err
	}
	return a, json.Unmarshal([]byte(ports), &a.Ports)
}

// AttemptDays returns the days somebody tried on, newest first, at most limit.
func (db *DB) AttemptDays(ctx context.Context, limit int) ([]string, error) {
	return collect(ctx, db.r, "reading attempts", func(row scanner) (d string, err error) { return d, row.Scan(&d) },
		"SELECT day FROM attempt_day WHERE packets > 0 ORDER BY day DESC LIMIT ?", limit)
}

// aboutWindow is word for word the expression of the index audit_window.
const aboutWindow = "CASE WHEN json_valid(args) THEN json_extract(args, '$.window') END"

// AuditOfWindow returns the lines of the log that name a window, oldest first.
func (db *DB) AuditOfWindow(ctx context.Context, id int64) ([]audit.Line, error) {
	return collect(ctx, db.r, "reading the log", scanLine, selectLine+"WHERE "+aboutWindow+" = ? ORDER BY seq", id)
}

package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"monban/gateway/window"
)

// A Filter chooses windows; empty fields choose all.
type Filter struct {
	States    []window.State
	Vendor    string
	Device    int64
	Plan      int64     // only those a plan asked for
	NotBefore time.Time // only those planned for exactly then
	From, To  time.Time // only those asked for at or after From, and before To
	DueBy     time.Time // only those time may ask something of by then; see window.DueAt
	Owing     bool      // only those after which a remark is missing; see window.Owes
	Before    int64     // only ids below, for paging
	Limit     int       // 0: no limit
}

// where returns the filter as SQL, but for the limit. What the gateway asks
// every few seconds names its index, since without statistics SQLite would go
// through all windows there ever were.
func (f Filter) where() (cond string, args []any) {
	cond = "WHERE 1"
	switch {
	case !f.DueBy.IsZero():
		cond = "INDEXED BY window_due " + cond
	case f.Owing:
		cond = "INDEXED BY window_owing " + cond
	}
	add := func(c string, v ...any) { cond, args = cond+" AND "+c, append(args, v...) }
	if len(f.States) > 0 {
		var in []any
		for _, s := range f.States {
			in = append(in, string(s))
		}
		add("state IN (?"+strings.Repeat(", ?", len(in)-1)+")", in...)
	}
	if f.Vendor != "" {
		add("vendor = ?", f.Vendor)
	}
	if f.Device != 0 {
		add("device = ?", f.Device)
	}
	if f.Plan != 0 {
		add("plan <> 0 AND plan = ?", f.Plan) // as the index window_appointment has it
	}
	if !f.NotBefore.IsZero() {
		add("not_before = ?", f.NotBefore.UnixMilli())
	}
	if !f.From.IsZero() {
		add("requested_at >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		add("requested_at < ?", f.To.UnixMilli())
	}
	if !f.DueBy.IsZero() {
		add("due_at <= ?", f.DueBy.UnixMilli())
	}
	if f.Owing { // word for word the condition of the index window_owing
		add("state = 'closed' AND open_at IS NOT NULL AND (report = '' OR review = '' OR break_glass = 1 AND excuse = '')")
	}
	if f.Before != 0 {
		add("id < ?", f.Before)
	}
	return cond, args
}

// Windows returns windows, newest first.
func (db *DB) Windows(ctx context.Context, f Filter) ([]window.Window, error) {
	cond, args := f.where()
	q := selectWindow + cond + " ORDER BY id DESC"
	if f.Limit > 0 {
		q, args = q+" LIMIT ?", append(args, f.Limit)
	}
	return collect(ctx, db.r, "reading windows", scanWindow, q, args...)
}

// CountWindows returns how many windows f chooses; its Limit does not count.
func (db *DB) CountWindows(ctx context.Context, f Filter) (int, error) {
	cond, args := f.where()
	return one(ctx, db.r, "counting windows", func(row scanner) (n int, err error) { return n, row.Scan(&n) },
		"SELECT count(*) FROM window "+cond, args...)
}

// NextStart returns the earliest planned start of the windows that wait for
// theirs, which may have passed; zero if none waits.
func (db *DB) NextStart(ctx context.Context) (time.Time, error) {
	at, err := one(ctx, db.r, "reading the next start", func(row scanner) (n sql.NullInt64, err error) { return n, row.Scan(&n) },
		"SELECT min(not_before) FROM window INDEXED BY window_start WHERE state = 'scheduled'")
	return fromMillis(at), err
}

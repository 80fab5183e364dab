package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"monban/gateway/audit"
	"monban/gateway/people"
)

const selectLine = "SELECT seq, at, synced, person, name, role, via, deputy, code, args, prev, hash FROM audit "

// A scanner is a row of a result.
type scanner interface{ Scan(...any) error }

func scanLine(row scanner) (audit.Line, error) {
	var l audit.Line
	var seq, at int64
	var role, args string
	var prev, hash []byte
	err := row.Scan(&seq, &at, &l.Synced, &l.Who.ID, &l.Who.Name, &role, &l.Who.Via, &l.Who.Deputy, &l.Code, &args, &prev, &hash)
	l.Seq, l.At, l.Who.Role, l.Args = uint64(seq), time.UnixMilli(at).UTC(), people.Role(role), []byte(args)
	copy(l.Prev[:], prev)
	copy(l.Hash[:], hash)
	return l, err
}

// lineHead returns the head the log had when it was count lines long.
func lineHead(ctx context.Context, q querier, count uint64) (audit.Head, error) {
	l, err := scanLine(q.QueryRowContext(ctx, selectLine+"WHERE seq = ?", int64(count)))
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Head{}, nil
	}
	return l.Head(), err
}

// AuditLines returns at most limit lines before line number before (0: from
// the end), newest first.
func (db *DB) AuditLines(ctx context.Context, before uint64, limit int) ([]audit.Line, error) {
	q, args := selectLine+"ORDER BY seq DESC LIMIT ?", []any{limit}
	if before > 0 {
		q, args = selectLine+"WHERE seq < ? ORDER BY seq DESC LIMIT ?", []any{int64(before), limit}
	}
	return collect(ctx, db.r, "reading the log", scanLine, q, args...)
}

// Verify checks the whole log: its chain, against the given earlier heads,
// against the head file, and against what this process wrote last. It returns
// the head of what is there. The error is an *audit.Broken that names the
// first wrong line; another error means that the check could not be made.
func (db *DB) Verify(ctx context.Context, against ...audit.Head) (audit.Head, error) {
	h, err := db.verify(ctx, against)
	var broken *audit.Broken
	if errors.As(err, &broken) {
		return h, err
	}
	return h, faultOf("checking the log", err)
}

func (db *DB) verify(ctx context.Context, against []audit.Head) (audit.Head, error) {
	// Notes and snapshot must be of one moment between two acts.
	if err := db.take(ctx); err != nil {
		return audit.Head{}, err
	}
	tx, ours, outside, err := db.snapshot(ctx)
	db.give()
	if tx != nil {
		defer tx.Rollback()
	}
	if err != nil {
		return audit.Head{}, err
	}
	v := audit.Verifier{Against: append(outside, against...)}
	rows, err := tx.QueryContext(ctx, selectLine+"ORDER BY seq")
	if err != nil {
		return audit.Head{}, err
	}
	defer rows.Close()
	for rows.Next() {
		l, err := scanLine(rows)
		if err != nil {
			return audit.Head{}, err
		}
		if v.Add(l) != nil {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return audit.Head{}, err
	}
	head, err := v.End()
	if err != nil {
		return head, err
	}
	if ours != nil {
		return head, ours
	}
	return head, nil
}

// snapshot begins to read, and returns what is known of the log from outside
// of it; wrong is how the notes or this process contradict its end.
func (db *DB) snapshot(ctx context.Context) (tx *sql.Tx, wrong *audit.Broken, outside []audit.Head, err error) {
	if tx, err = db.r.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		return nil, nil, nil, err
	}
	head, err := lastLine(ctx, tx) // the first read fixes the snapshot
	if err != nil {
		return tx, nil, nil, err
	}
	for _, name := range []string{db.headFile(), db.keptFile()} {
		h, err := readNote(name)
		var bad *audit.Broken
		switch {
		case errors.As(err, &bad):
			wrong = bad
		case err != nil:
			return tx, nil, nil, err
		case h != nil:
			outside = append(outside, *h)
		}
	}
	if wrong == nil {
		if wrong, err = contradiction(ctx, tx, db.headFile(), head); err != nil {
			return tx, nil, nil, err
		}
	}
	if have := db.Head(); !db.readOnly {
		outside = append(outside, have)
		if wrong == nil && head.Count > have.Count {
			wrong = &audit.Broken{Line: have.Count + 1, Why: audit.Strange}
		}
	}
	return tx, wrong, outside, nil
}

// collect runs a query and scans all its rows.
func collect[T any](ctx context.Context, q querier, doing string, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, faultOf(doing, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return nil, faultOf(doing, err)
		}
		out = append(out, t)
	}
	return out, faultOf(doing, rows.Err())
}

// one runs a query for one row; ErrNotFound if there is none.
func one[T any](ctx context.Context, q querier, doing string, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	t, err := scan(q.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return t, faultOf(doing, err)
}

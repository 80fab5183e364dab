package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"monban/gateway/audit"
	"monban/gateway/people"
	"monban/gateway/text"
)

// A Tx is one act being recorded. It is valid only inside the function that
// got it, on one goroutine.
type Tx struct {
	ctx   context.Context
	tx    *sql.Tx
	who   people.Actor
	at    Stamp
	head  audit.Head // the log so far, this act's lines included
	lines int        // audit lines of this act
	moves int        // changes of windows' states in this act
}

// Act runs fn in one transaction and commits it, with at least one audit line
// and one per change of a window's state; otherwise, and if fn fails, nothing
// is kept. When Act returns nil the act is on disk. ctx bounds only the wait
// for other acts, since a transaction cut short in the middle would leave the
// caller guessing.
//
// The error is fn's own, or a Fault: store.disk_full also while the reserve
// is given up and cannot be had back.
func (db *DB) Act(ctx context.Context, who people.Actor, at Stamp, fn func(*Tx) error) error {
	return db.alone(ctx, func() error {
		if db.Full() {
			return text.NewFault("store.disk_full")
		}
		return db.act(ctx, who, at, fn)
	})
}

// ActUrgent is Act for what must be recorded even on a full disk: that a
// window was closed. It gives up the reserve if it has to and then runs fn
// again, so fn must start from what it reads in tx. If that fails too, the
// caller keeps the act in memory and tries again later.
func (db *DB) ActUrgent(ctx context.Context, who people.Actor, at Stamp, fn func(*Tx) error) error {
	return db.alone(ctx, func() error {
		err := db.act(ctx, who, at, fn)
		if isFull(err) && db.FreeReserve() {
			db.find(text.NewFault("store.disk_full").Because(err))
			err = db.act(ctx, who, at, fn)
		}
		return err
	})
}

// act does the work of Act; the caller has the turn.
func (db *DB) act(ctx context.Context, who people.Actor, at Stamp, fn func(*Tx) error) error {
	ctx = context.WithoutCancel(ctx)
	stx, err := db.w.BeginTx(ctx, nil)
	if err != nil {
		return faultOf("beginning an act", err)
	}
	defer stx.Rollback() // also when fn panics
	tx := &Tx{ctx: ctx, tx: stx, who: who, at: at}
	if tx.head, err = lastLine(ctx, stx); err != nil {
		return faultOf("reading the log's head", err)
	}
	db.watchHead(tx.head)
	first := tx.head.Count + 1
	if err := fn(tx); err != nil {
		return faultOf("recording an act", err)
	}
	if tx.lines == 0 || tx.lines < tx.moves {
		return fmt.Errorf("%w: %d lines, %d changes of windows", ErrNoAudit, tx.lines, tx.moves)
	}
	if _, err := stx.ExecContext(ctx, "UPDATE counter SET value = ? WHERE name = 'act'", int64(first)); err != nil {
		return faultOf("recording an act", err)
	}
	if err := stx.Commit(); err != nil {
		return faultOf("committing an act", err)
	}
	db.note(tx.head)
	return nil
}

// Audit writes a line about this act: code is one of the catalogue, args are
// what fills its sentence (nil: nothing), an object whose numbers are whole.
func (tx *Tx) Audit(code string, args any) error {
	if args == nil {
		args = struct{}{}
	}
	raw, err := audit.Canonical(args)
	if err != nil {
		return fmt.Errorf("audit line %s: %w", code, err)
	}
	l, err := audit.Next(tx.head, audit.Event{At: tx.at.Wall, Synced: tx.at.Synced, Who: tx.who, Code: code, Args: raw})
	if err != nil {
		return err
	}
	_, err = tx.tx.ExecContext(tx.ctx, `INSERT INTO audit (seq, at, synced, person, name, role, via, deputy, code, args, prev, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(l.Seq), l.At.UnixMilli(), l.Synced, l.Who.ID, l.Who.Name, l.Who.Role, l.Who.Via,
		l.Who.Deputy, l.Code, string(l.Args), l.Prev[:], l.Hash[:])
	if err != nil {
		return err
	}
	tx.head = l.Head()
	tx.lines++
	return nil
}

// observe runs fn in one transaction without an audit line: for what the box
// sees, never for what somebody does.
func (db *DB) observe(ctx context.Context, doing string, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return db.alone(ctx, func() error {
		ctx := context.WithoutCancel(ctx)
		if db.Full() {
			return text.NewFault("store.disk_full")
		}
		tx, err := db.w.BeginTx(ctx, nil)
		if err != nil {
			return faultOf(doing, err)
		}
		defer tx.Rollback()
		if err := fn(ctx, tx); err != nil {
			return faultOf(doing, err)
		}
		return faultOf(doing, tx.Commit())
	})
}

// A querier is a pool or a transaction.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// lastLine reads the head of the log.
func lastLine(ctx context.Context, q querier) (audit.Head, error) {
	var seq int64
	var hash []byte
	err := q.QueryRowContext(ctx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").Scan(&seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Head{}, nil
	}
	if err != nil {
		return audit.Head{}, err
	}
	h := audit.Head{Count: uint64(seq)}
	copy(h.Hash[:], hash)
	return h, nil
}

// asJSON encodes what nothing is searched by; such values always encode.
func asJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

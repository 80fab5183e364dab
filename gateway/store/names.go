package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"monban/gateway/people"
)

// How an Allow ended.
const (
	AllowRanOut    = "ran_out"
	AllowTakenBack = "taken_back"
	AllowDeclined  = "declined" // it never was one
)

// An Allow is a name, with all below it, that somebody wants in spite of a
// list.
type Allow struct {
	ID     int64
	Name   string // canonical
	MAC    string // of the one device it is for; empty: all
	Reason string // as written by who asked; may be empty

	AskedBy people.Actor
	Asked   time.Time
	By      people.Actor // who allowed it
	At      time.Time    // zero: nobody has answered
	Until   time.Time    // zero: for good
	// In the boot BootID the end is by its clock, which nobody can set.
	BootID    string
	UntilBoot time.Duration

	EndedBy people.Actor
	Ended   time.Time // zero: in force, or not answered
	How     string
}

const allowColumns = `name, mac, reason, asked_by, asked, allowed_by, allowed, until, boot_id, until_boot, ended_by, ended, how`

const selectAllow = "SELECT id, " + allowColumns + " FROM name_allow "

// PutAllow keeps a: a new one if it has no ID yet, and returns it with its ID.
func (tx *Tx) PutAllow(a Allow) (Allow, error) {
	asked, err := asJSON(a.AskedBy)
	if err != nil {
		return a, err
	}
	by, err := actorOrNull(a.By, a.At)
	if err != nil {
		return a, err
	}
	ended, err := actorOrNull(a.EndedBy, a.Ended)
	if err != nil {
		return a, err
	}
	values := []any{a.Name, a.MAC, a.Reason, asked, a.Asked.UnixMilli(), by, millisOrNull(a.At), millisOrNull(a.Until), a.BootID, int64(a.UntilBoot),
		ended, millisOrNull(a.Ended), a.How}
	if a.ID != 0 {
		res, err := tx.tx.ExecContext(tx.ctx, "UPDATE name_allow SET ("+allowColumns+") = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?",
			append(values, a.ID)...)
		return a, oneRow(res, err, ErrNotFound)
	}
	res, err := tx.tx.ExecContext(tx.ctx, "INSERT INTO name_allow ("+allowColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values...)
	if err != nil {
		return a, err
	}
	a.ID, err = res.LastInsertId()
	return a, err
}

// Allow returns one that is not over; ErrNotFound if there is none of that id.
func (tx *Tx) Allow(id int64) (Allow, error) {
	return one(tx.ctx, tx.tx, "reading what is allowed", scanAllow, selectAllow+"WHERE id = ? AND ended IS NULL", id)
}

// Allows returns those in force and those that wait for an answer, in the
// order they came.
func (db *DB) Allows(ctx context.Context) ([]Allow, error) {
	return collect(ctx, db.r, "reading what is allowed", scanAllow, selectAllow+"WHERE ended IS NULL ORDER BY id")
}

// CountAllows says in the act how many are not over.
func (tx *Tx) CountAllows() (n int, err error) {
	err = tx.tx.QueryRowContext(tx.ctx, "SELECT count(*) FROM name_allow WHERE ended IS NULL").Scan(&n)
	return n, err
}

func actorOrNull(a people.Actor, at time.Time) (sql.NullString, error) {
	if at.IsZero() {
		return sql.NullString{}, nil
	}
	s, err := asJSON(a)
	return sql.NullString{String: s, Valid: true}, err
}

func millisOrNull(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func scanAllow(row scanner) (Allow, error) {
	var a Allow
	var asked string
	var askedAt, untilBoot int64
	var by, ended sql.NullString
	var at, until, endedAt sql.NullInt64
	err := row.Scan(&a.ID, &a.Name, &a.MAC, &a.Reason, &asked, &askedAt, &by, &at, &until, &a.BootID, &untilBoot, &ended, &endedAt, &a.How)
	if err != nil {
		return a, err
	}
	a.Asked, a.UntilBoot = time.UnixMilli(askedAt).UTC(), time.Duration(untilBoot)
	for _, x := range []struct {
		from sql.NullInt64
		to   *time.Time
	}{{at, &a.At}, {until, &a.Until}, {endedAt, &a.Ended}} {
		if x.from.Valid {
			*x.to = time.UnixMilli(x.from.Int64).UTC()
		}
	}
	err = json.Unmarshal([]byte(asked), &a.AskedBy)
	if by.Valid {
		err = errors.Join(err, json.Unmarshal([]byte(by.String), &a.By))
	}
	if ended.Valid {
		err = errors.Join(err, json.Unmarshal([]byte(ended.String), &a.EndedBy))
	}
	return a, err
}

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"monban/dnsfilter/subscribe"
	"monban/gateway/people"
	"monban/gateway/text"
)

// A ListState is what is known of a list that is fetched. Sums are SHA-256 in
// hex, of the file as it lies at its server.
type ListState struct {
	Name    string         `json:"-"`
	From    string         `json:"from"`              // the source that Seen, Refused and Held are about
	Seen    subscribe.Seen `json:"seen"`              // of what was fetched last, whatever became of it
	Sum     string         `json:"sum,omitempty"`     // of what is in use; empty: nothing
	Refused string         `json:"refused,omitempty"` // of what the director did not want
	Tried   time.Time      `json:"tried,omitzero"`
	Checked time.Time      `json:"checked,omitzero"` // when its server last answered well
	Changed time.Time      `json:"changed,omitzero"` // when something new was last taken into use
	Fails   int            `json:"fails,omitempty"`  // in a row
	Error   *text.Fault    `json:"error,omitempty"`  // of the last try
	Held    *HeldList      `json:"held,omitempty"`
	// Accepted says that what was held is to be used, but may still lie where
	// it was held.
	Accepted bool `json:"accepted,omitempty"`
}

// A HeldList is a new state of a list that waits for the director.
type HeldList struct {
	Sum     string     `json:"sum"`
	At      time.Time  `json:"at"`
	Before  int        `json:"before"` // names of the one in use
	After   int        `json:"after"`
	Shrunk  bool       `json:"shrunk,omitempty"` // by more than half
	Refused []HeldName `json:"refused,omitempty"`
}

// A HeldName is a name that must work and that a held list refuses.
type HeldName struct {
	Name string `json:"name"`
	Line int    `json:"line"`
	Why  string `json:"why"` // who says that it must work, as of the file with such names
}

const putListState = `INSERT INTO list_state (name, state) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET state = excluded.state`

// PutListState keeps what a person did about a list.
func (tx *Tx) PutListState(s ListState) error {
	b, err := asJSON(s)
	if err != nil {
		return err
	}
	_, err = tx.tx.ExecContext(tx.ctx, putListState, s.Name, b)
	return err
}

// PutListStates keeps what the box saw, without an audit line, and forgets the
// lists that are not among them.
func (db *DB) PutListStates(ctx context.Context, all []ListState) error {
	return db.observe(ctx, "storing the state of lists", func(ctx context.Context, tx *sql.Tx) error {
		names := make([]string, 0, len(all))
		for _, s := range all {
			names = append(names, s.Name)
			b, err := asJSON(s)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, putListState, s.Name, b); err != nil {
				return err
			}
		}
		keep, err := asJSON(names)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM list_state WHERE name NOT IN (SELECT value FROM json_each(?))", keep)
		return err
	})
}

// ListStates returns what is known of lists, by name.
func (db *DB) ListStates(ctx context.Context) ([]ListState, error) {
	return collect(ctx, db.r, "reading the state of lists", func(row scanner) (ListState, error) {
		var s ListState
		var b string
		err := row.Scan(&s.Name, &b)
		if err == nil {
			err = json.Unmarshal([]byte(b), &s)
		}
		return s, err
	}, "SELECT name, state FROM list_state ORDER BY name")
}

// A Deny is a name, with all below it, that the clinic itself refuses.
type Deny struct {
	ID     int64
	Name   string // canonical
	Reason string // may be empty
	By     people.Actor
	At     time.Time
}

// AddDeny keeps d and returns it with its ID. ErrTaken says that the name is
// refused already.
func (tx *Tx) AddDeny(d Deny) (Deny, error) {
	by, err := asJSON(d.By)
	if err != nil {
		return d, err
	}
	res, err := tx.tx.ExecContext(tx.ctx, `INSERT INTO name_deny (name, reason, denied_by, denied) VALUES (?, ?, ?, ?)
		ON CONFLICT (name) WHERE ended IS NULL DO NOTHING`, d.Name, d.Reason, by, d.At.UnixMilli())
	if err := oneRow(res, err, ErrTaken); err != nil {
		return d, err
	}
	d.ID, err = res.LastInsertId()
	return d, err
}

// ErrTaken says that there is one already.
var ErrTaken = errors.New("there already")

// EndDeny ends one; ErrNotFound if there is none of that id in force.
func (tx *Tx) EndDeny(id int64, who people.Actor, at time.Time) error {
	by, err := asJSON(who)
	if err != nil {
		return err
	}
	res, err := tx.tx.ExecContext(tx.ctx, "UPDATE name_deny SET ended_by = ?, ended = ? WHERE id = ? AND ended IS NULL", by, at.UnixMilli(), id)
	return oneRow(res, err, ErrNotFound)
}

// Denies are those in force, in the order they came.
func (db *DB) Denies(ctx context.Context) ([]Deny, error) {
	return collect(ctx, db.r, "reading what is refused", func(row scanner) (Deny, error) {
		var d Deny
		var by string
		var at int64
		err := row.Scan(&d.ID, &d.Name, &d.Reason, &by, &at)
		if err == nil {
			err = json.Unmarshal([]byte(by), &d.By)
		}
		d.At = time.UnixMilli(at).UTC()
		return d, err
	}, "SELECT id, name, reason, denied_by, denied FROM name_deny WHERE ended IS NULL ORDER BY id")
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

const personColumns = "id, name, role, password, totp, counter, disabled, deputy, created, renewed"

func scanPerson(row scanner) (people.Person, error) {
	var p people.Person
	var role string
	var created int64
	err := row.Scan(&p.ID, &p.Name, &role, &p.Password, &p.TOTP, &p.Counter, &p.Disabled, &p.Deputy, &created, &p.Renewed)
	p.Role, p.Created = people.Role(role), time.UnixMilli(created).UTC()
	return p, err
}

// InsertPerson adds an account and returns it with its id. Names that differ
// only in case or width are the same: Fault people.name_taken. Created is the
// act's time.
func (tx *Tx) InsertPerson(p people.Person) (people.Person, error) {
	if !p.Role.Assignable() {
		return p, fmt.Errorf("adding a person: role %q is none of a person", p.Role)
	}
	p.Created = time.UnixMilli(tx.at.Wall.UnixMilli()).UTC()
	p.Deputy = p.Deputy && p.Role == people.Staff
	res, err := tx.tx.ExecContext(tx.ctx, `INSERT INTO person (name, name_key, role, password, totp, counter, disabled, deputy, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, p.Name, people.Key(p.Name), string(p.Role), p.Password, blob(p.TOTP), p.Counter,
		p.Disabled, p.Deputy, p.Created.UnixMilli())
	if isTaken(err) {
		return p, text.NewFault("people.name_taken", "name", p.Name).On("name")
	}
	if err != nil {
		return p, err
	}
	if p.ID, err = res.LastInsertId(); err != nil {
		return p, err
	}
	return p, tx.putRecovery(p)
}

// PutPerson keeps all of p but Created; Counter only if it grew, since codes
// are used up by UseTOTP, and Renewed too, since no sign-in that is over comes
// back. Who is no staff is nobody's deputy.
func (tx *Tx) PutPerson(p people.Person) error {
	if !p.Role.Assignable() {
		return fmt.Errorf("keeping a person: role %q is none of a person", p.Role)
	}
	res, err := tx.tx.ExecContext(tx.ctx, `UPDATE person SET name = ?, name_key = ?, role = ?, password = ?, totp = ?,
		counter = max(counter, ?), disabled = ?, deputy = ?, renewed = max(renewed, ?) WHERE id = ?`,
		p.Name, people.Key(p.Name), string(p.Role), p.Password, blob(p.TOTP), p.Counter, p.Disabled,
		p.Deputy && p.Role == people.Staff, p.Renewed, p.ID)
	if isTaken(err) {
		return text.NewFault("people.name_taken", "name", p.Name).On("name")
	}
	if err := oneRow(res, err, ErrNotFound); err != nil {
		return err
	}
	return tx.putRecovery(p)
}

func (tx *Tx) putRecovery(p people.Person) error {
	if _, err := tx.tx.ExecContext(tx.ctx, "DELETE FROM recovery WHERE person = ?", p.ID); err != nil {
		return err
	}
	for _, h := range p.Recovery {
		if _, err := tx.tx.ExecContext(tx.ctx, "INSERT INTO recovery (person, hash) VALUES (?, ?)", p.ID, h); err != nil {
			return err
		}
	}
	return nil
}

// SetDeputy says whether a person may approve in the director's place, which
// only staff can: the Fault is people.no_deputy. ErrNotFound for an unknown id.
func (tx *Tx) SetDeputy(id int64, deputy bool) error {
	p, err := tx.Person(id)
	if err != nil {
		return err
	}
	if deputy && (p.Role != people.Staff || p.Disabled) {
		return text.NewFault("people.no_deputy").On("person")
	}
	p.Deputy = deputy
	return tx.PutPerson(p)
}

// UseTOTP uses up the one-time codes up to step, as people.CheckTOTP returned
// it. Of two acts with one code the second gets the Fault people.code_used.
func (tx *Tx) UseTOTP(id, step int64) error {
	res, err := tx.tx.ExecContext(tx.ctx, "UPDATE person SET counter = ? WHERE id = ? AND counter < ?", step, id, step)
	return oneRow(res, err, text.NewFault("people.code_used").On("code"))
}

// ResetTOTP takes the last used step back to step, the one of the code just
// given, after the clock was set back (people.TOTPAhead). Of two acts with one
// code the second gets the Fault people.code_used.
func (tx *Tx) ResetTOTP(id, step int64) error {
	res, err := tx.tx.ExecContext(tx.ctx, "UPDATE person SET counter = ? WHERE id = ? AND counter > ?", step, id, step)
	return oneRow(res, err, text.NewFault("people.code_used").On("code"))
}

// UseRecovery uses up the recovery code whose hash people.FindRecovery
// returned; a second time the Fault is people.code_used.
func (tx *Tx) UseRecovery(id int64, hash string) error {
	res, err := tx.tx.ExecContext(tx.ctx, "DELETE FROM recovery WHERE person = ? AND hash = ?", id, hash)
	return oneRow(res, err, text.NewFault("people.code_used").On("code"))
}

// Person returns the account with that id as this act sees it, or ErrNotFound.
func (tx *Tx) Person(id int64) (people.Person, error) {
	return personWhere(tx.ctx, tx.tx, "id = ?", id)
}

// People returns all accounts as this act sees them, so that the first one
// can be made exactly once.
func (tx *Tx) People() ([]people.Person, error) { return allPeople(tx.ctx, tx.tx) }

// Person returns the account with that id, or ErrNotFound.
func (db *DB) Person(ctx context.Context, id int64) (people.Person, error) {
	return personWhere(ctx, db.r, "id = ?", id)
}

// PersonNamed returns the account whose name is the one typed, whatever its
// case and width, or ErrNotFound.
func (db *DB) PersonNamed(ctx context.Context, name string) (people.Person, error) {
	return personWhere(ctx, db.r, "name_key = ?", people.Key(name))
}

// People returns all accounts by id, disabled ones too.
func (db *DB) People(ctx context.Context) ([]people.Person, error) { return allPeople(ctx, db.r) }

func personWhere(ctx context.Context, q querier, cond string, arg any) (people.Person, error) {
	p, err := one(ctx, q, "reading a person", scanPerson, "SELECT "+personColumns+" FROM person WHERE "+cond, arg)
	if err != nil {
		return p, err
	}
	p.Recovery, err = recovery(ctx, q, p.ID)
	return p, err
}

func allPeople(ctx context.Context, q querier) ([]people.Person, error) {
	all, err := collect(ctx, q, "reading people", scanPerson, "SELECT "+personColumns+" FROM person ORDER BY id")
	for i := range all {
		if err == nil {
			all[i].Recovery, err = recovery(ctx, q, all[i].ID)
		}
	}
	return all, err
}

func recovery(ctx context.Context, q querier, id int64) ([]string, error) {
	return collect(ctx, q, "reading recovery codes", func(row scanner) (h string, err error) {
		return h, row.Scan(&h)
	}, "SELECT hash FROM recovery WHERE person = ? ORDER BY hash", id)
}

// oneRow returns none unless exactly one row was changed.
func oneRow(res sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n != 1 {
		return none
	}
	return errors.Join(err)
}

// blob keeps an empty value from becoming NULL, or nothing.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

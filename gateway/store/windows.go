package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

// windowColumns are all but the id that a change of state writes.
const windowColumns = `state, n, kind, vendor, device, sources, ports, targets, tool, length, reason,
	not_before, plan, request, requester, recorder, approver, break_glass, sealed, alone, answer,
	requested_at, approved_at, due_at, mark, boot_id, open_boot, end_boot, open_at, end_at, synced, rules, extensions,
	closed_at, how, closer, passed_packets, passed_bytes, dead_packets, dead_bytes, cut`

const selectWindow = "SELECT id, " + windowColumns + ", report, review, excuse FROM window "

// windowValues returns what windowColumns hold of w, in order.
func windowValues(w window.Window) ([]any, error) {
	var enc [7]string
	for i, v := range []any{w.Sources, w.Ports, w.Targets, w.Recorder, w.Approver, w.Extensions, w.Closer} {
		var err error
		if enc[i], err = asJSON(v); err != nil {
			return nil, err
		}
	}
	kind := w.Kind
	if kind == "" {
		kind = window.Inbound
	}
	return []any{string(w.State), w.N, string(kind), w.Vendor, w.Device, enc[0], enc[1], enc[2], w.Tool, int64(w.Length), w.Reason,
		millis(w.NotBefore), w.Plan, w.Request, w.Requester, enc[3], enc[4], w.BreakGlass, w.Sealed, w.Alone, w.Answer,
		millis(w.RequestedAt), millis(w.ApprovedAt), millis(w.DueAt()),
		w.Mark, w.BootID, int64(w.OpenBoot), int64(w.EndBoot), millis(w.OpenAt), millis(w.EndAt), w.Synced, w.Rules, enc[5],
		millis(w.ClosedAt), string(w.How), enc[6], int64(w.Passed.Packets), int64(w.Passed.Bytes),
		int64(w.Dead.Packets), int64(w.Dead.Bytes), w.Cut}, nil
}

func scanWindow(row scanner) (window.Window, error) {
	var w window.Window
	var enc [7]string
	var said [3]string
	var state, kind, how string
	var length, openBoot, endBoot, pp, pb, dp, db int64
	var notBefore, requested, approved, due, open, end, closed sql.NullInt64
	err := row.Scan(&w.ID, &state, &w.N, &kind, &w.Vendor, &w.Device, &enc[0], &enc[1], &enc[2], &w.Tool, &length, &w.Reason,
		&notBefore, &w.Plan, &w.Request, &w.Requester, &enc[3], &enc[4], &w.BreakGlass, &w.Sealed, &w.Alone, &w.Answer,
		&requested, &approved, &due,
		&w.Mark, &w.BootID, &openBoot, &endBoot, &open, &end, &w.Synced, &w.Rules, &enc[5],
		&closed, &how, &enc[6], &pp, &pb, &dp, &db, &w.Cut, &said[0], &said[1], &said[2])
	if err != nil {
		return w, err
	}
	for i, v := range []any{&w.Sources, &w.Ports, &w.Targets, &w.Recorder, &w.Approver, &w.Extensions, &w.Closer} {
		if err := json.Unmarshal([]byte(enc[i]), v); err != nil {
			return w, err
		}
	}
	for i, r := range []*window.Remark{&w.Report, &w.Review, &w.Excuse} {
		if said[i] == "" {
			continue
		}
		if err := json.Unmarshal([]byte(said[i]), r); err != nil {
			return w, err
		}
	}
	w.State, w.Kind, w.How, w.Length = window.State(state), window.Kind(kind), window.How(how), time.Duration(length)
	w.OpenBoot, w.EndBoot = time.Duration(openBoot), time.Duration(endBoot)
	w.Passed = window.Count{Packets: uint64(pp), Bytes: uint64(pb)}
	w.Dead = window.Count{Packets: uint64(dp), Bytes: uint64(db)}
	w.NotBefore, w.RequestedAt, w.ApprovedAt = fromMillis(notBefore), fromMillis(requested), fromMillis(approved)
	w.OpenAt, w.EndAt, w.ClosedAt = fromMillis(open), fromMillis(end), fromMillis(closed)
	return w, nil
}

// InsertWindow puts a new window, as window.Ask returned it, into the store
// and returns it with its id. It counts as a change of state: the act needs an
// audit line for it. A signed request that a window came from before is the
// Fault window.request_replayed; an appointment of a plan that has its window,
// window.appointment_taken.
func (tx *Tx) InsertWindow(w window.Window) (window.Window, error) {
	v, err := windowValues(w)
	if err != nil {
		return w, err
	}
	marks := strings.Repeat(", ?", len(v))[len(", "):]
	res, err := tx.tx.ExecContext(tx.ctx, "INSERT INTO window ("+windowColumns+") VALUES ("+marks+")", v...)
	switch {
	case isTaken(err) && w.Plan != 0 && strings.Contains(err.Error(), "window.plan"):
		return w, text.NewFault("window.appointment_taken", "plan", w.Plan)
	case isTaken(err):
		return w, text.NewFault("window.request_replayed").On("text").Because(err)
	case err != nil:
		return w, err
	}
	if w.ID, err = res.LastInsertId(); err != nil {
		return w, err
	}
	if err := tx.move(w, ""); err != nil {
		return w, err
	}
	return tx.Window(w.ID)
}

// PutWindow keeps w, which came from state from by exactly one step; an
// extension is one from Open to Open. If the store's window is in another
// state or another number of steps on, somebody was faster: the Fault is
// window.changed. The act needs an audit line for each PutWindow. Remarks are
// left as they are; see PutRemarks.
func (tx *Tx) PutWindow(w window.Window, from window.State) error {
	v, err := windowValues(w)
	if err != nil {
		return err
	}
	set := strings.ReplaceAll(windowColumns, ",", " = ?,") + " = ?"
	res, err := tx.tx.ExecContext(tx.ctx, "UPDATE window SET "+set+" WHERE id = ? AND state = ? AND n = ?",
		append(v, w.ID, string(from), w.N-1)...)
	if err := oneRow(res, err, text.NewFault("window.changed", "window", w.ID)); err != nil {
		return err
	}
	return tx.move(w, from)
}

// PutRemarks keeps what was said about w after its end. That is no step of the
// window, and may come while it takes one. A remark is never changed: if there
// is another one already, the Fault is window.changed.
func (tx *Tx) PutRemarks(w window.Window) error {
	have, err := tx.Window(w.ID)
	if err != nil {
		return err
	}
	for _, r := range []struct {
		column     string
		have, want window.Remark
	}{{"report", have.Report, w.Report}, {"review", have.Review, w.Review}, {"excuse", have.Excuse, w.Excuse}} {
		// As they come back from here.
		r.want.At, r.want.By.SteppedUp = fromMillis(millis(r.want.At)), time.Time{}
		switch {
		case r.have == r.want:
			continue
		case !r.have.IsZero():
			return text.NewFault("window.changed", "window", w.ID)
		}
		said, err := asJSON(r.want)
		if err != nil {
			return err
		}
		if _, err := tx.tx.ExecContext(tx.ctx, "UPDATE window SET "+r.column+" = ? WHERE id = ?", said, w.ID); err != nil {
			return err
		}
	}
	return nil
}

// move records the transition; its key makes it happen once.
func (tx *Tx) move(w window.Window, from window.State) error {
	who := tx.who
	who.SteppedUp = time.Time{}
	enc, err := asJSON(who)
	if err != nil {
		return err
	}
	_, err = tx.tx.ExecContext(tx.ctx, "INSERT INTO transition (window, from_state, to_state, n, at, who) VALUES (?, ?, ?, ?, ?, ?)",
		w.ID, string(from), string(w.State), w.N, tx.at.Wall.UnixMilli(), enc)
	if isTaken(err) {
		return text.NewFault("window.changed", "window", w.ID).Because(err)
	}
	tx.moves++
	return err
}

// Window returns a window as this act sees it, or ErrNotFound.
func (tx *Tx) Window(id int64) (window.Window, error) {
	return one(tx.ctx, tx.tx, "reading a window", scanWindow, selectWindow+"WHERE id = ?", id)
}

// Window returns a window, or ErrNotFound.
func (db *DB) Window(ctx context.Context, id int64) (window.Window, error) {
	return one(ctx, db.r, "reading a window", scanWindow, selectWindow+"WHERE id = ?", id)
}

// A Transition is one recorded step of a window.
type Transition struct {
	From, To window.State
	N        int
	At       time.Time
	Who      people.Actor
}

// Transitions returns the steps of a window in order.
func (db *DB) Transitions(ctx context.Context, id int64) ([]Transition, error) {
	return collect(ctx, db.r, "reading transitions", func(row scanner) (Transition, error) {
		var t Transition
		var from, to, who string
		var at int64
		if err := row.Scan(&from, &to, &t.N, &at, &who); err != nil {
			return t, err
		}
		t.From, t.To, t.At = window.State(from), window.State(to), time.UnixMilli(at).UTC()
		return t, json.Unmarshal([]byte(who), &t.Who)
	}, "SELECT from_state, to_state, n, at, who FROM transition WHERE window = ? ORDER BY n", id)
}

// millis is a time as it is kept: UTC milliseconds, NULL for none.
func millis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func fromMillis(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMilli(n.Int64).UTC()
}

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

const windowColumns = `id, state, n, vendor, device, sources, ports, length, reason, requester,
	recorder, approver, break_glass, alone, answer, requested_at, approved_at,
	mark, boot_id, open_boot, end_boot, open_at, end_at, synced,
	closed_at, how, closer, passed_packets, passed_bytes, dead_packets, dead_bytes, cut`

// windowValues returns w's columns but the id, in order.
func windowValues(w window.Window) ([]any, error) {
	var enc [5]string
	for i, v := range []any{w.Sources, w.Ports, w.Recorder, w.Approver, w.Closer} {
		var err error
		if enc[i], err = asJSON(v); err != nil {
			return nil, err
		}
	}
	return []any{string(w.State), w.N, w.Vendor, w.Device, enc[0], enc[1], int64(w.Length), w.Reason, w.Requester,
		enc[2], enc[3], w.BreakGlass, w.Alone, w.Answer, millis(w.RequestedAt), millis(w.ApprovedAt),
		w.Mark, w.BootID, int64(w.OpenBoot), int64(w.EndBoot), millis(w.OpenAt), millis(w.EndAt), w.Synced,
		millis(w.ClosedAt), string(w.How), enc[4], int64(w.Passed.Packets), int64(w.Passed.Bytes),
		int64(w.Dead.Packets), int64(w.Dead.Bytes), w.Cut}, nil
}

func scanWindow(row scanner) (window.Window, error) {
	var w window.Window
	var enc [5]string
	var state, how string
	var length, openBoot, endBoot, pp, pb, dp, db int64
	var requested, approved, open, end, closed sql.NullInt64
	err := row.Scan(&w.ID, &state, &w.N, &w.Vendor, &w.Device, &enc[0], &enc[1], &length, &w.Reason, &w.Requester,
		&enc[2], &enc[3], &w.BreakGlass, &w.Alone, &w.Answer, &requested, &approved,
		&w.Mark, &w.BootID, &openBoot, &endBoot, &open, &end, &w.Synced,
		&closed, &how, &enc[4], &pp, &pb, &dp, &db, &w.Cut)
	if err != nil {
		return w, err
	}
	for i, v := range []any{&w.Sources, &w.Ports, &w.Recorder, &w.Approver, &w.Closer} {
		if err := json.Unmarshal([]byte(enc[i]), v); err != nil {
			return w, err
		}
	}
	w.State, w.How, w.Length = window.State(state), window.How(how), time.Duration(length)
	w.OpenBoot, w.EndBoot = time.Duration(openBoot), time.Duration(endBoot)
	w.Passed = window.Count{Packets: uint64(pp), Bytes: uint64(pb)}
	w.Dead = window.Count{Packets: uint64(dp), Bytes: uint64(db)}
	w.RequestedAt, w.ApprovedAt, w.OpenAt = fromMillis(requested), fromMillis(approved), fromMillis(open)
	w.EndAt, w.ClosedAt = fromMillis(end), fromMillis(closed)
	return w, nil
}

// InsertWindow puts a new window, as window.Ask returned it, into the store
// and returns it with its id. It counts as a change of state: the act needs an
// audit line for it.
func (tx *Tx) InsertWindow(w window.Window) (window.Window, error) {
	v, err := windowValues(w)
	if err != nil {
		return w, err
	}
	marks := strings.Repeat(", ?", len(v))
	res, err := tx.tx.ExecContext(tx.ctx, "INSERT INTO window ("+windowColumns+") VALUES (NULL"+marks+")", v...)
	if err != nil {
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

// PutWindow keeps w, which came from state from by exactly one step. If the
// store's window is in another state or another number of steps on, somebody
// was faster: the Fault is window.changed. The act needs an audit line for
// each PutWindow.
func (tx *Tx) PutWindow(w window.Window, from window.State) error {
	v, err := windowValues(w)
	if err != nil {
		return err
	}
	set := strings.Replace(windowColumns[len("id, "):], ",", " = ?,", -1) + " = ?"
	res, err := tx.tx.ExecContext(tx.ctx, "UPDATE window SET "+set+" WHERE id = ? AND state = ? AND n = ?",
		append(v, w.ID, string(from), w.N-1)...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return text.NewFault("window.changed", "window", w.ID).Because(err)
	}
	return tx.move(w, from)
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
	return one(tx.ctx, tx.tx, "reading a window", scanWindow, "SELECT "+windowColumns+" FROM window WHERE id = ?", id)
}

// Window returns a window, or ErrNotFound.
func (db *DB) Window(ctx context.Context, id int64) (window.Window, error) {
	return one(ctx, db.r, "reading a window", scanWindow, "SELECT "+windowColumns+" FROM window WHERE id = ?", id)
}

// A Filter chooses windows; empty fields choose all.
type Filter struct {
	States []window.State
	Vendor string
	Device int64
	Since  time.Time // only those asked for at or after it
	Before int64     // only ids below, for paging
	Limit  int       // 0: no limit
}

// Windows returns windows, newest first.
func (db *DB) Windows(ctx context.Context, f Filter) ([]window.Window, error) {
	q, args := "SELECT "+windowColumns+" FROM window WHERE 1", []any(nil)
	add := func(cond string, v ...any) { q, args = q+" AND "+cond, append(args, v...) }
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
	if !f.Since.IsZero() {
		add("requested_at >= ?", f.Since.UnixMilli())
	}
	if f.Before != 0 {
		add("id < ?", f.Before)
	}
	q += " ORDER BY id DESC"
	if f.Limit > 0 {
		q, args = q+" LIMIT ?", append(args, f.Limit)
	}
	return collect(ctx, db.r, "reading windows", scanWindow, q, args...)
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

package store

import (
	"context"
	"encoding/json"
	"time"

	"monban/gateway/window"
)

const planColumns = `kind, vendor, device, ports, targets, tool, length, reason, requester, recorder, made,
	week, day, hour, minute`

const selectPlan = "SELECT id, " + planColumns + " FROM plan WHERE dropped IS NULL "

// InsertPlan puts a plan, as window.AskPlan returned it, into the store and
// returns it with its id.
func (tx *Tx) InsertPlan(p window.Plan) (window.Plan, error) {
	var enc [3]string
	for i, v := range []any{p.Ports, p.Targets, p.Recorder} {
		var err error
		if enc[i], err = asJSON(v); err != nil {
			return p, err
		}
	}
	res, err := tx.tx.ExecContext(tx.ctx, "INSERT INTO plan ("+planColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		string(p.Kind), p.Vendor, p.Device, enc[0], enc[1], p.Tool, int64(p.Length), p.Reason, p.Requester, enc[2],
		p.Made.UnixMilli(), p.Week, int(p.Day), p.Hour, p.Minute)
	if err != nil {
		return p, err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return p, err
	}
	return tx.plan(id)
}

// DropPlan ends a plan and returns it as it was; ErrNotFound if there is none
// of that id in force. What it has asked for stays.
func (tx *Tx) DropPlan(id int64) (window.Plan, error) {
	p, err := tx.plan(id)
	if err != nil {
		return p, err
	}
	_, err = tx.tx.ExecContext(tx.ctx, "UPDATE plan SET dropped = ? WHERE id = ?", tx.at.Wall.UnixMilli(), id)
	return p, err
}

func (tx *Tx) plan(id int64) (window.Plan, error) {
	return one(tx.ctx, tx.tx, "reading a plan", scanPlan, selectPlan+"AND id = ?", id)
}

// Plans returns the plans in force, in the order they were made.
func (db *DB) Plans(ctx context.Context) ([]window.Plan, error) {
	return collect(ctx, db.r, "reading plans", scanPlan, selectPlan+"ORDER BY id")
}

func scanPlan(row scanner) (window.Plan, error) {
	var p window.Plan
	var enc [3]string
	var kind string
	var length, made int64
	var day int
	err := row.Scan(&p.ID, &kind, &p.Vendor, &p.Device, &enc[0], &enc[1], &p.Tool, &length, &p.Reason, &p.Requester, &enc[2],
		&made, &p.Week, &day, &p.Hour, &p.Minute)
	if err != nil {
		return p, err
	}
	for i, v := range []any{&p.Ports, &p.Targets, &p.Recorder} {
		if err := json.Unmarshal([]byte(enc[i]), v); err != nil {
			return p, err
		}
	}
	p.Kind, p.Length, p.Made, p.Day = window.Kind(kind), time.Duration(length), time.UnixMilli(made).UTC(), time.Weekday(day)
	return p, nil
}

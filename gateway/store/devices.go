package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"monban/gateway/device"
	"monban/gateway/people"
	"monban/gateway/text"
)

// PutDevices keeps what was seen of devices, in one transaction, and returns
// the id of each: put are new or changed, known by MAC; gone were forgotten by
// the inventory. Names are not touched, they come by NameDevice. A gone device
// stays if somebody named it, or a window or a plan is about it.
func (db *DB) PutDevices(ctx context.Context, put, gone []device.Device) (map[device.MAC]int64, error) {
	ids := make(map[device.MAC]int64, len(put))
	if len(put)+len(gone) == 0 {
		return ids, nil
	}
	err := db.observe(ctx, "keeping devices", func(ctx context.Context, tx *sql.Tx) error {
		clear(ids)
		for _, d := range put {
			id, err := putDevice(ctx, tx, d)
			if err != nil {
				return fmt.Errorf("device %s: %w", d.MAC, err)
			}
			ids[d.MAC] = id
		}
		for _, d := range gone {
			_, err := tx.ExecContext(ctx, `DELETE FROM device WHERE name IS NULL
				AND id = (SELECT device FROM interface WHERE mac = ?)
				AND NOT EXISTS (SELECT 1 FROM window WHERE window.device = device.id)
				AND NOT EXISTS (SELECT 1 FROM plan WHERE plan.device = device.id)`, d.MAC[:])
			if err != nil {
				return fmt.Errorf("device %s: %w", d.MAC, err)
			}
		}
		return nil
	})
	return ids, err
}

func putDevice(ctx context.Context, tx *sql.Tx, d device.Device) (int64, error) {
	var id int64
	first, last := millis(d.FirstSeen), millis(d.LastSeen)
	err := tx.QueryRowContext(ctx, "SELECT device FROM interface WHERE mac = ?", d.MAC[:]).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		res, err := tx.ExecContext(ctx, "INSERT INTO device (first_seen, last_seen) VALUES (?, ?)", first, last)
		if err != nil {
			return 0, err
		}
		if id, err = res.LastInsertId(); err != nil {
			return 0, err
		}
	case err != nil:
		return 0, err
	default:
		// min and max of NULL are NULL in SQLite, so each has a way around.
		if _, err := tx.ExecContext(ctx, `UPDATE device SET
			first_seen = coalesce(min(first_seen, ?1), first_seen, ?1),
			last_seen = coalesce(max(last_seen, ?2), last_seen, ?2) WHERE id = ?3`, first, last, id); err != nil {
			return 0, err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO interface (mac, device, port, first_seen, last_seen) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (mac) DO UPDATE SET port = excluded.port,
			first_seen = coalesce(min(first_seen, excluded.first_seen), first_seen, excluded.first_seen),
			last_seen = coalesce(max(last_seen, excluded.last_seen), last_seen, excluded.last_seen)`,
		d.MAC[:], id, d.Iface, first, last); err != nil {
		return 0, err
	}
	for _, a := range d.Addrs {
		if _, err := tx.ExecContext(ctx, `INSERT INTO address (mac, addr, last_seen) VALUES (?, ?, ?)
			ON CONFLICT (mac, addr) DO UPDATE SET last_seen = max(last_seen, excluded.last_seen)`,
			d.MAC[:], a.Addr.String(), a.Seen.UnixMilli()); err != nil {
			return 0, err
		}
	}
	// What the inventory dropped for newer ones is history of no use.
	_, err = tx.ExecContext(ctx, `DELETE FROM address WHERE mac = ?1 AND addr NOT IN
		(SELECT addr FROM address WHERE mac = ?1 ORDER BY last_seen DESC LIMIT ?2)`, d.MAC[:], device.MaxAddrs)
	return id, err
}

// NameDevice gives a device the name that by chose. The name must have gone
// through people.Clean; no two devices may have names that differ only in
// case or width (Fault device.name_taken). The error is ErrNotFound for an
// unknown id.
func (tx *Tx) NameDevice(id int64, name, by string) error {
	res, err := tx.tx.ExecContext(tx.ctx, "UPDATE device SET name = ?, name_key = ?, named_by = ? WHERE id = ?",
		name, people.Key(name), by, id)
	if isTaken(err) {
		return text.NewFault("device.name_taken", "name", name).On("name")
	}
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrNotFound, err)
	}
	return nil
}

// Devices returns all devices, one entry per interface, for the inventory of
// a starting box.
func (db *DB) Devices(ctx context.Context) ([]device.Device, error) {
	addrs := map[device.MAC][]device.Address{}
	type row struct {
		mac device.MAC
		device.Address
	}
	all, err := collect(ctx, db.r, "reading addresses", func(s scanner) (row, error) {
		var r row
		var mac []byte
		var addr string
		var seen int64
		if err := s.Scan(&mac, &addr, &seen); err != nil {
			return r, err
		}
		copy(r.mac[:], mac)
		var err error
		r.Addr, err = netip.ParseAddr(addr)
		r.Seen = time.UnixMilli(seen).UTC()
		return r, err
	}, "SELECT mac, addr, last_seen FROM address ORDER BY last_seen DESC, addr")
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		addrs[r.mac] = append(addrs[r.mac], r.Address)
	}
	return collect(ctx, db.r, "reading devices", func(s scanner) (device.Device, error) {
		var d device.Device
		var mac []byte
		var name, by sql.NullString
		var first, last sql.NullInt64
		if err := s.Scan(&d.ID, &mac, &d.Iface, &first, &last, &name, &by); err != nil {
			return d, err
		}
		copy(d.MAC[:], mac)
		d.FirstSeen, d.LastSeen, d.Name, d.NamedBy = fromMillis(first), fromMillis(last), name.String, by.String
		d.Addrs = addrs[d.MAC]
		return d, nil
	}, `SELECT d.id, i.mac, i.port, i.first_seen, i.last_seen, d.name, d.named_by
		FROM interface i JOIN device d ON d.id = i.device ORDER BY d.id, i.mac`)
}

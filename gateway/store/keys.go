package store

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"monban/gateway/people"
	"monban/gateway/text"
)

// A VendorKey is the public key an engineer of a vendor signs requests with.
type VendorKey struct {
	ID      int64
	Vendor  string // name in site.toml
	Name    string // of the engineer, cleaned by people.Clean
	Key     ed25519.PublicKey
	AddedBy people.Actor
	AddedAt time.Time
}

// AddVendorKey enrols a key and returns it with its id; who and when are the
// act's. A key that is enrolled already, for whomever, is the Fault
// window.key_taken: a signature must say who it is by.
func (tx *Tx) AddVendorKey(k VendorKey) (VendorKey, error) {
	if len(k.Key) != ed25519.PublicKeySize {
		return k, fmt.Errorf("adding a vendor's key: %d bytes", len(k.Key))
	}
	k.AddedBy, k.AddedAt = tx.who, time.UnixMilli(tx.at.Wall.UnixMilli()).UTC()
	k.AddedBy.SteppedUp = time.Time{}
	by, err := asJSON(k.AddedBy)
	if err != nil {
		return k, err
	}
	res, err := tx.tx.ExecContext(tx.ctx, "INSERT INTO vendor_key (vendor, name, key, added_by, added) VALUES (?, ?, ?, ?, ?)",
		k.Vendor, k.Name, []byte(k.Key), by, k.AddedAt.UnixMilli())
	if isTaken(err) {
		return k, text.NewFault("window.key_taken").On("key").Because(err)
	}
	if err != nil {
		return k, err
	}
	k.ID, err = res.LastInsertId()
	return k, err
}

// RevokeVendorKey ends a key and returns it; ErrNotFound if there is none of
// that id that is good. What it signed stays.
func (tx *Tx) RevokeVendorKey(id int64) (VendorKey, error) {
	k, err := one(tx.ctx, tx.tx, "reading a vendor's key", scanVendorKey, selectVendorKey+"AND id = ?", id)
	if err != nil {
		return k, err
	}
	_, err = tx.tx.ExecContext(tx.ctx, "UPDATE vendor_key SET revoked = ? WHERE id = ?", tx.at.Wall.UnixMilli(), id)
	return k, err
}

// VendorKeys returns the keys that are good, in the order they were enrolled.
func (db *DB) VendorKeys(ctx context.Context) ([]VendorKey, error) {
	return collect(ctx, db.r, "reading vendors' keys", scanVendorKey, selectVendorKey+"ORDER BY id")
}

const selectVendorKey = "SELECT id, vendor, name, key, added_by, added FROM vendor_key WHERE revoked IS NULL "

func scanVendorKey(row scanner) (VendorKey, error) {
	var k VendorKey
	var key []byte
	var by string
	var added int64
	if err := row.Scan(&k.ID, &k.Vendor, &k.Name, &key, &by, &added); err != nil {
		return k, err
	}
	k.Key, k.AddedAt = key, time.UnixMilli(added).UTC()
	return k, json.Unmarshal([]byte(by), &k.AddedBy)
}

// UseRequest uses up a signed request, known by its SHA-256 in hex; a second
// time the Fault is window.request_replayed.
func (tx *Tx) UseRequest(digest string) error {
	_, err := tx.tx.ExecContext(tx.ctx, "INSERT INTO seen_request (digest, at) VALUES (?, ?)", digest, tx.at.Wall.UnixMilli())
	if isTaken(err) {
		return text.NewFault("window.request_replayed").On("text").Because(err)
	}
	return err
}

// SeenRequest says whether a signed request was used already.
func (db *DB) SeenRequest(ctx context.Context, digest string) (bool, error) {
	n, err := one(ctx, db.r, "looking for a request", func(row scanner) (n int, err error) { return n, row.Scan(&n) },
		"SELECT count(*) FROM seen_request WHERE digest = ?", digest)
	return n > 0, err
}

package store

import (
	"context"
	"database/sql"
	"errors"
)

// Meta returns the value under key; nil if there is none.
func (db *DB) Meta(ctx context.Context, key string) ([]byte, error) { return meta(ctx, db.r, key) }

// Meta returns the value under key as this act sees it; nil if there is none.
func (tx *Tx) Meta(key string) ([]byte, error) { return meta(tx.ctx, tx.tx, key) }

func meta(ctx context.Context, q querier, key string) ([]byte, error) {
	v, err := one(ctx, q, "reading "+key, func(row scanner) (v []byte, err error) { return v, row.Scan(&v) },
		"SELECT value FROM meta WHERE key = ?", key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return blob(v), err
}

// SetMeta keeps value under key as part of the act; nil takes it away.
func (tx *Tx) SetMeta(key string, value []byte) error { return setMeta(tx.ctx, tx.tx, key, value) }

// PutMeta keeps value under key without an audit line: for what the box
// measured, never for what somebody decided. nil takes it away.
func (db *DB) PutMeta(ctx context.Context, key string, value []byte) error {
	return db.observe(ctx, "keeping "+key, func(ctx context.Context, tx *sql.Tx) error {
		return setMeta(ctx, tx, key, value)
	})
}

func setMeta(ctx context.Context, tx *sql.Tx, key string, value []byte) error {
	if value == nil {
		_, err := tx.ExecContext(ctx, "DELETE FROM meta WHERE key = ?", key)
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}

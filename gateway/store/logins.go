package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"sync"
	"time"
)

// loginPause is how long changes of a sign-in may wait in memory: with an idle
// time-out the session library saves with every page, and a card wears out.
// New and ended ones are written at once.
const loginPause = time.Minute

// maxLogins bounds the memory; a clinic has some tens.
const maxLogins = 10_000

// Logins keeps the sign-ins of the page. It implements scs.Store and
// scs.IterableStore. Tokens are stored nowhere, only their SHA-256. While the
// disk is full sign-ins live in memory, so that somebody can still close a
// window.
type Logins struct {
	db  *DB
	now func() time.Time

	mu sync.Mutex
	by map[[32]byte]login
}

type login struct {
	data    []byte
	expires time.Time
	written time.Time // zero: not on disk
}

// Logins returns the sign-ins; now is the clock of expiry. There must be one
// per DB.
func (db *DB) Logins(now func() time.Time) *Logins {
	return &Logins{db: db, now: now, by: map[[32]byte]login{}}
}

// Find returns what Commit kept for token, unless it has expired.
func (l *Logins) Find(token string) (b []byte, found bool, err error) {
	key := sha256.Sum256([]byte(token))
	l.mu.Lock()
	e, ok := l.by[key]
	l.mu.Unlock()
	if !ok {
		if e, err = l.read(key); err != nil || e.data == nil {
			return nil, false, err
		}
	}
	if !l.now().Before(e.expires) {
		return nil, false, nil
	}
	return e.data, true, nil
}

func (l *Logins) read(key [32]byte) (login, error) {
	e, err := one(context.Background(), l.db.r, "reading a sign-in", func(row scanner) (login, error) {
		var e login
		var expires int64
		err := row.Scan(&e.data, &expires)
		e.expires = time.UnixMilli(expires)
		return e, err
	}, "SELECT data, expires FROM login WHERE token = ?", key[:])
	if errors.Is(err, ErrNotFound) {
		return login{}, nil
	}
	return e, err
}

// Commit keeps b for token until expiry.
func (l *Logins) Commit(token string, b []byte, expiry time.Time) error {
	key, now := sha256.Sum256([]byte(token)), l.now()
	l.mu.Lock()
	old, known := l.by[key]
	e := login{append([]byte{}, b...), expiry, old.written}
	l.sweep(now)
	l.by[key] = e
	l.mu.Unlock()
	if known && !old.written.IsZero() && now.Sub(old.written).Abs() < loginPause {
		return nil
	}
	err := l.db.observe(context.Background(), "keeping a sign-in", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO login (token, data, expires) VALUES (?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires = excluded.expires`,
			key[:], e.data, expiry.UnixMilli())
		if err == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM login WHERE expires <= ?", now.UnixMilli())
		}
		return err
	})
	if isFull(err) {
		return nil
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.by[key]; ok { // not ended meanwhile
		e.written = now
		l.by[key] = e
	}
	return nil
}

// sweep forgets expired entries, and if need be any that is on disk.
func (l *Logins) sweep(now time.Time) {
	if len(l.by) < 64 {
		return
	}
	for k, e := range l.by {
		if !now.Before(e.expires) || len(l.by) >= maxLogins {
			delete(l.by, k)
		}
	}
}

// Delete ends the sign-in of token.
func (l *Logins) Delete(token string) error { return l.end(sha256.Sum256([]byte(token))) }

// End ends the sign-in that All gave under key.
func (l *Logins) End(key string) error {
	b, err := hex.DecodeString(key)
	if err != nil || len(b) != 32 {
		return ErrNotFound
	}
	return l.end([32]byte(b))
}

func (l *Logins) end(key [32]byte) error {
	l.mu.Lock()
	delete(l.by, key)
	l.mu.Unlock()
	// Also on a full disk: a sign-in that was ended must not come back.
	return l.db.alone(context.Background(), func() error {
		_, err := l.db.w.ExecContext(context.Background(), "DELETE FROM login WHERE token = ?", key[:])
		return faultOf("ending a sign-in", err)
	})
}

// All returns what is kept of every live sign-in, by the hex SHA-256 of its
// token: the tokens themselves are not known here.
func (l *Logins) All() (map[string][]byte, error) {
	now := l.now()
	type row struct {
		key, data []byte
	}
	rows, err := collect(context.Background(), l.db.r, "reading sign-ins", func(s scanner) (r row, err error) {
		return r, s.Scan(&r.key, &r.data)
	}, "SELECT token, data FROM login WHERE expires > ?", now.UnixMilli())
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, r := range rows {
		out[hex.EncodeToString(r.key)] = r.data
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, e := range l.by {
		key := hex.EncodeToString(k[:])
		if now.Before(e.expires) {
			out[key] = e.data
		} else {
			delete(out, key)
		}
	}
	return out, nil
}

package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"monban/gateway/text"
)

//go:embed migrations/*.sql
var embedded embed.FS

// A migration is one step up; there is no way down.
type migration struct{ name, sql, sum string }

func migrations() []migration {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the name is a constant
	}
	m, err := readMigrations(sub)
	if err != nil {
		panic(err) // the files are embedded
	}
	return m
}

// readMigrations reads NNNN_name.sql files, which must count up from 0001.
func readMigrations(f fs.FS) ([]migration, error) {
	names, err := fs.Glob(f, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []migration
	for i, name := range names {
		if !strings.HasPrefix(name, fmt.Sprintf("%04d_", i+1)) {
			return nil, fmt.Errorf("migration %s: is not number %d", name, i+1)
		}
		b, err := fs.ReadFile(f, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		out = append(out, migration{name, string(b), hex.EncodeToString(sum[:])})
	}
	return out, nil
}

// migrate brings the schema up to known, each step in a transaction of its
// own. Before the first step on a database with contents it is copied whole to
// path.before-NNNN. Databases of a newer program are refused unless it only
// added to them, and those whose steps had other contents.
func migrate(ctx context.Context, db *sql.DB, path string, known []migration) error {
	if err := claim(ctx, db); err != nil {
		return err
	}
	have, err := applied(ctx, db, known)
	if err != nil {
		return err
	}
	if have > 0 && have < len(known) {
		if err := keepCopy(ctx, db, fmt.Sprintf("%s.before-%04d", path, have+1)); err != nil {
			return err
		}
	}
	for i := have; i < len(known); i++ {
		if err := step(ctx, db, i+1, known[i]); err != nil {
			return fmt.Errorf("migration %s: %w", known[i].name, err)
		}
	}
	return nil
}

// claim makes an empty file ours, in one transaction: a file with a table but
// without our mark is somebody else's.
func claim(ctx context.Context, db *sql.DB) error {
	var id int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil || id == applicationID {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d; CREATE TABLE migration (
		n INTEGER PRIMARY KEY, name TEXT NOT NULL, sum TEXT NOT NULL) STRICT`, applicationID)); err != nil {
		return err
	}
	return tx.Commit()
}

// migrated checks without changing anything.
func migrated(ctx context.Context, db *sql.DB, known []migration) error {
	have, err := applied(ctx, db, known)
	if err == nil && have < len(known) {
		err = text.NewFault("store.older", "have", have, "know", len(known))
	}
	return err
}

// added is what names of steps end with after which the program before goes on
// as it did: they make tables and columns it does not know, and nothing else. A
// box that falls back to the version before has the newer one's database.
const added = "_adds.sql"

// applied says how many of known the database has, and refuses others.
func applied(ctx context.Context, db *sql.DB, known []migration) (int, error) {
	rows, err := db.QueryContext(ctx, "SELECT n, name, sum FROM migration ORDER BY n")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	have := 0
	for rows.Next() {
		var n int
		var m migration
		if err := rows.Scan(&n, &m.name, &m.sum); err != nil {
			return 0, err
		}
		have++
		switch {
		case have > len(known) && strings.HasSuffix(m.name, added):
		case have > len(known):
			return 0, text.NewFault("store.newer", "have", n, "know", len(known))
		case n != have || m.sum != known[have-1].sum:
			return 0, text.NewFault("store.changed_schema", "name", m.name)
		}
	}
	return have, rows.Err()
}

func step(ctx context.Context, db *sql.DB, n int, m migration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, m.sql); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO migration VALUES (?, ?, ?)", n, m.name, m.sum); err != nil {
		return err
	}
	return tx.Commit()
}

// keepCopy writes the database to path unless a copy is there already, from a
// try that was cut short after it.
func keepCopy(ctx context.Context, db *sql.DB, path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return fmt.Errorf("copying the database: %w", err)
	}
	return os.Rename(part, path)
}

// Package store keeps what the clinic does in one SQLite file: every human act
// and every change of a window in one transaction with its audit line.
//
// It decides nothing about people or windows: packages people and window do.
// Only this package has SQL. Existing data is never deleted or overwritten to
// make a database work again; what is wrong is said, and left as it is.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"monban/gateway/audit"
	"monban/gateway/text"
)

// Options of Open.
type Options struct {
	// ReadOnly opens an existing database for looking only: nothing is made,
	// migrated or written, as for a check of the log by hand.
	ReadOnly bool
}

// A DB is an open database. It may be used by many goroutines; acts wait for
// each other.
type DB struct {
	path     string
	readOnly bool
	w, r     *sql.DB // one writer; a pool that cannot write
	turn     chan struct{}

	res     sync.Mutex // over the disk, so none of what pages read
	reserve bool       // the reserve file is there

	mu       sync.Mutex    // never over the disk
	head     audit.Head    // after the last act of this process
	findings []*text.Fault // what was found wrong and does not stop us
}

// A Stamp is the time of an act: wall time, and whether it was synchronised.
type Stamp struct {
	Wall   time.Time
	Synced bool
}

// Open opens or makes the database at path. Beside it lie path.head (the
// log's head) and path.reserve (1 MiB that closing a window may use on a full
// disk). The directory must exist.
//
// The error is a Fault: store.not_a_database, store.broken, store.newer,
// store.changed_schema, store.read_only, store.disk_full or store.failed. What
// is wrong but does not stop the work stands in Findings.
func Open(path string, o Options) (*DB, error) {
	db := &DB{path: path, readOnly: o.ReadOnly, turn: make(chan struct{}, 1)}
	if err := db.open(context.Background()); err != nil {
		db.closePools()
		return nil, faultOf("opening "+filepath.Base(path), err)
	}
	return db, nil
}

func (db *DB) open(ctx context.Context) error {
	if err := lookAt(db.path, db.readOnly); err != nil {
		return err
	}
	if !db.readOnly {
		if err := tryWriting(filepath.Dir(db.path)); err != nil {
			return err
		}
		err := db.openWriter(ctx)
		if isFull(err) && db.FreeReserve() {
			// A start on a full disk must still show what there is, and close.
			db.closePools()
			db.find(text.NewFault("store.disk_full"))
			err = db.openWriter(ctx)
		}
		if err != nil {
			return err
		}
	}
	if err := db.openReader(ctx); err != nil {
		return err
	}
	if err := db.compareHead(ctx); err != nil {
		return err
	}
	if !db.readOnly {
		if err := db.RestoreReserve(); err != nil {
			db.find(text.NewFault("store.disk_full").Because(err))
		}
	}
	return nil
}

// lookAt refuses, before SQLite touches it, what is no database of ours: a
// file with other contents, and a log of changes whose database is gone
// (SQLite would delete it).
func lookAt(path string, mustExist bool) error {
	if st, err := os.Stat(filepath.Dir(path)); err != nil || !st.IsDir() {
		return text.NewFault("store.no_directory", "path", filepath.Dir(path)).Because(err)
	}
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && mustExist:
		return text.NewFault("store.none", "path", path)
	case errors.Is(err, fs.ErrNotExist):
		return orphaned(path)
	case err != nil:
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return text.NewFault("store.not_a_database")
	case st.Size() == 0:
		return orphaned(path)
	}
	const magic = "SQLite format 3\x00"
	head := make([]byte, len(magic))
	if _, err := f.ReadAt(head, 0); err != nil || string(head) != magic {
		return text.NewFault("store.not_a_database")
	}
	return nil
}

func orphaned(path string) error {
	if st, err := os.Stat(path + "-wal"); err == nil && st.Size() > 0 {
		return text.NewFault("store.broken").Because(errors.New("the -wal file has no database"))
	}
	return nil
}

// tryWriting finds a read-only directory out now and not at the first act. A
// full disk is no reason to stop.
func tryWriting(dir string) error {
	f, err := os.CreateTemp(dir, ".try-*")
	if isFull(err) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

func (db *DB) openWriter(ctx context.Context) error {
	// Before a setting of ours could change another program's file.
	look := openPool(db.path, looking)
	err := recognise(ctx, look)
	if err := errors.Join(err, look.Close()); err != nil {
		return err
	}
	db.w = openPool(db.path, writing)
	db.w.SetMaxOpenConns(1)
	if err := pragmasHold(ctx, db.w, writing); err != nil {
		return err
	}
	if err := quickCheck(ctx, db.w); err != nil {
		return err
	}
	return migrate(ctx, db.w, db.path, migrations())
}

func (db *DB) openReader(ctx context.Context) error {
	db.r = openPool(db.path, reading)
	db.r.SetMaxOpenConns(4)
	if err := pragmasHold(ctx, db.r, reading); err != nil {
		return err
	}
	if !db.readOnly {
		return nil
	}
	if err := recognise(ctx, db.r); err != nil {
		return err
	}
	if err := quickCheck(ctx, db.r); err != nil {
		return err
	}
	return migrated(ctx, db.r, migrations())
}

// Close waits for a running act and closes the file.
func (db *DB) Close() error {
	db.turn <- struct{}{}
	defer db.give()
	return db.closePools()
}

func (db *DB) closePools() error {
	var errs []error
	for _, p := range []*sql.DB{db.r, db.w} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

// Findings are what Open or a later act found wrong without having to stop,
// for the page and the log: a head file that does not match the log
// (audit.*), a full disk.
func (db *DB) Findings() []*text.Fault {
	db.mu.Lock()
	defer db.mu.Unlock()
	return append([]*text.Fault(nil), db.findings...)
}

// find adds a finding unless one of its code is there already.
func (db *DB) find(f *text.Fault) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, have := range db.findings {
		if have.Code == f.Code {
			return
		}
	}
	db.findings = append(db.findings, f)
}

// Checkpoint moves all changes into the main file and empties the -wal file.
// The gateway calls it nightly; the database needs it not for safety but to
// stay small.
func (db *DB) Checkpoint(ctx context.Context) error {
	return db.alone(ctx, func() error {
		var busy, log, done int
		err := db.w.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
		if err == nil && busy != 0 {
			err = fmt.Errorf("a reader stands in the way")
		}
		return faultOf("emptying the change log", err)
	})
}

// alone waits for the turn to write, as long as ctx lasts, and runs f.
func (db *DB) alone(ctx context.Context, f func() error) error {
	if db.readOnly {
		return text.NewFault("store.read_only")
	}
	if err := db.take(ctx); err != nil {
		return err
	}
	defer db.give()
	return f()
}

func (db *DB) take(ctx context.Context) error {
	select {
	case db.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the database: %w", ctx.Err())
	}
}

func (db *DB) give() { <-db.turn }

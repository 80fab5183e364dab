package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"monban/gateway/audit"
	"monban/gateway/text"
)

// The head file (path.head) notes the log's head after each act, since a
// chain alone cannot see a cut tail or a log written anew. A crash between
// the commit and the note leaves it one act behind, which is accepted. A note
// that the log contradicts is kept as path.head.kept and found again at every
// start, until somebody who has looked into it takes the file away.

func (db *DB) headFile() string { return db.path + ".head" }
func (db *DB) keptFile() string { return db.path + ".head.kept" }

// Head returns the log's head after the last act.
func (db *DB) Head() audit.Head {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.head
}

// note remembers h and writes it to the head file. The act is on disk already:
// that the note failed is a finding, not an error.
func (db *DB) note(h audit.Head) {
	db.mu.Lock()
	db.head = h
	db.mu.Unlock()
	if err := writeNote(db.headFile(), h); err != nil {
		db.find(text.NewFault("store.note_failed").Because(err))
		return
	}
	db.forget("store.note_failed")
}

// writeNote replaces the file as a whole. On a full disk it writes over the
// old note instead, which needs no room.
func writeNote(name string, h audit.Head) error {
	line := []byte(h.String() + "\n")
	err := replaceFile(name, line)
	if !isFull(err) {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(line, 0); err != nil {
		return err
	}
	return f.Sync()
}

// replaceFile writes a new file beside name and puts it in its place. The
// directory is not synced: losing the rename is the lag that is accepted.
func replaceFile(name string, b []byte) error {
	tmp := name + ".new"
	err := os.WriteFile(tmp, b, 0o600)
	if err == nil {
		err = syncFile(tmp)
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// readNote reads a head file; nil if there is none.
func readNote(name string) (*audit.Head, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h, err := audit.ParseHead(strings.TrimSuffix(string(b), "\n"))
	if err != nil {
		return nil, &audit.Broken{Line: 1, Why: audit.BadNote}
	}
	return &h, nil
}

// compareHead compares the notes with the log at the start, turns what is
// wrong into findings, and notes the head anew.
func (db *DB) compareHead(ctx context.Context) error {
	head, err := lastLine(ctx, db.r)
	if err != nil {
		return err
	}
	wrong, err := contradiction(ctx, db.r, db.headFile(), head)
	switch {
	case err != nil:
		return err
	case wrong == nil:
		if wrong, err = contradiction(ctx, db.r, db.keptFile(), head); err != nil {
			return err
		}
		if wrong != nil && wrong.Old() {
			wrong = nil // a kept note is old, and mostly there is none
		}
	case !wrong.Old() && !db.readOnly:
		if err := keepNote(db.headFile(), db.keptFile()); err != nil && !isFull(err) {
			return fmt.Errorf("keeping the note: %w", err)
		}
	}
	if wrong != nil {
		db.find(wrong.Fault())
	}
	if have, err := readNote(db.headFile()); db.readOnly || err == nil && have != nil && *have == head {
		db.head = head
		return nil
	}
	db.note(head)
	return nil
}

// contradiction says how the note in file contradicts the log that ends with
// head; nil if it does not, or lacks the last act only.
func contradiction(ctx context.Context, q querier, file string, head audit.Head) (*audit.Broken, error) {
	h, err := readNote(file)
	var bad *audit.Broken
	switch {
	case errors.As(err, &bad):
		return bad, nil
	case err != nil:
		return nil, err
	case h == nil && head.Count == 0:
		return nil, nil
	case h == nil:
		return &audit.Broken{Line: 1, Why: audit.NoNote}, nil
	case h.Count > head.Count:
		return &audit.Broken{Line: head.Count + 1, Why: audit.Cut}, nil
	case *h == head:
		return nil, nil
	}
	at, err := lineHead(ctx, q, h.Count)
	if err != nil {
		return nil, err
	}
	if at != *h {
		return &audit.Broken{Line: h.Count, Why: audit.Rewritten}, nil
	}
	var first int64
	if err := q.QueryRowContext(ctx, "SELECT value FROM counter WHERE name = 'act'").Scan(&first); err != nil {
		return nil, err
	}
	if int64(h.Count) < first-1 {
		return &audit.Broken{Line: h.Count + 1, Why: audit.Behind}, nil
	}
	return nil, nil
}

// keepNote keeps the first contradicted note; later ones follow from it.
func keepNote(note, kept string) error {
	if _, err := os.Stat(kept); err == nil {
		return nil
	}
	b, err := os.ReadFile(note)
	if err != nil {
		return err
	}
	return replaceFile(kept, b)
}

// watchHead compares the log an act finds with what this process wrote last:
// nobody else may add lines while we run.
func (db *DB) watchHead(found audit.Head) {
	if have := db.Head(); have != found {
		db.find((&audit.Broken{Line: have.Count + 1, Why: audit.Strange}).Fault())
	}
}

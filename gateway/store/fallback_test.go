package store

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"monban/gateway/people"
)

// withNext brings the database at path to a version after this one, by a step
// of that name.
func withNext(t *testing.T, path, name, sql string) []migration {
	t.Helper()
	next := append(slices.Clone(migrations()), migration{name, sql, "sum of " + name})
	w := openPool(path, writing)
	w.SetMaxOpenConns(1)
	must(t, migrate(t.Context(), w, path, next))
	must(t, w.Close())
	return next
}

// A box that fell back to this version works with the database of the one it
// fell back from, as long as that only added to it; and that one goes on after.
func TestFallBackToThisVersion(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "monban.db")
	db := opened(t, dir)
	who := people.Actor{ID: 1, Name: "院長", Role: people.Director, Via: "page"}
	act := func(db *DB, code string) {
		t.Helper()
		must(t, db.Act(t.Context(), who, Stamp{Wall: noon, Synced: true}, func(tx *Tx) error { return tx.Audit(code, nil) }))
	}
	act(db, "a.before")
	must(t, db.Close())
	name := fmt.Sprintf("%04d_rooms_adds.sql", len(migrations())+1)
	const adds = "CREATE TABLE room (id INTEGER PRIMARY KEY) STRICT; ALTER TABLE person ADD COLUMN room INTEGER REFERENCES room (id)"
	next := withNext(t, path, name, adds)
	db = opened(t, dir)
	act(db, "a.after")
	if h, err := db.Verify(t.Context()); err != nil || h.Count != 2 || len(db.Findings()) != 0 {
		t.Error(h, err, db.Findings())
	}
	must(t, db.Close())
	again := openPool(path, writing)
	again.SetMaxOpenConns(1)
	defer again.Close()
	must(t, migrate(t.Context(), again, path, next))
	must(t, again.Close())

	other := fmt.Sprintf("%04d_other.sql", len(migrations())+2)
	w := openPool(path, writing)
	w.SetMaxOpenConns(1)
	must(t, migrate(t.Context(), w, path, append(next, migration{other, "DROP TABLE room", "x"})))
	must(t, w.Close())
	if _, err := Open(path, Options{}); codeOf(err) != "store.newer" {
		t.Errorf("a step that may take something away: %v", err)
	}
}

// adding is what a step that only adds may be made of. A column has a value
// where the program before writes none.
var adding = regexp.MustCompile(`(?s)^(CREATE TABLE |CREATE INDEX |ALTER TABLE [a-z_]+ ADD COLUMN )`)

func TestAddingStepsOnlyAdd(t *testing.T) {
	for _, m := range migrations() {
		if !strings.HasSuffix(m.name, added) {
			continue
		}
		plain := regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(m.sql, "")
		for s := range strings.SplitSeq(plain, ";") {
			s = strings.TrimSpace(s)
			column := strings.HasPrefix(s, "ALTER") && strings.Contains(s, "NOT NULL") && !strings.Contains(s, "DEFAULT")
			if s != "" && (!adding.MatchString(s) || column) {
				t.Errorf("%s does more than add: %s", m.name, s)
			}
		}
	}
}

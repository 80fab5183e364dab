package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"monban/gateway/text"
)

// applicationID marks our files in SQLite's header, so that another program's
// database is refused.
const applicationID = 0x4d4e4231 // "MNB1"

// A use is what a pool is for, and so which pragmas it gets.
type use int

const (
	looking use = iota // whose file it is; may recover it after a crash, writes nothing else
	reading
	writing
)

// A pragma is a setting of every connection and what it must read back as.
// The driver silently ignores names it does not know, so nothing is believed.
type pragma struct{ name, set, want string }

// pragmas returns the settings. WAL with FULL makes each commit durable;
// trusted_schema and cell_size_check harden against a tampered file.
func (u use) pragmas() []pragma {
	p := []pragma{
		{"busy_timeout", "5000", "5000"},
		{"foreign_keys", "1", "1"},
		{"trusted_schema", "0", "0"},
		{"cell_size_check", "1", "1"},
		{"temp_store", "2", "2"}, // memory: nothing of the clinic lies in /tmp
		{"synchronous", "2", "2"},
	}
	if u != writing {
		return append(p, pragma{"query_only", "1", "1"})
	}
	return append(p, pragma{"journal_mode", "WAL", "wal"}, pragma{"journal_size_limit", "4194304", "4194304"})
}

// openPool prepares a pool; the first use of it opens the file.
func openPool(path string, u use) *sql.DB {
	q := url.Values{"_txlock": {"immediate"}}
	if u == reading {
		q = url.Values{"mode": {"ro"}}
	}
	for _, p := range u.pragmas() {
		q.Add("_pragma", p.name+"("+p.set+")")
	}
	// Escape what would end the path of a file: address.
	esc := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	db, err := sql.Open("sqlite", "file:"+esc+"?"+q.Encode())
	if err != nil {
		panic("store: the driver is not there: " + err.Error()) // only when it is not linked in
	}
	return db
}

// pragmasHold reads the settings back from a connection.
func pragmasHold(ctx context.Context, db *sql.DB, u use) error {
	for _, p := range u.pragmas() {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+p.name).Scan(&got); err != nil {
			return fmt.Errorf("reading %s back: %w", p.name, err)
		}
		if got != p.want {
			return fmt.Errorf("%s is %s, not %s", p.name, got, p.want)
		}
	}
	return nil
}

// recognise refuses another program's database; an empty file is fine.
func recognise(ctx context.Context, db *sql.DB) error {
	var id, tables int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if id != applicationID && (id != 0 || tables != 0) {
		return text.NewFault("store.not_a_database")
	}
	return nil
}

// quickCheck lets SQLite look through the whole file.
func quickCheck(ctx context.Context, db *sql.DB) error {
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return text.NewFault("store.broken").Because(fmt.Errorf("quick_check: %s", said))
	}
	return nil
}

package store

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"monban/gateway/audit"
	"monban/gateway/people"
	"monban/gateway/window"
)

// A database of the first version, with a life behind it, is brought up to
// date: every row keeps its meaning, the log verifies, and its windows go on.
func TestMigrateFirstVersion(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "monban.db")
	old := openPool(path, writing)
	old.SetMaxOpenConns(1)
	must(t, migrate(t.Context(), old, path, migrations()[:1]))
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := old.Exec(q, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO device (id, name, name_key) VALUES (9, 'X線', 'x線')")
	exec("INSERT INTO interface (mac, device, port) VALUES (x'020000000009', 9, 'lan0')")
	exec(`INSERT INTO person VALUES (1, '院長', '院長', 'director', '$x', x'0102', 10, 0, ?)`, noon.UnixMilli())
	who := people.Actor{ID: 1, Name: "院長", Role: people.Director, Via: "page"}
	l, err := audit.Next(audit.Head{}, audit.Event{At: noon, Synced: true, Who: who, Code: "a.old", Args: []byte(`{"n":1}`)})
	must(t, err)
	exec("INSERT INTO audit VALUES (1, ?, 1, 1, '院長', 'director', 'page', 'a.old', ?, ?, ?)", noon.UnixMilli(), string(l.Args), l.Prev[:], l.Hash[:])
	exec("UPDATE counter SET value = 1 WHERE name = 'act'")
	for id, state := range []window.State{window.Requested, window.Open, window.Closed} {
		oldWindow(t, old, int64(id+1), state)
	}
	must(t, old.Close())

	db := opened(t, dir)
	if h, err := db.Verify(t.Context()); err != nil || h != l.Head() {
		t.Error("the old log:", h, err)
	}
	p, err := db.PersonNamed(t.Context(), "院長")
	if err != nil || p.Deputy || p.Counter != 10 {
		t.Error(p, err)
	}
	ws, err := db.Windows(t.Context(), Filter{})
	if err != nil || len(ws) != 3 {
		t.Fatal(ws, err)
	}
	for _, w := range ws {
		if w.Kind != window.Inbound || w.Targets != nil || w.Extensions != nil || w.Planned() || !w.Report.IsZero() || w.Sealed ||
			len(w.Ports) != 1 || w.Ports[0].Port != 3389 {
			t.Errorf("%+v", w)
		}
	}
	// The request lapses after a day, the open one goes on, the closed one
	// owes its report.
	due, err := db.Windows(t.Context(), Filter{DueBy: noon.Add(window.Patience)})
	if err != nil || len(due) != 1 || due[0].ID != 1 || due[0].Due(noon.Add(window.Patience), true) != window.ToLapse {
		t.Error(due, err)
	}
	owing, err := db.Windows(t.Context(), Filter{Owing: true})
	if err != nil || len(owing) != 1 || owing[0].ID != 3 || len(owing[0].Owes()) != 2 {
		t.Error(owing, err)
	}
	longer, err := ws[1].Extend(director, noon, ws[1].OpenBoot, window.Answer{Length: time.Hour})
	must(t, err)
	must(t, act(t, db, director, func(tx *Tx) error { return tx.PutWindow(longer, window.Open) }))
	before, err := Open(path+".before-0002", Options{ReadOnly: true})
	if codeOf(err) != "store.older" {
		t.Error("the copy before the steps is not of the first version:", before, err)
	}
}

// oldWindow writes a window as the first version did.
func oldWindow(t *testing.T, db *sql.DB, id int64, state window.State) {
	t.Helper()
	values := map[string]any{"id": id, "state": string(state), "n": id, "vendor": "acme", "device": 9, "sources": `["203.0.113.0/28"]`,
		"ports": `[{"proto":"tcp","port":3389,"wan":3389}]`, "length": int64(time.Hour), "reason": "月例", "requester": "山田",
		"recorder": `{"id":2,"name":"受付","role":"staff","via":"page"}`, "approver": `{"name":"","role":"","via":""}`,
		"break_glass": 0, "alone": 0, "answer": "", "requested_at": noon.UnixMilli(), "mark": 0, "boot_id": "", "open_boot": 0, "end_boot": 0,
		"synced": 1, "how": "", "closer": `{"name":"","role":"","via":""}`,
		"passed_packets": 0, "passed_bytes": 0, "dead_packets": 0, "dead_bytes": 0, "cut": 0}
	if state != window.Requested {
		values["mark"], values["boot_id"], values["open_at"], values["end_at"] = id, "boot", noon.UnixMilli(), noon.Add(time.Hour).UnixMilli()
		values["open_boot"], values["end_boot"] = int64(time.Hour), int64(2*time.Hour)
	}
	var columns, marks string
	var args []any
	for c, v := range values {
		columns, marks, args = columns+", "+c, marks+", ?", append(args, v)
	}
	if _, err := db.Exec("INSERT INTO window ("+columns[2:]+") VALUES ("+marks[2:]+")", args...); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO transition VALUES (?, '', 'requested', 1, ?, '{}')", id, noon.UnixMilli()); err != nil {
		t.Fatal(err)
	}
}

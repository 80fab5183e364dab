package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"monban/gateway/audit"
)

// Any change an intruder with the file in his hands makes to the log is
// found, at the line or before it; that he drops the triggers helps him
// nothing. What he can do who can also compute hashes (a log cut or written
// anew from some line on) is found against a head noted elsewhere, and by the
// head file if he left that alone.
func TestTamperedLog(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	for i := range 12 {
		say(t, db, fmt.Sprintf("a.line%d", i))
	}
	noted := db.Head()
	db.Close()
	path := filepath.Join(dir, "monban.db")
	clean, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		if err := os.WriteFile(path, clean, 0o600); err != nil {
			rt.Fatal(err)
		}
		x, err := sql.Open("sqlite", "file:"+path+"?_pragma=ignore_check_constraints(1)")
		if err != nil {
			rt.Fatal(err)
		}
		do := func(q string, args ...any) {
			if _, err := x.Exec(q, args...); err != nil {
				rt.Fatal(q, err)
			}
		}
		do("DROP TRIGGER audit_update")
		do("DROP TRIGGER audit_delete")
		seq := rapid.IntRange(1, 12).Draw(rt, "seq")
		to := rapid.IntRange(1, 12).Draw(rt, "to")
		first := seq
		what := rapid.SampledFrom([]string{"edit", "delete", "shift", "insert", "swap", "rewrite"}).Draw(rt, "what")
		switch what {
		case "edit":
			column := rapid.SampledFrom([]string{"at", "synced", "person", "name", "role", "via", "deputy", "code", "args", "prev", "hash"}).Draw(rt, "column")
			value := map[string]any{"at": 5, "synced": 0, "person": 9, "name": "x", "role": "x", "via": "x", "deputy": 1, "code": "x.y",
				"args": rapid.SampledFrom([]string{`{"n":2}`, `{"n": 1}`, `{}`, `x`, `{"n":1}{}`, "{\"n\":1,\"\xff\":1}"}).Draw(rt, "value"),
				"prev": make([]byte, 32), "hash": rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "hash")}[column]
			do("UPDATE audit SET "+column+" = ? WHERE seq = ?", value, seq)
			if column == "prev" && seq == 1 {
				x.Close()
				return // it is zero already
			}
		case "delete":
			do("DELETE FROM audit WHERE seq = ?", seq)
		case "shift": // delete and close the gap
			do("DELETE FROM audit WHERE seq = ?", seq)
			for i := seq + 1; i <= 12; i++ {
				do("UPDATE audit SET seq = ? WHERE seq = ?", i-1, i)
			}
		case "insert": // make room and copy another line
			for i := 12; i >= seq; i-- {
				do("UPDATE audit SET seq = ? WHERE seq = ?", i+1, i)
			}
			from := to
			if from >= seq {
				from++
			}
			do("INSERT INTO audit SELECT ?, at, synced, person, name, role, via, code, args, prev, hash, deputy FROM audit WHERE seq = ?", seq, from)
			if from == seq+1 {
				first++ // the copy stands for the original, which follows it
			}
		case "swap":
			if seq == to {
				to = seq%12 + 1
			}
			do("UPDATE audit SET seq = -1 WHERE seq = ?", seq)
			do("UPDATE audit SET seq = ? WHERE seq = ?", seq, to)
			do("UPDATE audit SET seq = ? WHERE seq = -1", to)
			first = min(seq, to)
		case "rewrite": // with right hashes to the end
			rewrite(rt, x, seq)
			first = 12
		}
		if err := x.Close(); err != nil {
			rt.Fatal(err)
		}
		got, err := Open(path, Options{ReadOnly: true})
		if err != nil {
			rt.Fatal(err)
		}
		defer got.Close()
		var broken *audit.Broken
		if _, err := got.Verify(t.Context(), noted); !errors.As(err, &broken) || broken.Line != uint64(first) {
			rt.Fatalf("%s at %d (%d): %v", what, seq, to, err)
		}
		if len(got.Findings()) == 0 && (what == "rewrite" || seq == 12 && what == "delete") {
			rt.Fatalf("%s: the head file said nothing", what)
		}
	})
}

// rewrite changes line seq and chains everything after it anew.
func rewrite(rt *rapid.T, x *sql.DB, seq int) {
	rows, err := x.Query(selectLine+"WHERE seq >= ? ORDER BY seq", seq-1)
	if err != nil {
		rt.Fatal(err)
	}
	var lines []audit.Line
	for rows.Next() {
		l, err := scanLine(rows)
		if err != nil {
			rt.Fatal(err)
		}
		lines = append(lines, l)
	}
	var head audit.Head
	if seq > 1 {
		head, lines = lines[0].Head(), lines[1:]
	}
	lines[0].Code = "a.other"
	for _, l := range lines {
		n, err := audit.Next(head, l.Event)
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := x.Exec("UPDATE audit SET code = ?, prev = ?, hash = ? WHERE seq = ?", n.Code, n.Prev[:], n.Hash[:], int64(n.Seq)); err != nil {
			rt.Fatal(err)
		}
		head = n.Head()
	}
}

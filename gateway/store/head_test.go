package store

import (
	"errors"
	"os"
	"slices"
	"testing"

	"monban/gateway/audit"
)

// What a start makes of the head file, for a log of two acts of one line and
// one act of three.
func TestHeadFile(t *testing.T) {
	other := audit.Head{Hash: [32]byte{1}, Count: 4}
	for _, c := range []struct {
		name string
		note func(heads []audit.Head) string
		want string // finding
		kept bool
	}{
		{"as it should be", func(h []audit.Head) string { return h[5].String() + "\n" }, "", false},
		{"one act behind, of three lines", func(h []audit.Head) string { return h[2].String() + "\n" }, "", false},
		{"two acts behind", func(h []audit.Head) string { return h[1].String() + "\n" }, audit.Behind, false},
		{"in the middle of the last act", func(h []audit.Head) string { return h[4].String() + "\n" }, "", false},
		{"another log", func([]audit.Head) string { return other.String() + "\n" }, audit.Rewritten, true},
		{"ahead", func(h []audit.Head) string { a := h[5]; a.Count = 9; return a.String() + "\n" }, audit.Cut, true},
		{"noise", func([]audit.Head) string { return "noise" }, audit.BadNote, true},
		{"empty", func([]audit.Head) string { return "" }, audit.BadNote, true},
		{"gone", nil, audit.NoNote, false},
	} {
		dir := t.TempDir()
		db := opened(t, dir)
		heads := []audit.Head{{}}
		line := func(tx *Tx) error {
			err := tx.Audit("a.b", nil)
			heads = append(heads, tx.head)
			return err
		}
		three := func(tx *Tx) error { return errors.Join(line(tx), line(tx), line(tx)) }
		for _, fn := range []func(*Tx) error{line, line, three} {
			if err := db.Act(t.Context(), staff, at, fn); err != nil {
				t.Fatal(err)
			}
		}
		file, kept := db.headFile(), db.keptFile()
		db.Close()
		if c.note == nil {
			os.Remove(file)
		} else if err := os.WriteFile(file, []byte(c.note(heads)), 0o600); err != nil {
			t.Fatal(err)
		}
		db = opened(t, dir)
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		if got := findings(db); !slices.Equal(got, want) {
			t.Errorf("%s: found %v, want %v", c.name, got, want)
		}
		if _, err := os.Stat(kept); (err == nil) != c.kept {
			t.Errorf("%s: note kept: %v", c.name, err)
		}
		if b, err := os.ReadFile(file); err != nil || string(b) != db.Head().String()+"\n" {
			t.Errorf("%s: not noted anew: %q, %v", c.name, b, err)
		}
		say(t, db, "a.more")
		_, err := db.Verify(t.Context())
		if c.kept != (err != nil) {
			t.Errorf("%s: verify says %v", c.name, err)
		}
		db.Close()
		if again := findings(opened(t, dir)); c.kept != (len(again) > 0) {
			t.Errorf("%s: after another start %v", c.name, again)
		}
	}
}

func TestVerifyAsksTheHeadFile(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	for range 3 {
		say(t, db, "a.b")
	}
	for _, note := range []string{"noise", audit.Head{Hash: [32]byte{9}, Count: 2}.String()} {
		if err := os.WriteFile(db.headFile(), []byte(note), 0o600); err != nil {
			t.Fatal(err)
		}
		var broken *audit.Broken
		if _, err := db.Verify(t.Context()); !errors.As(err, &broken) {
			t.Errorf("%s: %v", note, err)
		}
	}
}

package store

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"monban/gateway/audit"
	"monban/gateway/people"
	"monban/gateway/text"
	"monban/gateway/window"
)

func TestActKeepsAllOrNothing(t *testing.T) {
	db := opened(t, t.TempDir())
	say(t, db, "a.first")
	head := db.Head()
	set := func(tx *Tx) {
		if err := tx.SetMeta("k", []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	boom := errors.New("boom")
	for name, fn := range map[string]func(*Tx) error{
		"no line":         func(tx *Tx) error { set(tx); return nil },
		"an error":        func(tx *Tx) error { set(tx); return errors.Join(tx.Audit("a.b", nil), boom) },
		"bad arguments":   func(tx *Tx) error { set(tx); return tx.Audit("a.b", map[string]any{"x": 1.5}) },
		"not an object":   func(tx *Tx) error { set(tx); return tx.Audit("a.b", []int{1}) },
		"an empty code":   func(tx *Tx) error { set(tx); return tx.Audit("", nil) },
		"a Fault":         func(tx *Tx) error { set(tx); return text.NewFault("window.changed") },
		"a cancelled ctx": func(tx *Tx) error { set(tx); return context.Canceled },
	} {
		err := db.Act(t.Context(), staff, at, fn)
		if err == nil {
			t.Errorf("%s was committed", name)
		}
		if name == "no line" && !errors.Is(err, ErrNoAudit) || name == "an error" && !errors.Is(err, boom) ||
			name == "a Fault" && codeOf(err) != "window.changed" || name == "a cancelled ctx" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if v, err := db.Meta(t.Context(), "k"); v != nil || err != nil {
			t.Errorf("%s left %q, %v", name, v, err)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.Act(t.Context(), staff, at, func(tx *Tx) error { set(tx); panic("in an act") })
	}()
	if v, err := db.Meta(t.Context(), "k"); v != nil || err != nil {
		t.Errorf("a panic left %q, %v", v, err)
	}
	if h, err := db.Verify(t.Context()); err != nil || h != head || db.Head() != head {
		t.Error(h, err)
	}
	say(t, db, "a.second") // the turn was given back each time
	if v := db.Head().Count; v != 2 {
		t.Error(v)
	}
}

func TestActIsOnRecord(t *testing.T) {
	db := opened(t, t.TempDir())
	who := people.Actor{ID: 7, Name: "院長 \xff", Role: people.Director, Via: "page", SteppedUp: noon}
	if err := db.Act(t.Context(), who, Stamp{Wall: noon.Add(123456 * time.Microsecond)}, func(tx *Tx) error {
		return errors.Join(tx.Audit("a.one", struct {
			Name string `json:"name"`
		}{"<X線>"}), tx.Audit("a.two", nil))
	}); err != nil {
		t.Fatal(err)
	}
	lines, err := db.AuditLines(t.Context(), 0, 10)
	if err != nil || len(lines) != 2 || lines[0].Seq != 2 || lines[1].Seq != 1 {
		t.Fatal(lines, err)
	}
	l := lines[1]
	if l.Code != "a.one" || string(l.Args) != `{"name":"<X線>"}` || !l.At.Equal(noon.Add(123*time.Millisecond)) || l.Synced ||
		l.Who != (people.Actor{ID: 7, Name: "院長 \uFFFD", Role: people.Director, Via: "page"}) {
		t.Errorf("%+v", l)
	}
	if lines[0].Head() != db.Head() || string(lines[0].Args) != "{}" {
		t.Errorf("%+v", lines[0])
	}
	if page, err := db.AuditLines(t.Context(), 2, 1); err != nil || len(page) != 1 || page[0].Seq != 1 {
		t.Error(page, err)
	}
	if h, err := db.Verify(t.Context(), lines[1].Head(), lines[0].Head()); err != nil || h != db.Head() {
		t.Error(h, err)
	}
	note, err := os.ReadFile(db.headFile())
	if err != nil || string(note) != db.Head().String()+"\n" {
		t.Errorf("%q, %v", note, err)
	}
}

// A window's change without its line is a mistake that keeps nothing.
func TestEachChangeHasItsLine(t *testing.T) {
	db := opened(t, t.TempDir())
	w := asked(t, db)
	approved, err := w.Approve(director, noon, window.Answer{})
	if err != nil {
		t.Fatal(err)
	}
	opening, err := approved.Begin(window.Start{Mark: 1, BootID: "b", Boot: time.Minute, At: noon})
	if err != nil {
		t.Fatal(err)
	}
	both := func(lines int) error {
		return db.Act(t.Context(), director, at, func(tx *Tx) error {
			err := errors.Join(tx.PutWindow(approved, window.Requested), tx.PutWindow(opening, window.Approved))
			for range lines {
				err = errors.Join(err, tx.Audit("window.opening", nil))
			}
			return err
		})
	}
	if err := both(1); !errors.Is(err, ErrNoAudit) {
		t.Error(err)
	}
	if got, err := db.Window(t.Context(), w.ID); err != nil || got.State != window.Requested {
		t.Error(got.State, err)
	}
	if err := both(2); err != nil {
		t.Error(err)
	}
}

func TestActsWaitForEachOther(t *testing.T) {
	db := opened(t, t.TempDir())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if err := db.Act(t.Context(), staff, at, func(tx *Tx) error { return tx.Audit("a.b", nil) }); err != nil {
					t.Error(err)
				}
				if _, err := db.Verify(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if h, err := db.Verify(t.Context()); err != nil || h.Count != 80 || len(db.Findings()) != 0 {
		t.Error(h, err, findings(db))
	}
	// One that hangs holds nobody longer than he wants to wait.
	inside, leave := make(chan bool), make(chan bool)
	wg.Go(func() {
		_ = db.Act(t.Context(), staff, at, func(tx *Tx) error { close(inside); <-leave; return tx.Audit("a.b", nil) })
	})
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := db.Act(ctx, staff, at, func(*Tx) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := db.AuditLines(t.Context(), 0, 1); err != nil {
		t.Error("a reader waits for a writer:", err)
	}
	close(leave)
	wg.Wait()
}

// A caller who gives up in the middle of his act does not tear it.
func TestCancelInTheMiddle(t *testing.T) {
	db := opened(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	if err := db.Act(ctx, staff, at, func(tx *Tx) error { cancel(); return tx.Audit("a.b", nil) }); err != nil {
		t.Error(err)
	}
	if db.Head().Count != 1 {
		t.Error("the act is gone")
	}
}

// Lines another process adds while we run are found at the next act and by
// Verify.
func TestStrangeLine(t *testing.T) {
	dir := t.TempDir()
	db := opened(t, dir)
	say(t, db, "a.b")
	l, err := audit.Next(db.Head(), audit.Event{At: noon, Code: "a.forged", Who: director})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, dir).Exec(`INSERT INTO audit (seq, at, synced, person, name, role, via, code, args, prev, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, int64(l.Seq), l.At.UnixMilli(), l.Synced,
		l.Who.ID, l.Who.Name, string(l.Who.Role), l.Who.Via, l.Code, string(l.Args), l.Prev[:], l.Hash[:]); err != nil {
		t.Fatal(err)
	}
	var broken *audit.Broken
	if _, err := db.Verify(t.Context()); !errors.As(err, &broken) || broken.Why != audit.Strange || broken.Line != 2 {
		t.Error(err)
	}
	say(t, db, "a.c")
	if !slices.Contains(findings(db), audit.Strange) {
		t.Error(findings(db))
	}
}

func BenchmarkAct(b *testing.B) {
	db := opened(b, b.TempDir())
	for b.Loop() {
		if err := db.Act(b.Context(), staff, at, func(tx *Tx) error { return tx.Audit("a.b", map[string]any{"n": 1}) }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	const lines = 10_000
	db := opened(b, b.TempDir())
	if err := db.Act(b.Context(), staff, at, func(tx *Tx) error {
		for range lines {
			if err := tx.Audit("a.b", map[string]any{"device": "X線", "n": 1}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := db.Verify(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(lines*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

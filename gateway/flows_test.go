package gateway

import (
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/window"
)

// A session's beginning and end are written at once, its bytes at most once a
// minute; whoever looks sees them as they are.
func TestSessionsAreWrittenSparingly(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	f := flow(w)
	at := func(in uint64, gone bool) {
		f.In.Bytes, f.Gone = in, gone
		b.putFlows(t.Context(), []firewall.Flow{f})
	}
	sessions := func() (shown, kept window.Session) {
		t.Helper()
		v, err := b.WindowByID(t.Context(), console, w.ID)
		if err != nil {
			t.Fatal(err)
		}
		disk, err := b.db().Sessions(t.Context(), w.ID)
		if err != nil || len(disk) != 1 || len(v.Sessions) != 1 {
			t.Fatalf("shown %+v, kept %+v, %v", v.Sessions, disk, err)
		}
		return v.Sessions[0], disk[0]
	}
	for _, x := range []struct {
		after       time.Duration
		in          uint64
		gone        bool
		shown, kept uint64
	}{
		{0, 100, false, 100, 100},
		{10 * time.Second, 200, false, 200, 100},
		{40 * time.Second, 300, false, 300, 100},
		{10 * time.Second, 400, false, 400, 400},
		{time.Second, 500, false, 500, 400},
		{time.Second, 600, true, 600, 600},
	} {
		b.time.pass(x.after)
		at(x.in, x.gone)
		shown, kept := sessions()
		if shown.In != x.shown || kept.In != x.kept || kept.End.IsZero() == x.gone {
			t.Errorf("at %d bytes: %d shown, %d kept, ended %v", x.in, shown.In, kept.In, kept.End)
		}
	}
}

// Conntrack is looked through once for marks from before us, not at each
// opening; such a mark is never given again while it may be there.
func TestMarksFromBefore(t *testing.T) {
	b := running(t)
	b.fw.set(func() { b.fw.flows = []firewall.Flow{{ID: 9, Mark: 1, Proto: firewall.TCP}} })
	if w := b.opened(time.Hour, 3389); w.Mark != 2 {
		t.Errorf("mark %d", w.Mark)
	}
	b.fw.set(func() { b.fw.flows = nil })
	if old, err := b.oldMarks(); err != nil || !old[1] || len(old) != 1 {
		t.Errorf("%v %v", old, err)
	}
}

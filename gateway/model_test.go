package gateway

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"monban/firewall"
	"monban/firewall/kernel"
	"monban/gateway/store"
	"monban/gateway/window"
)

// Whatever people, time, crashes and foreign hands do in whatever order: what
// the kernel holds is what the record says was approved, for no longer than
// approved, and every step is on record once.
func TestModelAgainstTheKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("a database for each run")
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "box")
		if err != nil {
			rt.Fatal(err)
		}
		b := newBoxIn(t, filepath.Join(dir)).start()
		defer b.kill()
		m := model{b: b, t: t, rt: rt}
		m.show()
		for range rapid.IntRange(5, 25).Draw(rt, "steps") {
			m.step()
			m.b.keepOnce(t.Context())
			m.agree()
		}
	})
}

type model struct {
	b   *box
	t   *testing.T
	rt  *rapid.T
	ids []int64 // of windows asked for
}

// show makes the receipt computer known, also after a restart.
func (m *model) show() { m.b.seen(rececom, "192.168.10.31", "2001:db8:10::31") }

func (m *model) some() int64 {
	if len(m.ids) == 0 {
		return 99
	}
	return rapid.SampledFrom(m.ids).Draw(m.rt, "window")
}

// step does one thing. Its faults are no matter: what counts is where it leads.
func (m *model) step() {
	ctx, b := m.t.Context(), m.b
	length := time.Duration(rapid.IntRange(1, 8*60).Draw(m.rt, "minutes")) * time.Minute
	switch rapid.SampledFrom([]string{"ask", "ask", "plan", "approve", "approve", "refuse", "extend", "close", "all", "break",
		"time", "time", "crash", "reboot", "flush", "foreign", "wall", "unsynced"}).Draw(m.rt, "what") {
	case "ask", "plan":
		b.reported()
		ask := want(length, uint16(rapid.IntRange(3389, 3391).Draw(m.rt, "port")))
		if rapid.Bool().Draw(m.rt, "planned") {
			ask.NotBefore = b.o.Clock.Wall().Add(time.Duration(rapid.IntRange(0, 300).Draw(m.rt, "in")) * time.Minute)
		}
		if w, err := b.AskWindow(ctx, staff, ask); err == nil {
			m.ids = append(m.ids, w.ID)
		}
	case "approve":
		_, _ = b.ApproveWindow(ctx, b.director(), m.some(), 0, false)
	case "refuse":
		_, _ = b.RefuseWindow(ctx, b.director(), m.some(), "いいえ")
	case "extend":
		_, _ = b.ExtendWindow(ctx, b.director(), m.some(), length, false)
	case "close":
		_, _ = b.CloseWindow(ctx, staff, m.some())
	case "all":
		_, _ = b.CloseAll(ctx, staff)
	case "break":
		if w, err := b.BreakGlass(ctx, console, want(length, 3392)); err == nil {
			m.ids = append(m.ids, w.ID)
		}
	case "time":
		b.time.pass(length)
	case "crash":
		b.kill().start()
		m.show()
	case "reboot":
		b.fw.mu.Lock()
		clear(b.fw.live)
		b.fw.mu.Unlock()
		b.o.BootID += "'"
		b.time.mu.Lock()
		b.time.boot = time.Minute
		b.time.mu.Unlock()
		b.kill().start()
		m.show()
	case "flush":
		b.fw.mu.Lock()
		clear(b.fw.live)
		b.fw.mu.Unlock()
	case "foreign":
		b.fw.mu.Lock()
		b.fw.live[firewall.Mark(60000)] = fakeLive{end: b.fw.boot() + length}
		b.fw.mu.Unlock()
	case "wall":
		b.time.mu.Lock()
		b.time.wall = b.time.wall.AddDate(rapid.SampledFrom([]int{-1, 1}).Draw(m.rt, "years"), 0, 0)
		b.time.mu.Unlock()
	case "unsynced":
		b.time.mu.Lock()
		b.time.synced = !b.time.synced
		b.time.mu.Unlock()
	}
}

// agree compares kernel and record.
func (m *model) agree() {
	b, rt := m.b, m.rt
	all, err := b.db().Windows(m.t.Context(), store.Filter{})
	if err != nil {
		rt.Fatal(err)
	}
	now := b.o.Clock.Boot()
	live, err := b.fw.Live()
	if err != nil {
		rt.Fatal(err)
	}
	for _, l := range live {
		i := slices.IndexFunc(all, func(w window.Window) bool { return w.State == window.Open && firewall.Mark(w.Mark) == l.Mark })
		if i < 0 {
			rt.Fatalf("mark %d is open in the kernel and on nobody's record", l.Mark)
		}
		w := all[i]
		if w.Approver.Name == "" && !w.BreakGlass {
			rt.Fatalf("window %d is open without approval", w.ID)
		}
		if l.Left > w.EndBoot-now || w.EndBoot-w.OpenBoot > window.MaxLength {
			rt.Fatalf("window %d: %v left in the kernel, %v on record", w.ID, l.Left, w.EndBoot-now)
		}
	}
	for _, w := range all {
		if w.State.Holds() != slices.ContainsFunc(live, func(l kernel.Live) bool { return firewall.Mark(w.Mark) == l.Mark && w.State == window.Open }) {
			rt.Fatalf("window %d is %s on record, the kernel holds %v", w.ID, w.State, live)
		}
		steps, err := b.db().Transitions(m.t.Context(), w.ID)
		if err != nil || len(steps) != w.N || steps[len(steps)-1].To != w.State {
			rt.Fatalf("window %d took %d steps to %s; on record are %v, %v", w.ID, w.N, w.State, steps, err)
		}
	}
}

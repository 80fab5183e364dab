package gateway

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"monban/gateway/netconf"
	"monban/gateway/text"
)

// A change of site.toml asks for the network to follow; what is on trial is told
// until somebody confirms it, and what went back is told once.
func TestNetwork(t *testing.T) {
	b := newBox(t)
	var asked []netconf.Request
	answer, fault := netconf.Change{}, error(nil)
	b.o.Network = func(_ context.Context, do netconf.Request) (netconf.Change, error) {
		asked = append(asked, do)
		return answer, fault
	}
	b.start()
	note := func(code string) (Note, bool) {
		t.Helper()
		s, err := b.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(s.Notes, func(n Note) bool { return n.Code == code })
		if i < 0 {
			return Note{}, false
		}
		return s.Notes[i], true
	}

	answer.Left = 3 * time.Minute
	b.write(netconf.BeforeFile, "what was in force")
	b.edit("192.168.10.1/24", "192.168.11.1/24")
	b.Reload(t.Context())
	if n, ok := note("network.on_trial"); !ok || n.Args["seconds"] != 180 {
		t.Error(n)
	}
	b.time.pass(time.Minute)
	b.Reload(t.Context())
	if b.lines("network.trial") != 1 {
		t.Error("one trial was told", b.lines("network.trial"), "times")
	}
	fails(t, b.ConfirmNetwork(t.Context(), staff), "people.may_not")
	answer.Left = 0
	if err := b.ConfirmNetwork(t.Context(), b.director()); err != nil {
		t.Error(err)
	}
	if _, ok := note("network.on_trial"); ok || b.lines("network.kept") != 1 {
		t.Error("still on trial")
	}

	fault = text.NewFault("network.unreachable", "detail", "x")
	b.Reload(t.Context())
	if _, ok := note("network.not_applied"); !ok {
		t.Error("nobody is told that the network did not follow")
	}
	fault = nil

	b.write(netconf.RevertedFile, "what was tried")
	b.Reload(t.Context())
	b.Reload(t.Context())
	if b.lines("network.reverted") != 1 {
		t.Error("what went back was told", b.lines("network.reverted"), "times")
	}
	if _, ok := note("network.not_applied"); ok {
		t.Error("an old fault is still told")
	}

	asked = nil
	b.write(filepath.Base(b.o.Config), "version = 2")
	b.Reload(t.Context())
	if len(asked) > 0 {
		t.Error("a broken site.toml was put in force", asked)
	}
}

// One trial is told once, also by the daemon that the change starts again, even
// if it begins before its database is there; the next trial is another.
func TestTrialToldOnce(t *testing.T) {
	b := newBox(t)
	b.o.Network = func(context.Context, netconf.Request) (netconf.Change, error) {
		return netconf.Change{Left: 3 * time.Minute}, nil
	}
	trial := func(at time.Time) {
		t.Helper()
		b.write(netconf.BeforeFile, "what was in force")
		if err := os.Chtimes(filepath.Join(b.dir, netconf.BeforeFile), at, at); err != nil {
			t.Fatal(err)
		}
		b.applyNetwork(t.Context())
	}
	b.start()
	trial(noon)
	b.kill().start()
	b.applyNetwork(t.Context())
	if n := b.lines("network.trial"); n != 1 || b.networkDue() {
		t.Error("one trial was told", n, "times")
	}
	trial(noon.Add(time.Hour))
	if n := b.lines("network.trial"); n != 2 {
		t.Error("two trials were told", n, "times")
	}
	db := b.data.Swap(nil)
	trial(noon.Add(2 * time.Hour))
	if !b.networkDue() {
		t.Error("what could not be recorded is not asked for again")
	}
	b.data.Store(db)
	b.applyNetwork(t.Context())
	if n := b.lines("network.trial"); n != 3 || b.networkDue() {
		t.Error("three trials were told", n, "times")
	}
}

// One slow answer neither hides a trial nor leaves its fault standing: the
// service is asked again until it answers, and then no more.
func TestNetworkAskedAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBoxIn(t, dir)
		asked := 0
		b.o.Network = func(context.Context, netconf.Request) (netconf.Change, error) {
			if asked++; asked < 3 {
				return netconf.Change{}, text.NewFault("network.unreachable", "detail", "x")
			}
			return netconf.Change{Left: time.Minute}, nil
		}
		b.start()
		b.setTrial(netconf.Change{Left: 2 * time.Minute}, nil)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.watchFiles(ctx) }()
		synctest.Wait()
		if _, ok := b.note("network.on_trial"); !ok {
			t.Error("a trial is forgotten because nobody answered")
		}
		if _, ok := b.note("network.not_applied"); !ok {
			t.Error("nobody is told that there was no answer")
		}
		time.Sleep(time.Minute) // of the bubble
		synctest.Wait()
		if n, ok := b.note("network.on_trial"); !ok || n.Args["seconds"] != 60 || asked != 3 {
			t.Error(n, "after", asked)
		}
		if _, ok := b.note("network.not_applied"); ok {
			t.Error("an old fault is still told")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Without the service there is nothing to confirm.
func TestNoNetwork(t *testing.T) {
	b := newBox(t).start()
	fails(t, b.ConfirmNetwork(t.Context(), b.director()), "network.no_trial")
}

package gateway

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
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

	b.write(reverted, "what was tried")
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

// Without the service there is nothing to confirm.
func TestNoNetwork(t *testing.T) {
	b := newBox(t).start()
	fails(t, b.ConfirmNetwork(t.Context(), b.director()), "network.no_trial")
}

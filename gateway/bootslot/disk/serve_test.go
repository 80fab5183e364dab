package disk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"monban/gateway/bootslot"
	"monban/gateway/text"
)

// serve starts the service of a box, and returns how to ask it and how it ended.
func serve(t *testing.T, ctx context.Context, s *Slots, idle time.Duration) (Client, chan error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	t.Cleanup(func() { l.Close() })
	go func() { done <- s.Serve(ctx, l, idle) }()
	return Client{path}, done
}

// patient is how long a busy machine may take for next to nothing.
const patient = 5 * time.Minute

func ends(t *testing.T, done chan error) {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patient):
		t.Error("Serve does not end")
	}
}

func TestAskAndServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := factory("uefi", 1)
	c, done := serve(t, ctx, slots(b, old), 0)
	if s, err := c.Status(ctx); err != nil || s.Slot != "a" || s.Release.Version != old || s.Other != older {
		t.Errorf("%+v, %v", s, err)
	}
	u := update("uefi")
	manifest, signature, err := bootslot.Head(bytes.NewReader(u))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := c.Check(ctx, manifest, signature); err != nil || m.Version != next || !bytes.Equal(must(m.Encode()), manifest) {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := c.Check(ctx, manifest[1:], signature); code(t, err) != "slot.signature" {
		t.Error(err)
	}
	if err := c.Install(ctx, int64(len(u)), bootslot.Sum{}, bytes.NewReader(u)); err != nil {
		t.Fatal(err)
	}
	if err := c.Install(ctx, int64(len(u)), sha256.Sum256(manifest[1:]), bytes.NewReader(u)); code(t, err) != "slot.other" {
		t.Error(err)
	}
	if err := c.Install(ctx, int64(len(u)), sha256.Sum256(manifest), bytes.NewReader(u)); err != nil {
		t.Error(err)
	}
	for _, act := range []func(context.Context) error{c.Arm, c.Begin, c.Reboot} {
		if err := act(ctx); err != nil {
			t.Error(err)
		}
	}
	if s, err := c.Status(ctx); err != nil || s.Waiting != next || !s.Armed || b.reboots != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := c.Back(ctx, []*text.Fault{text.NewFault("slot.trial.mute")}); err != nil {
		t.Error(err)
	}
	if err := c.Commit(ctx); err != nil {
		t.Error(err)
	}
	cancel()
	ends(t, done)
	if _, err := c.Status(t.Context()); code(t, err) != "slot.unreachable" {
		t.Errorf("nobody there: %v", err)
	}
}

// Whoever sends more than is looked at still hears why.
func TestRefusedInTheMiddle(t *testing.T) {
	c, _ := serve(t, t.Context(), slots(factory("uefi", 1), old), 0)
	u := append([]byte(strings.Repeat("nonsense", 64)), make([]byte, 64<<20)...)
	for range 5 {
		if err := c.Install(t.Context(), int64(len(u)), bootslot.Sum{}, bytes.NewReader(u)); code(t, err) != "slot.form" {
			t.Fatal(err)
		}
	}
	u = update("uefi")
	if err := c.Install(t.Context(), int64(len(u)), bootslot.Sum{}, bytes.NewReader(u[:len(u)/2])); code(t, err) != "slot.cut" {
		t.Errorf("half of it: %v", err)
	}
	gone := errors.New("the stick is gone")
	if err := c.Install(t.Context(), int64(len(u)), bootslot.Sum{}, io.MultiReader(bytes.NewReader(u[:2000]), failing{gone})); code(t, err) != "slot.cut" || !errors.Is(err, gone) {
		t.Errorf("half a stick: %v", err)
	}
	if err := c.Install(t.Context(), maxUpdate+1, bootslot.Sum{}, bytes.NewReader(u)); code(t, err) != "slot.form" {
		t.Errorf("too big: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// While one installs, another does not.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		act := make(chan struct{}, 1)
		act <- struct{}{} // somebody is at it
		ours, theirs := net.Pipe()
		defer ours.Close()
		go slots(factory("uefi", 1), old).answer(t.Context(), theirs, act)
		began := time.Now()
		if _, err := io.WriteString(ours, `{"do":"status"}`+"\n"); err != nil {
			t.Error(err)
		}
		if b, err := io.ReadAll(ours); err != nil || !strings.Contains(string(b), `"slot.busy"`) || time.Since(began) != patience {
			t.Errorf("%s %v after %v", b, err, time.Since(began))
		}
	})
}

// Nonsense is told so.
func TestNonsense(t *testing.T) {
	c, _ := serve(t, t.Context(), slots(factory("uefi", 1), old), 0)
	for _, s := range []string{"", "{", "{}\n", `{"do":"sh"}` + "\n", `{"do":"status","shell":"sh"}` + "\n", `{"do":"install","size":1,"sum":"12"}` + "\n", strings.Repeat(" ", maxLine+1)} {
		conn, err := net.Dial("unix", c.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patient)); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, s)
		_ = conn.(*net.UnixConn).CloseWrite()
		if b, err := io.ReadAll(conn); !bytes.Contains(b, []byte(`"slot.request"`)) {
			t.Errorf("%.20q: %s (%v)", s, b, err)
		}
		conn.Close()
	}
}

// A service nobody asks ends by itself.
func TestIdleServiceEnds(t *testing.T) {
	_, done := serve(t, t.Context(), slots(factory("uefi", 1), old), 200*time.Millisecond)
	ends(t, done)
}

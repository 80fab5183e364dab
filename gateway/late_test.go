package gateway

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/people"
	"monban/gateway/store"
	"monban/gateway/text"
	"monban/gateway/window"
)

func noStore() (*store.DB, error) { return nil, text.NewFault("store.not_a_database") }

// reserveGone makes the store believe what a full disk tells it: ordinary acts
// are refused, urgent ones go to the room the reserve had.
func (b *box) reserveGone() (back func()) {
	b.t.Helper()
	name := filepath.Join(b.dir, "monban.db.reserve")
	b.db().FreeReserve()
	if err := os.MkdirAll(filepath.Join(name, "in the way"), 0o700); err != nil {
		b.t.Fatal(err)
	}
	return func() { os.RemoveAll(name) }
}

// On a full disk nothing opens; what is urgent passes what is not.
func TestFullDiskOrdinary(t *testing.T) {
	b := running(t)
	w := b.opened(time.Hour, 3389)
	next, err := b.AskWindow(t.Context(), staff, want(time.Hour, 104))
	if err != nil {
		t.Fatal(err)
	}
	back := b.reserveGone()
	asked := b.fw.called("OpenWindow")
	_, err = b.ApproveWindow(t.Context(), b.director(), next.ID, 0, false)
	fails(t, err, "store.disk_full")
	_, err = b.BreakGlass(t.Context(), console, want(time.Hour, 105))
	fails(t, err, "store.disk_full")
	if b.fw.called("OpenWindow") != asked {
		t.Error("the kernel was asked without a record")
	}
	b.on(next.ID, window.Requested, "")
	b.record(t.Context(), people.Box, func(tx *store.Tx) error { return tx.Audit("rules.foreign", nil) })
	if n, ok := b.note("gateway.unrecorded"); !ok || n.Args["n"] != 1 {
		t.Errorf("note %+v", n)
	}
	if _, ok := b.note("store.disk_full"); !ok {
		t.Error("no note of the full disk")
	}
	if _, err := b.CloseWindow(t.Context(), staff, w.ID); err != nil {
		t.Fatal(err)
	}
	b.on(w.ID, window.Closed, window.ByHand) // on record before what waits
	if b.lines("rules.foreign") != 0 {
		t.Error("what is not urgent used the reserve")
	}
	back()
	b.time.pass(time.Minute)
	b.writeLate(t.Context())
	b.writeLate(t.Context())
	if b.lines("rules.foreign") != 1 || b.lines("window.ended.closed") != 1 {
		t.Error("not once each")
	}
	for _, l := range b.log() { // it says when it happened, not when it was written
		if l.Code == "rules.foreign" && !l.At.Equal(noon) {
			t.Error("stamped", l.At)
		}
	}
	for _, code := range []string{"gateway.unrecorded", "store.disk_full"} {
		if _, ok := b.note(code); ok {
			t.Error("still noted:", code)
		}
	}
}

// What cannot be written is bounded, but windows always have room.
func TestLateBounded(t *testing.T) {
	b := newBox(t)
	b.o.Store = noStore
	b.start()
	for range maxLate + 50 {
		b.record(t.Context(), people.Box, func(*store.Tx) error { return nil })
	}
	b.recordWindow(t.Context(), people.Box, func(*store.Tx) error { return nil })
	if n := len(b.late); n != maxLate+1 || !b.late[n-1].urgent {
		t.Errorf("%d wait", n)
	}
}

const nsEnv = "MONBAN_TEST_NAMESPACE"

// inNamespace reports whether this process may mount. Where not, it runs the
// test again in one that may, and returns false. Without namespaces the test
// is skipped, and fails where CI=true.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(nsEnv) == t.Name() {
		if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(slices.Clone(os.Environ()), nsEnv+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		t.Logf("%s", out)
	case errors.As(err, &exit):
		t.Errorf("in a namespace of its own: %v\n%s", err, out)
	case os.Getenv("CI") == "true":
		t.Fatalf("no namespace to mount in: %v", err)
	default:
		t.Skipf("no namespace to mount in: %v", err)
	}
	return false
}

// fill takes all the room that is left, and keeps it until back is called.
func fill(t *testing.T, dir string) (back func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := 64 << 10; block > 0; {
		if _, err := f.Write(make([]byte, block)); err != nil {
			block /= 2
		}
	}
	return func() { os.Remove(name) }
}

// A disk that is really full, down to the reserve: closing works all the same
// and is put on record later, exactly once. The second window had not even
// its opening on record: its steps must not overtake each other.
func TestFullDiskReally(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	b := newBoxIn(t, dir).start()
	b.seen(rececom, "192.168.10.31")
	first := b.opened(time.Hour, 3389)
	ask, err := b.AskWindow(t.Context(), staff, want(time.Hour, 104))
	if err != nil {
		t.Fatal(err)
	}
	var back func()
	b.fw.onOpen = func() { // the disk fills while the kernel opens the second
		back = fill(t, dir)
		err := error(nil)
		for n := 0; err == nil && n < 5000; n++ {
			err = b.db().Act(t.Context(), staff, b.stamp(), func(tx *store.Tx) error {
				return tx.Audit("rules.foreign", map[string]any{"text": strings.Repeat("x", 3000)})
			})
		}
		fails(t, err, "store.disk_full")
		b.db().FreeReserve()
		fill(t, dir)
		for n := 0; n < 100; n++ { // what is left in the last block of the change log
			if err := b.db().ActUrgent(t.Context(), staff, b.stamp(), func(tx *store.Tx) error { return tx.Audit("rules.foreign", nil) }); err != nil {
				break
			}
		}
	}
	second, err := b.ApproveWindow(t.Context(), b.director(), ask.ID, 0, false)
	if err != nil || second.State != window.Open {
		t.Fatal(second, err)
	}
	b.on(second.ID, window.Opening, "")
	b.time.pass(time.Minute)
	if n, err := b.CloseAll(t.Context(), staff); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if len(b.fw.marks()) != 0 {
		t.Error("a full disk kept a window open")
	}
	b.on(first.ID, window.Open, "") // as far as the disk knows
	for _, id := range []int64{first.ID, second.ID} {
		w, err := b.WindowByID(t.Context(), staff, id)
		if err != nil || w.State != window.Closed || !w.Unrecorded || w.Left != 0 {
			t.Errorf("shown: %s, unrecorded %v, %v", w.State, w.Unrecorded, err)
		}
		if w, err := b.CloseWindow(t.Context(), staff, id); err != nil || w.State != window.Closed {
			t.Error("closing it again:", w.State, err)
		}
	}
	b.writeLate(t.Context()) // still full
	if n, ok := b.note("gateway.unrecorded"); !ok || n.Args["n"] != 3 {
		t.Errorf("note %+v", n)
	}
	back()
	b.time.pass(time.Minute)
	for range 3 {
		b.writeLate(t.Context())
	}
	for _, id := range []int64{first.ID, second.ID} {
		if w := b.on(id, window.Closed, window.ByHand); !w.ClosedAt.Equal(noon.Add(time.Minute)) {
			t.Errorf("closed at %v", w.ClosedAt)
		}
	}
	if b.lines("window.ended.closed") != 2 || b.lines("window.opened") != 2 {
		t.Error("not once each")
	}
	if _, ok := b.note("gateway.unrecorded"); ok {
		t.Error("still noted")
	}
}

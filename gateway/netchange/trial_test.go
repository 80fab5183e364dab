package netchange

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"monban/gateway/netconf"
)

// held makes systemd stop at its next reload until it is let go.
func (b *bench) held(t *testing.T) (at <-chan struct{}, letGo func()) {
	t.Helper()
	reached, gate := make(chan struct{}, 10), make(chan struct{})
	b.sd.mu.Lock()
	b.sd.at = func(what string) {
		if what == "reload" {
			reached <- struct{}{}
			<-gate
		}
	}
	b.sd.mu.Unlock()
	open := func() { close(gate) }
	t.Cleanup(func() {
		select {
		case <-gate:
		default:
			open()
		}
	})
	return reached, open
}

// expire lets the trial's time be over.
func (b *bench) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = time.Now()
	b.wake()
}

// post leaves a request in the socket's queue, and returns the connection.
func (b *bench) post(t *testing.T, do netconf.Request) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", b.socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(c).Encode(request{do}); err != nil {
		t.Fatal(err)
	}
	return c
}

// While systemd takes its time, the service goes on answering: what asks again
// hears of the trial, and nobody confirms what is not there yet. A change that
// comes meanwhile is made next, and goes back to what was there before both.
func TestAnswersWhileChanging(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	b.serve(t)
	at, letGo := b.held(t)
	b.site(t, two)
	b.ask(t, netconf.Apply)
	<-at
	for _, do := range []netconf.Request{netconf.Look, netconf.Apply} {
		if c, fault := b.ask(t, do); c.Left == 0 || fault != "" {
			t.Error(do, c, fault)
		}
	}
	if _, fault := b.ask(t, netconf.Confirm); fault != "network.busy" {
		t.Error("confirmed before it was there:", fault)
	}
	b.site(t, three)
	if c, fault := b.ask(t, netconf.Apply); c.Left == 0 || fault != "" {
		t.Error(c, fault)
	}
	letGo()
	b.made(t)
	if got := b.listens(); got != "ListenStream=192.168.30.1:443" || b.file("state/"+before) != one {
		t.Error(got, b.file("state/"+before))
	}
	if _, fault := b.ask(t, netconf.Confirm); fault != "" {
		t.Error(fault)
	}
}

// A change whose time is over while it is still being made goes back, after it.
func TestRevertWhileChanging(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	b.serve(t)
	at, letGo := b.held(t)
	b.site(t, two)
	b.ask(t, netconf.Apply)
	<-at
	b.expire()
	until(t, "site.toml back", func() bool { return b.file("state/site.toml") == one })
	letGo()
	b.made(t)
	if got := b.listens(); got != "ListenStream=192.168.10.1:443" || b.file("run/"+inForce) != one {
		t.Error(got)
	}
}

// The service does not go away while a change is being made, nor stay after it.
func TestIdle(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(b.dir, "run", inForce)); err != nil { // as in set-up mode: no trial
		t.Fatal(err)
	}
	at, letGo := b.held(t)
	done := make(chan error, 1)
	b.site(t, two)
	defer b.post(t, netconf.Apply).Close() // it may be gone before anybody asks
	go func() { done <- b.Serve(t.Context(), l, 2*time.Second) }()
	<-at
	time.Sleep(3 * time.Second) // longer than it waits when nothing is being made
	if _, fault := b.ask(t, netconf.Look); fault != "" {
		t.Error("it went away:", fault)
	}
	letGo()
	if err := <-done; err != nil || !slices.Contains(strings.Split(b.sd.take(), "\n"), "begin StartUnit monban.service") {
		t.Error("the change was not finished", err)
	}
}

// What was given up before it was answered is not done.
func TestGivenUp(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	b.site(t, two)
	ctx, giveUp := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, giveUp)
	if _, err := Ask(ctx, b.socket, netconf.Apply); err == nil || strings.Contains(err.Error(), "timeout") { // nobody serves yet
		t.Fatal("it does not give up when told to:", err)
	}
	b.post(t, netconf.Apply).Close()
	served := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { served <- b.Serve(ctx, l, 0) }()
	if c, fault := b.ask(t, netconf.Look); c.Left != 0 || fault != "" || b.State.Has(before) {
		t.Error("carried out late:", c, fault)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// Where the copy of the change cannot be written, as on a full disk, everything
// else goes back all the same.
func TestTakeBackWithoutCopy(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	// Nothing of that name can be written.
	if err := os.MkdirAll(filepath.Join(b.dir, "state", reverted+".new", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.serve(t)
	b.site(t, two)
	if c, fault := b.ask(t, netconf.Apply); c.Left == 0 || fault != "" {
		t.Fatal(c, fault)
	}
	b.expire()
	until(t, "back", func() bool { return b.file("state/site.toml") == one && b.listens() == "ListenStream=192.168.10.1:443" })
	b.made(t)
	b.sd.take()
	if c, fault := b.ask(t, netconf.Apply); c.Left != 0 || fault != "" || b.sd.take() != "" {
		t.Error("tried again:", c, fault)
	}
}

// Where site.toml itself cannot go back the network does, and is not changed
// again to what was tried.
func TestSiteStuck(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	b.serve(t)
	at, letGo := b.held(t)
	b.site(t, two)
	b.ask(t, netconf.Apply)
	<-at
	// A directory stands where the file is to go.
	site := filepath.Join(b.dir, "state", Site)
	if err := os.Remove(site); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(site, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.expire()
	until(t, "stuck", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.stuck })
	letGo()
	b.made(t)
	if got := b.listens(); got != "ListenStream=192.168.10.1:443" {
		t.Error(got)
	}
	for _, do := range []netconf.Request{netconf.Apply, netconf.Confirm} {
		if _, fault := b.ask(t, do); fault != "store.read_only" {
			t.Error(do, fault)
		}
	}
	if c, fault := b.ask(t, netconf.Look); c.Left != 0 || fault != "" {
		t.Error("still on trial:", c, fault)
	}

	// Somebody puts it right by hand.
	if err := os.RemoveAll(site); err != nil {
		t.Fatal(err)
	}
	b.site(t, one)
	if err := os.Remove(filepath.Join(b.dir, "state", before)); err != nil {
		t.Fatal(err)
	}
	b.expire()
	until(t, "loose", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return !b.stuck })
	if c, fault := b.ask(t, netconf.Apply); c.Left != 0 || fault != "" {
		t.Error("still stuck:", c, fault)
	}
}

// What was in force before a trial is written over only when there is none.
func TestBeforeUnreadable(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	path := filepath.Join(b.dir, "state", before)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	b.site(t, two)
	if c, err := b.apply(); err == nil || c != nil || !b.until.IsZero() {
		t.Error("a trial with nothing to go back to:", err)
	}
	if fi, err := os.Lstat(path); err != nil || fi.Mode().IsRegular() {
		t.Error("written over:", err)
	}
}

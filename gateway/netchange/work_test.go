package netchange

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"monban/gateway/netconf"
)

const pageFails = "StartUnit monban-page.socket"

// fails has systemd refuse that once.
func (s *told) fails(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = what
}

func (b *bench) isOwed(t *testing.T) {
	t.Helper()
	for _, do := range []netconf.Request{netconf.Apply, netconf.Look, netconf.Confirm} {
		if c, fault := b.ask(t, do); c.Left != 0 || fault != "network.not_applied" {
			t.Error(do, c, fault)
		}
	}
}

// setUp starts in set-up mode.
func (b *bench) setUp(t *testing.T) {
	t.Helper()
	if err := b.Box.Boot(t.Context(), nil, netconf.SetUp("end0", 1)); err != nil {
		t.Fatal(err)
	}
	b.sd.take()
}

// The first site.toml cannot be made whole and has nothing to go back to: that
// is told, and what failed, no more, is tried again until it works.
func TestFirstIsTriedAgain(t *testing.T) {
	b := newBench(t, time.Minute)
	b.setUp(t)
	b.serve(t)
	b.site(t, one)
	b.sd.fails(pageFails)
	if c, fault := b.ask(t, netconf.Apply); c.Left != 0 || fault != "" {
		t.Fatal(c, fault)
	}
	b.made(t)
	b.isOwed(t)
	b.sd.take()
	b.sd.fails(pageFails)
	for _, pause := range []time.Duration{2 * again, 0} {
		b.expire()
		until(t, "tried", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.pause == pause && b.aim == nil })
		if got := b.sd.take(); got != stops+starts {
			t.Error(got)
		}
	}
	for _, do := range []netconf.Request{netconf.Apply, netconf.Look} {
		if c, fault := b.ask(t, do); c.Left != 0 || fault != "" {
			t.Error(do, c, fault)
		}
	}
	if b.file("run/"+inForce) != one || b.sd.take() != "" {
		t.Error("not over")
	}
}

// Another first site.toml takes the place of one that fails, on no trial.
func TestFirstIsCorrected(t *testing.T) {
	b := newBench(t, time.Minute)
	b.setUp(t)
	b.serve(t)
	b.site(t, one)
	b.sd.fails(pageFails)
	b.ask(t, netconf.Apply)
	b.made(t)
	b.site(t, two)
	if c, fault := b.ask(t, netconf.Apply); c.Left != 0 || fault != "" {
		t.Error(c, fault)
	}
	b.made(t)
	if c, fault := b.ask(t, netconf.Look); c.Left != 0 || fault != "" || b.State.Has(before) {
		t.Error(c, fault)
	}
	if got := b.listens(); got != "ListenStream=192.168.20.1:443" {
		t.Error(got)
	}
}

// The way back fails: it is tried again, and a change that comes instead goes
// back to where it led.
func TestTakeBackIsTriedAgain(t *testing.T) {
	for _, other := range []bool{false, true} {
		b := newBench(t, time.Minute)
		b.boot(t, one)
		b.serve(t)
		b.site(t, two)
		b.ask(t, netconf.Apply)
		b.made(t)
		b.sd.fails(pageFails)
		b.expire()
		until(t, "back", func() bool { return b.file("state/site.toml") == one })
		b.made(t)
		b.isOwed(t)
		b.sd.take()
		if !other {
			b.expire()
			until(t, "made", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.owed == nil })
			if _, fault := b.ask(t, netconf.Look); fault != "" || b.sd.take() != stops+starts || b.file("run/"+inForce) != one {
				t.Error("not made:", fault)
			}
			continue
		}
		b.site(t, three)
		if c, fault := b.ask(t, netconf.Apply); c.Left < 50*time.Second || fault != "" || b.file("state/"+before) != one {
			t.Error(c, fault, b.file("state/"+before))
		}
		b.made(t)
		if _, fault := b.ask(t, netconf.Confirm); fault != "" || b.file("run/"+inForce) != three {
			t.Error(fault)
		}
	}
}

// Where the service dies in a change the next one finishes it, or takes it back.
func TestDeathInChange(t *testing.T) {
	for _, trial := range []bool{false, true} {
		b := newBench(t, time.Minute)
		b.setUp(t)
		if trial {
			b.boot(t, one)
		}
		b.site(t, two)
		b.sd.at = func(what string) {
			if what == "reload" {
				b.sd.at = nil
				panic("death")
			}
		}
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.socket, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer b.post(t, netconf.Apply).Close() // it may be gone before anybody asks
		if err := b.Serve(t.Context(), l, 0); err == nil {
			t.Error("it did not die")
		}
		b.sd.take()
		b.serve(t)
		want, listens := two, "ListenStream=192.168.20.1:443"
		if trial {
			want, listens = one, "ListenStream=192.168.10.1:443"
		}
		until(t, "made", func() bool { return b.file("run/"+inForce) == want })
		b.made(t)
		if b.listens() != listens || b.file("state/site.toml") != want || b.State.Has(before) {
			t.Error(b.listens(), b.file("state/site.toml"))
		}
		if _, fault := b.ask(t, netconf.Look); fault != "" {
			t.Error(fault)
		}
		b.sd.mu.Lock()
		if n := len(b.sd.asks); n == 0 || b.sd.asks[n-1] != "begin StartUnit monban.service" {
			t.Error(b.sd.asks)
		}
		b.sd.mu.Unlock()
	}
}

// A service that is told to end finishes the change it is at.
func TestEndInChange(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	at, letGo := b.held(t)
	b.site(t, two)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx, l, 0) }()
	b.ask(t, netconf.Apply)
	<-at
	end()
	letGo()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := b.sd.take(); got != all || b.file("run/"+inForce) != two || b.file("state/"+before) != one {
		t.Error("left by half:", got)
	}
}

// A change waits for the worker before its answer is written: another that
// fails meanwhile does not end its trial.
func TestFailsBeforeAnswer(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	b.serve(t)
	at, letGo := b.held(t)
	b.site(t, two)
	b.ask(t, netconf.Apply)
	<-at
	b.sd.fails("reload")
	b.site(t, three)
	b.mu.Lock()
	_, err := b.do(request{netconf.Apply})
	waits := b.next != nil && string(b.next.site) == three
	b.mu.Unlock()
	if err != nil || !waits {
		t.Fatal("nothing waits,", err)
	}
	letGo() // and no answer yet
	b.made(t)
	if c, fault := b.ask(t, netconf.Look); c.Left == 0 || fault != "" || b.file("state/"+before) != one {
		t.Error("no trial:", c, fault)
	}
	if got := b.listens(); got != "ListenStream=192.168.30.1:443" || b.file("state/site.toml") != three {
		t.Error(got)
	}
}

// What is no site.toml is nothing to go back to: none is written, and a trial
// that finds one stays a trial until somebody ends it.
func TestBeforeBroken(t *testing.T) {
	b := newBench(t, time.Minute)
	b.boot(t, one)
	b.serve(t)
	b.site(t, two)
	b.ask(t, netconf.Apply)
	b.made(t)
	if err := os.WriteFile(filepath.Join(b.dir, "state", before), []byte("version = 2"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.expire()
	until(t, "again", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return time.Until(b.until) > 0 })
	if c, fault := b.ask(t, netconf.Look); c.Left == 0 || fault != "" {
		t.Error("nobody hears of the trial:", c, fault)
	}
	if _, fault := b.ask(t, netconf.Confirm); fault != "" || b.State.Has(before) {
		t.Error("it cannot be ended:", fault)
	}
	if err := b.Box.keep([]byte("version = 2")); err != nil {
		t.Fatal(err)
	}
	b.site(t, three)
	if c, fault := b.ask(t, netconf.Apply); c.Left != 0 || fault != "" || b.State.Has(before) {
		t.Error("a trial with nothing to go back to:", c, fault)
	}
	b.made(t)
	if b.file("run/"+inForce) != three {
		t.Error("not made")
	}
}

package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"monban/firewall"
	"monban/gateway/selftest"
	"monban/gateway/store"
)

var (
	scanner = netip.MustParseAddr("203.0.113.77")
	probe   = netip.MustParseAddr("198.18.0.1")
)

// tries makes the kernel refuse n packets of a source; known says whether the
// sets have room for it.
func (b *box) tried(from netip.Addr, n uint64, known bool) {
	b.fw.set(func() {
		if b.fw.tries == nil {
			b.fw.tries = map[firewall.Try]uint64{}
		}
		name := firewall.Refused(false, 4, firewall.TCP)
		c := b.fw.counts.Named[name]
		c.Packets += n
		b.fw.counts.Named[name] = c
		if known {
			b.fw.tries[firewall.Try{Source: from, Vendor: from == outside}] += n
		}
	})
}

// attempted checks a day as the page shows it.
func (b *box) attempted(day string, packets uint64, want map[netip.Addr]uint64) AttemptDay {
	b.t.Helper()
	b.time.pass(tryFresh)
	d, err := b.Attempts(b.t.Context(), inspector, day)
	if err != nil {
		b.t.Fatal(err)
	}
	got := map[netip.Addr]uint64{}
	for i, a := range d.Attempts {
		got[a.Source] += a.Packets
		if i > 0 && a.Packets > d.Attempts[i-1].Packets {
			b.t.Error("not the most first:", d.Attempts)
		}
	}
	if d.Packets != packets || len(got) != len(want) {
		b.t.Errorf("%d packets of %v, want %d of %v", d.Packets, got, packets, want)
	}
	for a, n := range want {
		if got[a] != n {
			b.t.Errorf("%s: %d packets, want %d", a, got[a], n)
		}
	}
	return d
}

func TestAttempts(t *testing.T) {
	b := running(t)
	b.attempted("", 0, nil)
	b.tried(outside, 3, true)
	b.tried(scanner, 10, true)
	b.tried(scanner, 7, false) // the sets were full
	d := b.attempted("", 20, map[netip.Addr]uint64{outside: 3, scanner: 10, {}: 7})
	if i := slices.IndexFunc(d.Attempts, func(a Attempt) bool { return a.Source == outside }); d.Attempts[i].Vendor != "レセコン保守(株)" || d.Day != "2027-03-02" || d.Days[0] != d.Day {
		t.Errorf("%+v", d)
	}
	b.readAttempts(t.Context())
	b.attempted("", 20, map[netip.Addr]uint64{outside: 3, scanner: 10, {}: 7}) // nothing twice
	b.writeAttempts(t.Context(), true)
	b.tried(scanner, 1, true)
	b.attempted("2027-03-02", 21, map[netip.Addr]uint64{outside: 3, scanner: 11, {}: 7})
	b.attempted("2027-03-01", 0, nil)
	_, err := b.Attempts(t.Context(), inspector, "2027-02-30 or so")
	fails(t, err, "attempt.day")
}

// A daemon that dies, however it dies, counts nothing twice and misses
// nothing, while the kernel goes on.
func TestAttemptsOverRestarts(t *testing.T) {
	b := running(t)
	b.tried(scanner, 5, true)
	b.readAttempts(t.Context())
	b.writeAttempts(t.Context(), true)
	b.tried(scanner, 2, true)
	b.readAttempts(t.Context()) // read, not written
	b.kill().start()
	b.tried(scanner, 1, true)
	b.attempted("", 8, map[netip.Addr]uint64{scanner: 8})
	// The disk refuses for a while.
	b.tried(scanner, 1, true)
	back := b.reserveGone()
	b.readAttempts(t.Context())
	b.writeAttempts(t.Context(), true)
	back()
	b.time.pass(time.Minute)
	b.writeAttempts(t.Context(), true)
	b.attempted("", 9, map[netip.Addr]uint64{scanner: 9})
	// The table was made anew: the counters begin at nothing.
	b.fw.set(func() { clear(b.fw.counts.Named); clear(b.fw.tries) })
	b.tried(scanner, 4, true)
	b.attempted("", 13, map[netip.Addr]uint64{scanner: 13})
	b.writeAttempts(t.Context(), true)
	// The box was switched off and on.
	b.kill()
	b.o.BootID = "boot-2"
	b.fw.set(func() { clear(b.fw.counts.Named); clear(b.fw.tries) })
	b.tried(scanner, 20, true) // before the daemon ran
	b.start()
	b.attempted("", 33, map[netip.Addr]uint64{scanner: 33})
	// Nothing is read while it could not be added up.
	b.kill()
	b.Gateway, _ = New(b.o)
	b.Gateway.o.Store = noStore
	b.readAttempts(t.Context())
	if b.tries.loaded {
		t.Error("read without what came before")
	}
}

// At midnight of the clinic's zone another day begins.
func TestAttemptsAtMidnight(t *testing.T) {
	b := running(t) // 12:00 in Tokyo
	if got := b.untilMidnight(); got != 12*time.Hour {
		t.Error(got)
	}
	b.readAttempts(t.Context())
	b.time.pass(12*time.Hour - time.Second)
	b.tried(scanner, 5, true)
	b.time.pass(time.Second + 50*time.Millisecond)
	b.readAttempts(t.Context())
	b.time.pass(time.Minute)
	b.tried(scanner, 2, true)
	b.readAttempts(t.Context())
	b.writeAttempts(t.Context(), false) // the day that is over, at once
	if kept, err := b.db().Attempts(t.Context(), "2027-03-02"); err != nil || kept.Packets != 5 || kept.Attempts[0].Packets != 5 {
		t.Errorf("%+v, %v", kept, err)
	}
	b.attempted("2027-03-02", 5, map[netip.Addr]uint64{scanner: 5})
	if d := b.attempted("", 2, map[netip.Addr]uint64{scanner: 2}); d.Day != "2027-03-03" || !slices.Equal(d.Days, []string{"2027-03-03", "2027-03-02"}) {
		t.Errorf("%+v", d)
	}
}

// The self-test's own packets are no attempts; strangers' meanwhile are.
func TestAttemptsWithoutSelfTest(t *testing.T) {
	b := newBox(t)
	b.o.SelfTest = func(ctx context.Context, _ selftest.Request) (selftest.Result, error) {
		b.tried(probe, 400, false)
		b.tried(scanner, 3, true)
		b.readAttempts(ctx) // the minute is over in the middle of it
		b.tried(probe, 100, false)
		return selftest.Result{At: noon, State: selftest.OK}, nil
	}
	b.start()
	b.tried(scanner, 2, true)
	if err := b.RunSelfTest(t.Context(), b.director()); err != nil {
		t.Fatal(err)
	}
	b.tried(scanner, 1, true)
	b.attempted("", 6, map[netip.Addr]uint64{scanner: 6})
}

// Samples add ports, and nothing else.
func TestAttemptSamples(t *testing.T) {
	b := running(t)
	b.fw.samples = make(chan firewall.Sample)
	b.readAttempts(t.Context())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.watchAttempts(ctx) }()
	hear := func(port uint16, p firewall.Proto) {
		b.fw.samples <- firewall.Sample{Source: netip.AddrPortFrom(scanner, 4444), Target: netip.AddrPortFrom(netip.MustParseAddr("203.0.113.10"), port), Proto: p}
	}
	hear(3389, firewall.TCP)
	hear(0, firewall.ICMP)
	hear(3389, firewall.TCP)
	b.tried(scanner, 3, true)
	b.attempted("", 3, map[netip.Addr]uint64{scanner: 3})
	b.writeAttempts(t.Context(), true)
	for port := range uint16(40) {
		hear(port+1, firewall.UDP)
	}
	hear(99, firewall.UDP) // the one before is in when this one is taken
	d := b.attempted("", 3, map[netip.Addr]uint64{scanner: 3})
	if ports := d.Attempts[0].Ports; len(ports) != store.MaxTriedPorts || ports[0] != "3389/tcp" || ports[1] != "icmp" || ports[2] != "1/udp" {
		t.Error(ports)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Who has stopped is forgotten by the kernel, and loses nothing by it.
func TestAttemptsForgotten(t *testing.T) {
	b := running(t)
	b.tried(scanner, 5, true)
	b.tried(outside, 1, true)
	b.readAttempts(t.Context())
	b.time.pass(tryIdle)
	b.tried(outside, 1, true)
	b.readAttempts(t.Context())
	b.writeAttempts(t.Context(), false)
	b.fw.set(func() {
		if len(b.fw.tries) != 1 || b.fw.tries[firewall.Try{Source: outside, Vendor: true}] != 2 {
			t.Error(b.fw.tries)
		}
	})
	b.tried(scanner, 9, true) // more than before
	b.attempted("", 16, map[netip.Addr]uint64{scanner: 14, outside: 2})
	// In a crowd, who stands still for a minute makes room.
	for i := range uint32(tryCrowd + 10) {
		b.tried(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 0x0b000000+i))), 1, true)
	}
	b.readAttempts(t.Context())
	b.time.pass(observeEvery)
	b.tried(scanner, 1, true)
	b.readAttempts(t.Context())
	b.writeAttempts(t.Context(), false)
	b.fw.set(func() {
		if len(b.fw.tries) != 1 {
			t.Error(len(b.fw.tries), "left")
		}
	})
	d, err := b.Attempts(t.Context(), inspector, "")
	if err != nil || d.Packets != 17+tryCrowd+10 || len(d.Attempts) != 501 || d.Attempts[0].Source.IsValid() {
		t.Errorf("%d packets, %d rows, %v", d.Packets, len(d.Attempts), err)
	}
	// A kernel that cannot be read is no reason to lose count.
	b.fw.set(func() { b.fw.fail["Attempts"] = errors.New("no") })
	b.tried(scanner, 1, true)
	b.readAttempts(t.Context())
	b.fw.set(func() { delete(b.fw.fail, "Attempts") })
	b.time.pass(tryFresh)
	if d, _ := b.Attempts(t.Context(), inspector, ""); d.Packets != 18+tryCrowd+10 {
		t.Error(d.Packets)
	}
}

// The task reads, writes, and leaves nothing in memory when it ends.
func TestCountAttempts(t *testing.T) {
	b := running(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.countAttempts(ctx) }()
	waitFor(t, "the first reading", func() bool { b.tries.mu.Lock(); defer b.tries.mu.Unlock(); return b.tries.loaded })
	b.tried(scanner, 5, true)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if kept, err := b.db().Attempts(t.Context(), "2027-03-02"); err != nil || kept.Packets != 5 {
		t.Errorf("%+v, %v", kept, err)
	}
}

package server

import (
	"context"
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// Whatever the pace, no more passes than the burst and the rate allow, and no
// less while the client keeps within the rate.
func TestLimitHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lim := Limit{PerSecond: rapid.IntRange(1, 1000).Draw(t, "rate"), Burst: rapid.IntRange(1, 2000).Draw(t, "burst")}
		l := newLimiter(lim)
		now, first, passed := time.Hour, time.Hour, 0
		for range rapid.IntRange(1, 3000).Draw(t, "n") {
			if l.allows(desk, now) {
				passed++
			}
			if most := float64(lim.Burst) + float64(now-first)/float64(l.step); float64(passed) > most+1e-6 {
				t.Fatalf("%d passed by %v, at most %v", passed, now-first, most)
			}
			now += time.Duration(rapid.IntRange(0, 5_000_000).Draw(t, "pause"))
		}
		for range 100 { // after a rest, at the rate
			now += l.step + l.room
			if !l.allows(desk, now) {
				t.Fatal("held back within the rate")
			}
		}
		for range lim.Burst {
			l.allows(desk, now)
		}
		if l.allows(desk, now) || !l.allows(terminal, now) || !l.allows(netip.MustParseAddr("::1"), now) {
			t.Fatal("not each client for itself")
		}
	})
}

// The table is bounded; who is held back and still owed a word stays in it.
func TestLimitTable(t *testing.T) {
	l := newLimiter(Limit{PerSecond: 10, Burst: 10})
	for range 30 {
		l.allows(desk, time.Second)
	}
	for i := range 100_000 {
		var a [16]byte
		a[0] = 0xfd
		binary.BigEndian.PutUint32(a[12:], uint32(i))
		if !l.allows(netip.AddrFrom16(a), time.Second) {
			t.Fatal("a new client is held back")
		}
	}
	if l.allows(desk, time.Second) {
		t.Error("forgotten")
	}
	var told []uint64
	tell := func(a netip.Addr, dropped uint64) {
		if a != desk {
			t.Error(a)
		}
		told = append(told, dropped)
	}
	for _, at := range []time.Duration{2 * time.Second, 12 * time.Second, time.Hour, time.Hour + 3*time.Second, 2 * time.Hour} {
		l.over(at, tell)
		for range 20 {
			l.allows(desk, at)
		}
	}
	if len(told) != 2 || told[0] != 21 || told[1] == 0 {
		t.Errorf("told %v", told)
	}
}

// Who may invent addresses makes few words.
func TestLimitWords(t *testing.T) {
	l := newLimiter(Limit{PerSecond: 1, Burst: 1})
	for i := range 5000 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		l.allows(a, time.Second)
		l.allows(a, time.Second)
	}
	words := 0
	l.over(time.Second, func(netip.Addr, uint64) { words++ })
	if words != limitWords {
		t.Errorf("%d words at a time", words)
	}
}

// A flood of one client leaves the others their answers. It is told of once,
// and a connection is told, too.
func TestLimitedServer(t *testing.T) {
	r := newResolver()
	r.set("www.example.", "www.example. 300 IN A 203.0.113.1")
	var mu sync.Mutex
	var told []Limited
	s := newServer(Options{Upstream: r, Cache: 1 << 20, Limit: Limit{PerSecond: 1, Burst: 50},
		Limited: func(l Limited) { mu.Lock(); told = append(told, l); mu.Unlock() }})
	s.Set(policy(t))
	s.group.Store(bench(t, r).group.Load())
	packed, _ := ask("www.example.", dns.TypeA).Pack()
	var q question
	a := asker{addr: netip.AddrPortFrom(desk, 5353), conn: &tcpConn{out: make(chan []byte, 1)}}
	codes := map[int]int{}
	for range 60 {
		s.handle(nil, packed, &q, &a)
		m := parse(t, <-a.conn.out)
		codes[m.Rcode]++
		if code, _, _ := ede(m); m.Rcode == dns.RcodeRefused && code != dns.ExtendedErrorCodeProhibited {
			t.Errorf("%v", m)
		}
	}
	if codes[dns.RcodeSuccess] < 50 || codes[dns.RcodeRefused] < 9 {
		t.Errorf("%v", codes)
	}
	a.conn = nil
	if b, later := s.reply(nil, packed, &q, &a); b != nil || later {
		t.Errorf("%x", b)
	}
	if m := askedBy(t, s, terminal, ask("www.example.", dns.TypeA)); len(m.Answer) != 1 {
		t.Errorf("%v", m)
	}
	s.tellLimited()
	s.tellLimited()
	if len(told) != 1 || told[0].Client != desk || told[0].Dropped != s.Stats().Limited {
		t.Errorf("%+v, %d", told, s.Stats().Limited)
	}
	settle(s)
}

// It is told while the server runs, with what it came to: in the first seconds,
// and in the hour since.
func TestLimitedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Limited
		s := newServer(Options{Upstream: newResolver(), Cache: 1 << 20, Limit: Fair(), Limited: func(l Limited) { told = append(told, l) }})
		ctx, cancel := context.WithCancel(t.Context())
		go s.watchLimit(ctx)
		for range 3 {
			for range 2000 {
				s.within(&asker{addr: netip.AddrPortFrom(desk, 53)}, time.Now())
			}
			time.Sleep(25 * time.Minute)
		}
		cancel()
		synctest.Wait()
		if len(told) != 2 || told[0].Dropped != 1000 || told[1].Dropped != 2000 {
			t.Errorf("%+v", told)
		}
	})
}

func BenchmarkLimit(b *testing.B) {
	l := newLimiter(Fair())
	b.ReportAllocs()
	var now time.Duration
	for b.Loop() {
		now += 4 * time.Millisecond
		if !l.allows(desk, now) {
			b.Fatal("held back")
		}
	}
}

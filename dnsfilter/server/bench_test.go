package server

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// prepared returns a server that remembers 1,000 names, and questions for
// them or for refused ones. It knows tools, and devices that are gated, of
// which the asker is none.
func prepared(b testing.TB) (s *Server, hot, refused [][]byte) {
	r := newResolver()
	var names []string
	for i := range 1000 {
		name := fmt.Sprintf("www%d.example.", i)
		r.set(name, name+" 3600 IN A 203.0.113.1", name+" 3600 IN A 203.0.113.2")
		names = append(names, fmt.Sprintf("ads%d.example", i))
	}
	s = bench(b, r, names...)
	s.o.Admitter, s.o.Seen = &recorder{}, func(ToolSeen) {}
	p := gatedPolicy(b, "TeamViewer")
	p.List = s.policy.Load().List
	s.Set(p)
	for i := range 1000 {
		q := ask(fmt.Sprintf("www%d.example.", i), dns.TypeA)
		put(b, s, q)
		packed, _ := q.Pack()
		hot = append(hot, packed)
		packed, _ = ask(names[i]+".", dns.TypeA).Pack()
		refused = append(refused, packed)
	}
	settle(s)
	return s, hot, refused
}

func BenchmarkHandle(b *testing.B) {
	s, hot, refused := prepared(b)
	for _, c := range []struct {
		name string
		pkts [][]byte
	}{{"cached", hot}, {"refused", refused}} {
		b.Run(c.name, func(b *testing.B) {
			var q question
			dst := make([]byte, 0, 65535)
			a := &asker{addr: netip.MustParseAddrPort("192.168.10.20:5353"), sock: &udpSocket{}}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				out, later := s.reply(dst, c.pkts[i%1000], &q, a)
				if later || binary.BigEndian.Uint16(out[6:]) == 0 {
					b.Fatal("not answered at once")
				}
			}
		})
	}
}

// Neither an answer from memory nor a refusal allocates, their records
// included.
func TestAllocations(t *testing.T) {
	s, hot, refused := prepared(t)
	var q question
	dst := make([]byte, 0, 65535)
	a := &asker{addr: netip.MustParseAddrPort("192.168.10.20:5353"), sock: &udpSocket{}}
	if n := testing.AllocsPerRun(500, func() { s.reply(dst, hot[7], &q, a) }); n > 0 {
		t.Errorf("%v allocations for an answer from memory", n)
	}
	if n := testing.AllocsPerRun(500, func() { s.reply(dst, refused[7], &q, a) }); n > 0 {
		t.Errorf("%v allocations for a refusal", n)
	}
	// A name too long for the small buffers of the language, as content
	// networks have.
	long := ask(strings.Repeat("long-label.", 20)+"example.", dns.TypeA)
	put(t, s, long)
	settle(s)
	packed, _ := long.Pack()
	if n := testing.AllocsPerRun(500, func() { s.reply(dst, packed, &q, a) }); n > 0 {
		t.Errorf("%v allocations for a long name", n)
	}
	tool, _ := ask("router15.teamviewer.com.", dns.TypeA).Pack()
	if n := testing.AllocsPerRun(500, func() { s.reply(dst, tool, &q, a) }); n > 0 {
		t.Errorf("%v allocations for the refusal of a tool", n)
	}
}

func BenchmarkUDP(b *testing.B) {
	r := newResolver()
	r.set("www.example.", "www.example. 3600 IN A 203.0.113.1")
	_, addr := start(b, r, "ads.example")
	for _, name := range []string{"www.example.", "ads.example."} {
		b.Run(name, func(b *testing.B) {
			conn, err := dns.Dial("udp", addr)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			q, _ := ask(name, dns.TypeA).Pack()
			buf := make([]byte, 1232)
			conn.SetDeadline(time.Now().Add(time.Minute))
			for b.Loop() {
				if _, err := conn.Write(q); err != nil {
					b.Fatal(err)
				}
				if _, err := conn.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The cache never holds more than it may, finds what it holds under the right
// question only, and forgets what was used longest ago.
func TestCacheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCache(cacheShards * 2000)
		for i := range rapid.IntRange(1, 300).Draw(t, "n") {
			q := &question{typ: uint16(i%7 + 1), do: i%2 == 0}
			name := append(wireName(fmt.Sprintf("n%d.example", i%50)), 0, 0, 0, 0)
			q.readName(name)
			if e := c.get(q); e != nil && !e.is(q) {
				t.Fatal("another question's answer")
			}
			wire := make([]byte, headerSize+int(q.size)+4+rapid.IntRange(0, 3000).Draw(t, "size"))
			copy(wire[headerSize:], q.wire())
			e := &entry{wire: wire, size: q.size, typ: q.typ, do: q.do}
			c.put(q, e)
			if got := c.get(q); got != e && e.weight() <= 2000 {
				t.Fatal("not kept")
			}
			if n, bytes := c.size(); bytes > cacheShards*2000 || n*entryWeight > bytes {
				t.Fatalf("%d entries in %d bytes", n, bytes)
			}
		}
		c.clear()
		if n, bytes := c.size(); n != 0 || bytes != 0 {
			t.Fatal("not cleared")
		}
	})
	// Oldest first: what is asked for now and then stays.
	c := newCache(cacheShards * 4000)
	kept := &question{typ: 1}
	kept.readName(append(wireName("kept.example"), 0, 0, 0, 0))
	put := func(q *question) {
		c.put(q, &entry{wire: append(make([]byte, headerSize), q.wire()...), size: q.size, typ: q.typ})
	}
	put(kept)
	for range 5000 {
		q := &question{typ: 1}
		q.readName(append(wireName(fmt.Sprintf("n%d.example", rand.Uint32())), 0, 0, 0, 0))
		put(q)
		if c.get(kept) == nil {
			t.Fatal("a name in use was forgotten")
		}
	}
}

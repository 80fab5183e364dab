package server

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/tools"
)

// Each use of a tool's name is told once a minute, with what became of it.
func TestSeen(t *testing.T) {
	seen := make(chan ToolSeen, 64)
	r := gatedZone()
	r.set("www.zoho.com.", "www.zoho.com. 300 IN A 203.0.113.7")
	r.set("shop.example.", "shop.example. 300 IN CNAME www.zoho.com.")
	r.set("www.adobeconnect.com.", "www.adobeconnect.com. 300 IN A 203.0.113.7")
	p := gatedPolicy(t)
	p.Answered = nil // those are told of no tool at all
	s, addr := startWith(t, Options{Upstream: r.serve(t), Seen: func(x ToolSeen) { seen <- x }}, p)
	next := func(what, want string) {
		t.Helper()
		select {
		case x := <-seen:
			if got := fmt.Sprint(x.Client, " ", x.Name, " ", x.Tool, " ", x.Class, " ", x.Refused, " ", x.Granted); got != want || time.Since(x.At) > time.Minute {
				t.Errorf("%s: %s at %v, want %s", what, got, x.At, want)
			}
		case <-time.After(4 * time.Second):
			t.Errorf("%s: nothing is told", what)
		}
	}
	for range 3 {
		for _, network := range []string{"udp", "tcp"} {
			for _, name := range []string{"www.example.", "router1.teamviewer.com.", "help.example.", "shop.example.", "www.zoho.com.", "www.adobeconnect.com."} {
				over(t, network, addr, ask(name, dns.TypeA))
			}
		}
	}
	next("refused", "127.0.0.1 router1.teamviewer.com TeamViewer block true false")
	next("alias, shared", "127.0.0.1 www.zoho.com Zoho Assist shared false false")
	next("observed", "127.0.0.1 www.adobeconnect.com Adobe Connect observe false false")
	from(t, "127.0.0.2", "udp", addr, ask("help.example.", dns.TypeAAAA))
	next("another client, by an alias", "127.0.0.2 router1.teamviewer.com TeamViewer block true false")
	observing := *p
	observing.ToolsEnforced = false
	s.Set(&observing)
	if m := over(t, "udp", addr, ask("help.example.", dns.TypeA)); len(m.Answer) != 2 {
		t.Errorf("refused while observing: %v", m)
	}
	next("while observing", "127.0.0.1 router1.teamviewer.com TeamViewer block false false")
	s.Set(gatedPolicy(t, "TeamViewer", "Adobe Connect"))
	from(t, "127.0.0.2", "udp", addr, ask("www.adobeconnect.com.", dns.TypeA))
	next("observed elsewhere", "127.0.0.2 www.adobeconnect.com Adobe Connect observe false false")
	over(t, "udp", addr, ask("router1.teamviewer.com.", dns.TypeA)) // told as not refused already
	if len(seen) != 0 {
		t.Errorf("too much is told: %+v", <-seen)
	}
}

func TestSeenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bench(t, gatedZone())
		defer settle(s)
		s.o.Seen = func(ToolSeen) {}
		s.Set(gatedPolicy(t))
		for _, c := range []struct {
			after time.Duration
			told  int
		}{{0, 1}, {59 * time.Second, 1}, {time.Second, 2}, {time.Second, 2}, {time.Hour, 3}} {
			time.Sleep(c.after)
			put(t, s, ask("router1.teamviewer.com.", dns.TypeA))
			if got := len(s.seen.told); got != c.told {
				t.Errorf("after %v: told %d times, want %d", c.after, got, c.told)
			}
		}
		// A window's own use is marked.
		s.Set(gatedPolicy(t))
		p := gatedPolicy(t)
		p.Granted = map[netip.Addr][]string{netip.MustParseAddr("192.168.10.20"): {"TeamViewer"}}
		s.Set(p)
		put(t, s, ask("router1.teamviewer.com.", dns.TypeA))
		for range 3 {
			<-s.seen.told
		}
		if x := <-s.seen.told; !x.Granted || x.Refused || x.Class != tools.Block {
			t.Errorf("%+v", x)
		}
	})
}

// Whoever makes sightings without end gets no memory for it, and holds up
// nobody; the next minute is seen again.
func TestSeenBounds(t *testing.T) {
	w := newSightings()
	key := func(i int) seenKey {
		return seenKey{client: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}
	}
	for i := range 3 * maxSeen {
		if news, full := w.isNews(key(i), time.Second); news != (i < maxSeen) || full == news || len(w.last) > maxSeen {
			t.Fatalf("%d: %v, %v, %d remembered", i, news, full, len(w.last))
		}
	}
	if news, _ := w.isNews(key(3*maxSeen), time.Second+seenPause); !news || len(w.last) != 1 {
		t.Errorf("%d remembered a minute later", len(w.last))
	}

	// Seen hangs, then panics: questions are answered all the same.
	hang, calls := make(chan struct{}), 0
	var mu sync.Mutex
	p := gatedPolicy(t)
	s, addr := startWith(t, Options{Upstream: gatedZone().serve(t), Seen: func(ToolSeen) {
		<-hang
		mu.Lock()
		defer mu.Unlock()
		calls++
		panic("a fault of theirs")
	}}, p)
	for _, tool := range p.Tools.Tools() {
		for _, d := range tool.Domains {
			over(t, "udp", addr, ask(d.Name+".", dns.TypeMX))
			from(t, "127.0.0.2", "udp", addr, ask(d.Name+".", dns.TypeMX))
		}
	}
	close(hang)
	waitFor(t, func() bool { mu.Lock(); defer mu.Unlock(); return calls > 0 && len(s.seen.told) == 0 })
	if st := s.Stats(); st.Panics == 0 || st.Panics != uint64(calls) || st.Untold == 0 {
		t.Errorf("%+v after %d calls", st, calls)
	}
	if m := over(t, "udp", addr, ask("www.example.", dns.TypeTXT)); len(m.Answer) != 1 {
		t.Errorf("%v", m)
	}
}

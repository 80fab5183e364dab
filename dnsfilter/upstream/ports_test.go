package upstream

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// An ear is a server that notes where its questions come from.
type ear struct {
	conn   *net.UDPConn
	answer func(e *ear, q *dns.Msg, from net.Addr)

	mu    sync.Mutex
	ports []int       // of questions, in order
	open  map[int]int // questions without an answer, by port
	most  int         // that were open on one port
	ids   map[uint16]bool
}

func listen(t testing.TB, answer func(e *ear, q *dns.Msg, from net.Addr)) (*ear, *Client) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	e := &ear{conn: conn, answer: answer, open: map[int]int{}, ids: map[uint16]bool{}}
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			q := new(dns.Msg)
			if q.Unpack(buf[:n]) != nil {
				continue
			}
			e.mu.Lock()
			e.ports = append(e.ports, from.Port)
			e.ids[q.Id] = true
			e.open[from.Port]++
			e.most = max(e.most, e.open[from.Port])
			e.mu.Unlock()
			e.answer(e, q, from)
		}
	}()
	c, err := New(Options{Servers: []Server{{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}}, MixCase: true, Cookies: true})
	if err != nil {
		t.Fatal(err)
	}
	return e, c
}

func (e *ear) reply(q *dns.Msg, from net.Addr) {
	e.mu.Lock()
	e.open[from.(*net.UDPAddr).Port]--
	e.mu.Unlock()
	e.conn.WriteTo(pack(good(q)), from)
}

// used returns how often each port was.
func (e *ear) used() map[int]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := map[int]int{}
	for _, p := range e.ports {
		n[p]++
	}
	return n
}

func askFor(t testing.TB, c *Client, name string) {
	t.Helper()
	if m, err := c.Exchange(context.Background(), Question{Name: name, Type: dns.TypeA}); err != nil || len(m.Answer) != 1 {
		t.Errorf("%v, %v", m, err)
	}
}

const guardedName, shortName = "some-name-with-letters.example.", "12345.67.jp."

// A port serves few questions and one at a time, which of those open is drawn,
// and until many are asked each question has its own.
func TestPortsServeFew(t *testing.T) {
	e, c := listen(t, (*ear).reply)
	for range portsOpen {
		askFor(t, c, guardedName)
	}
	if n := len(e.used()); n != portsOpen {
		t.Errorf("%d ports for the first %d questions", n, portsOpen)
	}
	const more = 2000
	for range more {
		askFor(t, c, guardedName)
	}
	used := e.used()
	often := 0
	for _, n := range used {
		if n > portUses {
			often++
		}
	}
	if often > 5 { // of some 150 sockets now and then two are given the same number by the kernel
		t.Errorf("%d ports were used more than %d times", often, portUses)
	}
	row := 0
	for i := 1; i < len(e.ports); i++ {
		if e.ports[i] == e.ports[i-1] {
			row++
		}
	}
	if len(used) < more/portUses || len(used) > more*3/4 || row > more/portsOpen*2 || len(e.ids) < more*9/10 {
		t.Errorf("%d ports, %d ids, %d times the same port again for %d questions", len(used), len(e.ids), row, more)
	}
	// Nothing is left open for long.
	p := &c.peers[0].via.(*datagrams).ports
	for range 50 {
		p.mu.Lock()
		n := len(p.idle)
		p.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(portAge / 10)
	}
	t.Error("ports stay open")
}

// With many questions at once none shares its port.
func TestPortsAreAlone(t *testing.T) {
	e, c := listen(t, func(e *ear, q *dns.Msg, from net.Addr) {
		time.AfterFunc(5*time.Millisecond, func() { e.reply(q, from) })
	})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				askFor(t, c, guardedName)
			}
		})
	}
	all.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.most != 1 {
		t.Errorf("%d questions open on one port", e.most)
	}
}

// What does not show more than the port did gets a new one each time, and so
// does everything where strange datagrams arrive or answers are late.
func TestPortsAreNew(t *testing.T) {
	for _, c := range []struct {
		what, name string
		answer     func(e *ear, q *dns.Msg, from net.Addr)
	}{
		{"a name with few letters", shortName, (*ear).reply},
		{"a probe before the answer", guardedName, func(e *ear, q *dns.Msg, from net.Addr) {
			probe := good(q)
			probe.Id++
			e.conn.WriteTo(pack(probe), from)
			e.reply(q, from)
		}},
		{"letter case that is lost", guardedName, func(e *ear, q *dns.Msg, from net.Addr) {
			q.Question[0].Name = strings.ToLower(q.Question[0].Name)
			e.reply(q, from)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			e, client := listen(t, c.answer)
			if c.what == "letter case that is lost" { // as asking over TCP would find
				client.peers[0].via.(*datagrams).folds.Store(true)
			}
			for range 3 * portsOpen {
				askFor(t, client, c.name)
			}
			if n := len(e.used()); n < 3*portsOpen-3 { // the kernel may draw one twice
				t.Errorf("%d ports for %d questions", n, 3*portsOpen)
			}
		})
	}
	// One that was hit while nobody asked goes after the next question.
	e, c := listen(t, (*ear).reply)
	for range portsOpen + 1 {
		askFor(t, c, guardedName)
	}
	e.mu.Lock()
	ports := e.ports
	e.ports = nil
	e.mu.Unlock()
	for _, p := range ports {
		e.conn.WriteTo([]byte("probe for an open port"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p})
	}
	for range 3 * portsOpen {
		askFor(t, c, guardedName)
	}
	for port, n := range e.used() {
		for _, p := range ports {
			if p == port && n > 1 {
				t.Errorf("port %d was used %d times after a probe", port, n)
			}
		}
	}
}

// A server that is known to send a cookie guards short names, too; one that
// stopped is asked over TCP, and its ports are new again.
func TestPortsAndCookies(t *testing.T) {
	var without atomic.Bool
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		k := cookieOf(q)
		if without.Load() || tcp {
			return one(good(q))
		}
		return one(withCookie(q, k[:min(len(k), clientCookie)]+serverCookie))
	})
	c := cookieClient(t, f)
	d := c.peers[0].via.(*datagrams)
	for range 2 * portsOpen {
		askFor(t, c, shortName)
	}
	if !d.guarded(shortName, true) || d.guarded(shortName, false) {
		t.Error("a cookie does not count, or counts where none is sent")
	}
	without.Store(true)
	askFor(t, c, shortName)
	if d.guarded(shortName, true) || f.tcp.Load() != 1 {
		t.Errorf("%d times over TCP", f.tcp.Load())
	}
}

// Each server has its own cookies and its own letter case, over all changes
// from one to the other.
func TestGuardsOverFailover(t *testing.T) {
	type half struct {
		f     *fake
		dead  atomic.Bool
		mu    sync.Mutex
		seen  map[string]int // cookies
		mixed int
	}
	give := []string{"1111111111111111", "2222222222222222"}
	var halves [2]half
	for i := range halves {
		h := &halves[i]
		h.seen = map[string]int{}
		h.f = serve(t, func(q *dns.Msg, tcp bool) [][]byte {
			k, n := cookieOf(q), q.Question[0].Name
			h.mu.Lock()
			h.seen[k]++
			if n != strings.ToLower(n) {
				h.mixed++
			}
			h.mu.Unlock()
			if h.dead.Load() {
				return nil
			}
			return one(withCookie(q, k[:min(len(k), clientCookie)]+give[i]))
		})
	}
	c, err := New(Options{Servers: []Server{{Addr: halves[0].f.addr}, {Addr: halves[1].f.addr}}, MixCase: true, Cookies: true})
	if err != nil {
		t.Fatal(err)
	}
	for turn := range 4 {
		halves[turn%2].dead.Store(true)
		halves[1-turn%2].dead.Store(false)
		for range 8 {
			askFor(t, c, guardedName)
		}
	}
	mine := map[string]int{} // which server a client cookie went to
	for i := range halves {
		h := &halves[i]
		h.mu.Lock()
		for k := range h.seen {
			if k == "" { // the plain form, for a server that says nothing
				continue
			}
			if was, ok := mine[k[:clientCookie]]; ok && was != i {
				t.Errorf("cookie %s went to both", k)
			}
			mine[k[:clientCookie]] = i
			if rest := k[clientCookie:]; rest != "" && rest != give[i] {
				t.Errorf("server %d got %s, which is another's", i, k)
			}
		}
		if h.seen[""] == len(h.seen) || h.mixed == 0 {
			t.Errorf("server %d: %v, %d mixed", i, h.seen, h.mixed)
		}
		h.mu.Unlock()
	}
	if len(mine) != 2 {
		t.Errorf("client cookies: %v", mine)
	}
}

func TestLetters(t *testing.T) {
	for name, want := range map[string]int{"": 0, "12345.67.jp.": 2, "WWW.Example.": 10, "a-@[`{z.": 2} {
		if n := letters(name); n != want {
			t.Errorf("%s: %d", name, n)
		}
	}
}

package upstream

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

func cookieClient(t testing.TB, f *fake) *Client {
	t.Helper()
	c, err := New(Options{Servers: []Server{{Addr: f.addr}}, MixCase: true, Cookies: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withCookie is the proper answer to q, with this cookie.
func withCookie(q *dns.Msg, cookie string) *dns.Msg {
	m := good(q)
	if opt := m.IsEdns0(); opt != nil && cookie != "" {
		opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
	}
	return m
}

const serverCookie = "0123456789abcdef"

// A server that gives cookies gets its own back, and what comes without is
// asked for over TCP.
func TestCookies(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	var strip atomic.Bool
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		k := cookieOf(q)
		mu.Lock()
		defer mu.Unlock()
		if tcp || strip.Load() {
			return one(good(q))
		}
		seen = append(seen, k)
		forged := withCookie(q, "ffffffffffffffff"+serverCookie)
		forged.Answer[0].(*dns.A).A = net.IPv4(203, 0, 113, 66)
		return [][]byte{pack(forged), pack(withCookie(q, k[:min(len(k), clientCookie)]+serverCookie))}
	})
	c := cookieClient(t, f)
	for range 3 {
		mustAnswer(t, c)
	}
	mu.Lock()
	if len(seen) != 3 || len(seen[0]) != clientCookie || seen[1] != seen[0]+serverCookie || seen[2] != seen[1] {
		t.Errorf("cookies sent: %q", seen)
	}
	mu.Unlock()
	if n := f.tcp.Load(); n != 0 {
		t.Errorf("%d times over TCP", n)
	}
	// All at once without: asked where nobody can forge, then taken as it is.
	strip.Store(true)
	for range 3 {
		mustAnswer(t, c)
	}
	if n := f.tcp.Load(); n != 1 {
		t.Errorf("%d times over TCP", n)
	}
}

// A server that wants a cookie first gets it.
func TestBadCookie(t *testing.T) {
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		k := cookieOf(q)
		if !strings.HasSuffix(k, serverCookie) {
			m := withCookie(q, k+serverCookie)
			m.Answer = nil
			m.Rcode = dns.RcodeBadCookie
			return one(m)
		}
		return one(withCookie(q, k))
	})
	c := cookieClient(t, f)
	mustAnswer(t, c)
	mustAnswer(t, c)
	if u, n := f.udp.Load(), f.tcp.Load(); u != 3 || n != 0 {
		t.Errorf("%d questions over UDP, %d over TCP", u, n)
	}
	// One that is never content is asked over TCP.
	never := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		m := withCookie(q, cookieOf(q))
		if !tcp {
			m.Rcode = dns.RcodeBadCookie
		}
		return one(m)
	})
	mustAnswer(t, cookieClient(t, never))
}

// Something on the way may drop what it does not know. A question gets through
// all the same, and after some of them the plain form is the rule.
func TestPlainFallback(t *testing.T) {
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		if n := q.Question[0].Name; cookieOf(q) != "" || n != strings.ToLower(n) {
			return nil
		}
		return one(good(q))
	})
	c := cookieClient(t, f)
	for range maxDeaf {
		mustAnswer(t, c)
	}
	before := f.udp.Load()
	mustAnswer(t, c)
	if n := f.udp.Load() - before; before != maxDeaf*(plainFrom+1) || n != 1 {
		t.Errorf("%d tries for %d questions, then %d for one", before, maxDeaf, n)
	}
}

// No port is used twice in a row, and no id.
func TestPortsAndIDs(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ports, ids := map[uint16]bool{}, map[uint16]bool{}
	var mu sync.Mutex
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			var q dns.Msg
			if q.Unpack(buf[:n]) != nil {
				continue
			}
			mu.Lock()
			ports[from.Port()], ids[q.Id] = true, true
			mu.Unlock()
			conn.WriteToUDPAddrPort(pack(good(&q)), from)
		}
	}()
	c, err := New(Options{Servers: []Server{{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		mustAnswer(t, c)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ports) < 90 || len(ids) < 95 {
		t.Errorf("%d ports, %d ids for 100 questions", len(ports), len(ids))
	}
}

// Truncated answers of one server share a TCP connection.
func TestTCPIsKept(t *testing.T) {
	h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := good(q)
		if w.RemoteAddr().Network() == "udp" {
			m.Truncated, m.Answer = true, nil
		}
		w.WriteMsg(m)
	})
	f := serve(t, silent) // its port is free for both
	addr := f.addr
	var conns atomic.Int32
	f.close()
	pc, err := net.ListenPacket("udp4", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	udp := &dns.Server{PacketConn: pc, Handler: h}
	tcp := &dns.Server{Listener: l, Handler: h, DecorateReader: func(r dns.Reader) dns.Reader { conns.Add(1); return r }}
	go udp.ActivateAndServe()
	go tcp.ActivateAndServe()
	defer udp.Shutdown()
	defer tcp.Shutdown()
	c, err := New(Options{Servers: []Server{{Addr: addr}}, MixCase: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		mustAnswer(t, c)
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d TCP connections for ten answers", n)
	}
}

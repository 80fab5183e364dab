package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A fake is a resolver on loopback: UDP and TCP on one port, each message
// handed to answer, which returns what to send back, datagram by datagram.
type fake struct {
	addr     netip.AddrPort
	udp, tcp atomic.Int32
	answer   func(q *dns.Msg, tcp bool) [][]byte
	close    func()
}

func serve(t testing.TB, answer func(q *dns.Msg, tcp bool) [][]byte) *fake {
	t.Helper()
	var conn *net.UDPConn
	var l net.Listener
	for try := 0; conn == nil; try++ { // until a port is free for both
		var err error
		if l, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: l.Addr().(*net.TCPAddr).Port}); err != nil && try > 20 {
			t.Fatal(err)
		}
	}
	f := &fake{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), answer: answer}
	f.close = func() { conn.Close(); l.Close() }
	t.Cleanup(f.close)
	go func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			f.udp.Add(1)
			var q dns.Msg
			if q.Unpack(buf[:n]) == nil {
				for _, b := range answer(&q, false) {
					conn.WriteToUDPAddrPort(b, from)
				}
			}
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.tcp.Add(1)
			go func() {
				defer c.Close()
				co := &dns.Conn{Conn: c}
				q, err := co.ReadMsg()
				if err != nil {
					return
				}
				for _, b := range answer(q, true) {
					c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
				}
			}()
		}
	}()
	return f
}

// good is a proper answer to q.
func good(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	rr, _ := dns.NewRR(q.Question[0].Name + " 300 IN A 192.0.2.7")
	m.Answer = append(m.Answer, rr)
	if q.IsEdns0() != nil {
		m.SetEdns0(1232, false)
	}
	return m
}

func pack(m *dns.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func one(m *dns.Msg) [][]byte { return [][]byte{pack(m)} }

func client(t testing.TB, mix bool, servers ...*fake) *Client {
	t.Helper()
	o := Options{MixCase: mix}
	for _, f := range servers {
		o.Servers = append(o.Servers, Server{Addr: f.addr})
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var question = Question{Name: "www.some-name.example.", Type: dns.TypeA, DO: true}

func mustAnswer(t testing.TB, c *Client) *dns.Msg {
	t.Helper()
	m, err := c.Exchange(context.Background(), question)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) != 1 || m.Answer[0].Header().Name != question.Name || m.Answer[0].(*dns.A).A.String() != "192.0.2.7" {
		t.Fatalf("answer: %v", m)
	}
	return m
}

func TestExchange(t *testing.T) {
	var saw atomic.Pointer[dns.Msg]
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte { saw.Store(q); return one(good(q)) })
	c := client(t, false, f)
	mustAnswer(t, c)
	q := saw.Load()
	opt := q.IsEdns0()
	if !q.RecursionDesired || q.CheckingDisabled || opt == nil || !opt.Do() || opt.UDPSize() != 1232 || len(opt.Option) != 0 {
		t.Errorf("asked %v", q)
	}
	s := c.Servers()[0]
	if !s.OK || !c.OK() || s.Latency == 0 || s.Asked != 1 || s.Failed != 0 {
		t.Errorf("state %+v", s)
	}
}

// What does not fit the question is passed over; the answer behind it counts.
func TestHostileAnswers(t *testing.T) {
	for what, spoil := range map[string]func(m *dns.Msg) []byte{
		"wrong id":       func(m *dns.Msg) []byte { m.Id++; return pack(m) },
		"wrong name":     func(m *dns.Msg) []byte { m.Question[0].Name = "www.evil-name.example."; return pack(m) },
		"wrong type":     func(m *dns.Msg) []byte { m.Question[0].Qtype = dns.TypeAAAA; return pack(m) },
		"wrong class":    func(m *dns.Msg) []byte { m.Question[0].Qclass = dns.ClassCHAOS; return pack(m) },
		"no question":    func(m *dns.Msg) []byte { m.Question = nil; return pack(m) },
		"two questions":  func(m *dns.Msg) []byte { m.Question = append(m.Question, m.Question[0]); return pack(m) },
		"a question":     func(m *dns.Msg) []byte { m.Response = false; return pack(m) },
		"another opcode": func(m *dns.Msg) []byte { m.Opcode = dns.OpcodeNotify; return pack(m) },
		"garbage":        func(m *dns.Msg) []byte { return []byte("\x00\x01garbage that is long enough to be a message") },
		"empty":          func(m *dns.Msg) []byte { return nil },
		"header only":    func(m *dns.Msg) []byte { return pack(m)[:12] },
	} {
		t.Run(what, func(t *testing.T) {
			f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
				bad := good(q)
				bad.Answer[0].(*dns.A).A = net.IPv4(203, 0, 113, 66)
				return [][]byte{spoil(bad), pack(good(q))}
			})
			mustAnswer(t, client(t, false, f))
			if f.tcp.Load() != 0 {
				t.Error("asked over TCP for one stray datagram")
			}
		})
	}
}

// An answer that fits but cannot be read is asked for over TCP; so is a cut
// one, and one without the letter case we sent.
func TestOverTCP(t *testing.T) {
	for what, spoil := range map[string]func(m *dns.Msg) []byte{
		"broken":       func(m *dns.Msg) []byte { b := pack(m); return b[:len(b)-14] },
		"truncated":    func(m *dns.Msg) []byte { m.Truncated, m.Answer = true, nil; return pack(m) },
		"folded":       func(m *dns.Msg) []byte { m.Question[0].Name = strings.ToLower(m.Question[0].Name); return pack(m) },
		"overlong UDP": func(m *dns.Msg) []byte { return append(pack(m), make([]byte, 5000)...) },
	} {
		t.Run(what, func(t *testing.T) {
			f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
				if tcp {
					return one(good(q))
				}
				return [][]byte{spoil(good(q))}
			})
			mustAnswer(t, client(t, what == "folded", f))
			if f.tcp.Load() != 1 {
				t.Error("not asked over TCP")
			}
		})
	}
}

// A flood of forged answers makes us ask where the forger is blind.
func TestForgery(t *testing.T) {
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		if tcp {
			return one(good(q))
		}
		var flood [][]byte
		for range maxStrange {
			bad := good(q)
			bad.Id++
			flood = append(flood, pack(bad))
		}
		return flood
	})
	mustAnswer(t, client(t, false, f))
}

// Nobody but the server asked is heard, even with id and port right.
func TestOtherSender(t *testing.T) {
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skip("no second loopback address:", err)
	}
	defer other.Close()
	var c *Client
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		buf := make([]byte, 512)
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		var q dns.Msg
		if q.Unpack(buf[:n]) != nil {
			return
		}
		bad := good(&q)
		bad.Answer[0].(*dns.A).A = net.IPv4(203, 0, 113, 66)
		other.WriteToUDPAddrPort(pack(bad), from)
		time.Sleep(50 * time.Millisecond)
		conn.WriteToUDPAddrPort(pack(good(&q)), from)
	}()
	if c, err = New(Options{Servers: []Server{{Addr: conn.LocalAddr().(*net.UDPAddr).AddrPort()}}}); err != nil {
		t.Fatal(err)
	}
	mustAnswer(t, c)
}

func silent(*dns.Msg, bool) [][]byte { return nil }

func code(rcode int) func(*dns.Msg, bool) [][]byte {
	return func(q *dns.Msg, tcp bool) [][]byte {
		m := new(dns.Msg)
		m.SetRcode(q, rcode)
		return one(m)
	}
}

// A dead, refusing or failing server costs less than a second, and the next
// question does not wait for it at all.
func TestFailover(t *testing.T) {
	for what, bad := range map[string]func(*dns.Msg, bool) [][]byte{
		"silent": silent, "SERVFAIL": code(dns.RcodeServerFailure), "REFUSED": code(dns.RcodeRefused),
	} {
		t.Run(what, func(t *testing.T) {
			a, b := serve(t, bad), serve(t, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
			c := client(t, false, a, b)
			began := time.Now()
			mustAnswer(t, c)
			if took := time.Since(began); took > time.Second {
				t.Errorf("fail-over took %v", took)
			}
			if what != "silent" {
				return
			}
			began = time.Now()
			mustAnswer(t, c)
			if took := time.Since(began); took > 150*time.Millisecond {
				t.Errorf("the second question took %v", took)
			}
			if s := c.Servers(); s[0].Failed != 1 || s[1].Failed != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// An answer that comes late, after the next server was asked, still counts.
func TestSlowServerIsHeard(t *testing.T) {
	slow := func(q *dns.Msg, tcp bool) [][]byte { time.Sleep(900 * time.Millisecond); return one(good(q)) }
	c := client(t, false, serve(t, slow), serve(t, silent))
	began := time.Now()
	mustAnswer(t, c)
	if took := time.Since(began); took > 1500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func TestNobodyAnswers(t *testing.T) {
	c := client(t, false, serve(t, silent), serve(t, silent))
	for range 3 {
		began := time.Now()
		_, err := c.Exchange(context.Background(), question)
		if took := time.Since(began); !errors.Is(err, ErrNoAnswer) || took > 3*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	}
	if c.OK() {
		t.Error("all servers are dead and all is well")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.Exchange(ctx, question); err == nil || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// The code of a server that cannot is passed on when nobody else can.
func TestOnlyFailures(t *testing.T) {
	c := client(t, false, serve(t, code(dns.RcodeServerFailure)), serve(t, code(dns.RcodeRefused)))
	m, err := c.Exchange(context.Background(), question)
	if err != nil || m.Rcode == dns.RcodeSuccess {
		t.Errorf("%v, %v", m, err)
	}
	if !c.OK() {
		t.Error("servers that answer count as dead")
	}
}

func TestWithoutEDNS(t *testing.T) {
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		if q.IsEdns0() != nil {
			return code(dns.RcodeFormatError)(q, tcp)
		}
		return one(good(q))
	})
	mustAnswer(t, client(t, false, f))
}

// Letters come in random case with MixCase, and answers are told with the name
// as it was asked. A server shown to fold case is asked plainly from then on.
func TestMixCase(t *testing.T) {
	var mu sync.Mutex
	names, ids := map[string]bool{}, map[uint16]bool{}
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		names[q.Question[0].Name], ids[q.Id] = true, true
		return one(good(q))
	})
	c := client(t, true, f)
	for range 16 {
		mustAnswer(t, c)
	}
	mu.Lock()
	if len(names) < 8 || len(ids) < 15 || f.tcp.Load() != 0 {
		t.Errorf("%d spellings, %d ids, %d over TCP", len(names), len(ids), f.tcp.Load())
	}
	mu.Unlock()
	folds := serve(t, func(q *dns.Msg, tcp bool) [][]byte {
		m := good(q)
		m.Question[0].Name = strings.ToLower(m.Question[0].Name)
		return one(m)
	})
	c = client(t, true, folds)
	for range 4 {
		mustAnswer(t, c)
	}
	if n := folds.tcp.Load(); n != 1 {
		t.Errorf("%d times over TCP", n)
	}
}

func TestMany(t *testing.T) {
	f := serve(t, func(q *dns.Msg, tcp bool) [][]byte { return one(good(q)) })
	c := client(t, true, f, serve(t, silent))
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			q := Question{Name: fmt.Sprintf("n%d.example.", i), Type: dns.TypeA}
			if m, err := c.Exchange(context.Background(), q); err != nil || m.Question[0].Name != q.Name {
				t.Errorf("%v %v", m, err)
			}
		})
	}
	wg.Wait()
}

func TestNew(t *testing.T) {
	at := netip.MustParseAddrPort
	for _, servers := range [][]Server{nil, {{}}, {{Addr: at("0.0.0.0:53")}}, {{Addr: at("192.0.2.1:0")}}, make([]Server, MaxServers+1),
		{{Proto: HTTPS, Addr: at("192.0.2.1:443")}}} {
		if _, err := New(Options{Servers: servers}); err == nil {
			t.Errorf("%v is taken", servers)
		}
	}
}

// What cannot be sent is given up at once, and is no server's fault.
func TestUnsendable(t *testing.T) {
	c := client(t, false, serve(t, silent), serve(t, silent))
	began := time.Now()
	_, err := c.Exchange(context.Background(), Question{Name: strings.Repeat("a", 64) + ".example.", Type: dns.TypeA})
	if err == nil || time.Since(began) > 500*time.Millisecond || c.Servers()[0].Failed != 0 {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

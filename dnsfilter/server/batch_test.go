package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/querylog"
)

// numbers is more than a batch, and not a multiple.
const numbers = 2*batchSize + 5

func numberedName(id int) string { return fmt.Sprintf("n%d.ads.example", id) }

// batched is a server of udp that refuses the numbered names, or asks outside
// for them.
func batched(t *testing.T, udp net.PacketConn, outside bool) *Server {
	t.Helper()
	r := newResolver()
	s, err := New(Options{UDP: []net.PacketConn{udp}, Upstream: r})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for id := range numbers {
		name := numberedName(id)
		if outside {
			r.set(name+".", name+". 60 IN A 203.0.113.1")
		} else {
			names = append(names, name)
		}
	}
	s.Set(bench(t, newResolver(), names...).policy.Load())
	return s
}

// serving runs s until the returned function is called.
func serving(t *testing.T, s *Server) (stopped func()) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	return func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Each of many questions that come at once gets its own answer, from the
// address it was sent to, by a socket of one address and of all, IPv4 and IPv6,
// whether it is known at once or comes from outside.
func TestBatches(t *testing.T) {
	for n, c := range slices.Repeat([]struct{ network, listen, to string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1"}, {"udp4", "0.0.0.0:0", "127.0.0.7"},
		{"udp6", "[::1]:0", "::1"}, {"udp", "[::]:0", "127.0.0.7"}, {"udp", "[::]:0", "::1"},
	}, 2) {
		outside := n%2 == 1
		t.Run(fmt.Sprint(c.listen, " ", c.to, " outside ", outside), func(t *testing.T) {
			udp, err := net.ListenPacket(c.network, c.listen)
			if err != nil {
				t.Skip(err)
			}
			defer udp.Close()
			udp.(*net.UDPConn).SetReadBuffer(1 << 20)
			s := batched(t, udp, outside)
			port := udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
			conns := make([]*net.UDPConn, 3)
			for i := range conns { // connected: an answer from elsewhere does not arrive
				conns[i], err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.to), port)))
				if err != nil {
					t.Skip(err)
				}
				defer conns[i].Close()
			}
			for id := range numbers { // before anybody reads: they wait together
				if id%10 == 9 {
					conns[0].Write([]byte("nonsense")) // not answered, and no answer goes astray for it
				}
				for _, conn := range conns {
					conn.Write(numbered(t, id))
				}
			}
			defer serving(t, s)()
			for i, conn := range conns {
				got := map[uint16]bool{}
				buf := make([]byte, 1500)
				conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				for len(got) < numbers {
					n, err := conn.Read(buf)
					if err != nil {
						t.Fatalf("client %d: %d answers, then %v", i, len(got), err)
					}
					var m dns.Msg
					if err := m.Unpack(buf[:n]); err != nil {
						t.Fatal(err)
					}
					if got[m.Id] || len(m.Answer) != 1 || m.Answer[0].Header().Name != numberedName(int(m.Id))+"." {
						t.Fatalf("%d: %v", m.Id, &m)
					}
					got[m.Id] = true
				}
			}
		})
	}
}

func numbered(t *testing.T, id int) []byte {
	m := ask(numberedName(id)+".", dns.TypeA)
	m.Id = uint16(id)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is queued when Run stops is answered by the next Run, as after a
// restart with sockets from the service manager.
func TestNothingQueuedIsLost(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	s := batched(t, udp, false)
	stop := serving(t, s)
	conn, err := net.Dial("udp4", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stop()
	for id := range numbers {
		conn.Write(numbered(t, id))
	}
	defer serving(t, s)()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 1500)
	for id := range numbers {
		if k, err := conn.Read(buf); err != nil || int(binary.BigEndian.Uint16(buf)) != id {
			t.Fatalf("answer %d: %v %x", id, err, buf[:k])
		}
	}
}

// An answer longer than a batch has room for goes out whole, or cut and marked.
func TestBatchedLongAnswer(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	s := batched(t, udp, false)
	defer serving(t, s)()
	r := newResolver()
	var texts []string
	for i := range 60 {
		texts = append(texts, fmt.Sprintf("long.example. 300 IN TXT \"%060d\"", i))
	}
	r.set("long.example.", texts...)
	s.SetUpstream(r)
	for range 2 { // from outside, then from memory
		m := ask("long.example.", dns.TypeTXT)
		m.Extra = nil
		m.SetEdns0(4096, false)
		in, _, err := new(dns.Client).Exchange(m, udp.LocalAddr().String())
		if err != nil || !in.Truncated || len(in.Answer) != 0 {
			t.Fatal(in, err)
		}
	}
}

// The whole way of a question, from the socket through the filter and the
// query log and back, allocates nothing: neither for an answer from memory nor
// for a refusal.
func TestAllocationsOverUDP(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	log, err := querylog.Open(querylog.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s := batched(t, udp, false)
	s.o.Log = log
	r := newResolver()
	r.set("www.example.", "www.example. 3600 IN A 203.0.113.1")
	s.SetUpstream(r)
	defer serving(t, s)()
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: udp.LocalAddr().(*net.UDPAddr).Port})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	buf := make([]byte, 1500)
	for _, name := range []string{"www.example.", numberedName(3) + "."} {
		m := ask(name, dns.TypeA)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		once := func() {
			conn.Write(b)
			if n, err := conn.Read(buf); err != nil || n < headerSize || binary.BigEndian.Uint16(buf[6:]) != 1 {
				t.Fatal(name, n, err)
			}
		}
		for range 20 { // what is made once is made
			once()
		}
		// What else goes on in this program may allocate now and then; a
		// question that does would do so each time.
		if n := testing.AllocsPerRun(500, once); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
)

// Exchange makes the authority an Upstream without a network.
func (a *authority) Exchange(_ context.Context, q upstream.Question) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(q.Name, q.Type)
	m.SetEdns0(1232, q.DO)
	m.CheckingDisabled = q.CD
	packed, err := a.reply(m).Pack()
	if err != nil {
		return nil, err
	}
	var out dns.Msg
	return &out, out.Unpack(packed)
}

func (a *authority) OK() bool { return true }

// The server, which reads packets by hand and writes answers by copying, says
// to every packet what an oracle built on package dns alone says: at once, from
// the outside, from memory, over UDP and over TCP.
func FuzzDifferential(f *testing.F) {
	for _, c := range corpus(f) {
		if c.strange() {
			continue
		}
		f.Add(c.packet)
	}
	for _, pkt := range oddPackets() {
		f.Add(pkt)
	}
	out := outside(f)
	s := bench(f, out, "ads.corpus.example")
	sink := nowhere(f, s)
	o := &oracle{p: s.policy.Load(), out: out, client: netip.MustParseAddr("192.168.10.20")}
	f.Fuzz(func(t *testing.T, pkt []byte) {
		if len(pkt) > maxQuery {
			return
		}
		if name, _, err := dns.UnpackDomainName(pkt, 12); err == nil && (corpusCase{line: name}).strange() {
			return
		}
		for range 2 { // the second time from memory
			agreed(t, o.ask(t, pkt, true), pkt, overTCP(s, pkt))
			if b, now := overUDP(s, sink, pkt); now {
				agreed(t, o.ask(t, pkt, false), pkt, b)
			}
		}
	})
}

// strange says that the oracle has no idea of c: an upstream that does not
// answer as it should, or keys that are taken out.
func (c corpusCase) strange() bool {
	m := new(dns.Msg).SetQuestion(firstWord(c.line), dns.TypeA)
	return (&authority{}).strange(m) || firstWord(c.line) == "ech.corpus.example."
}

func firstWord(line string) string {
	for i, c := range line {
		if c == ' ' {
			return lower(line[:i])
		}
	}
	return lower(line)
}

// overTCP asks s and waits for the answer; nil if there is none.
func overTCP(s *Server, pkt []byte) []byte {
	c := &tcpConn{out: make(chan []byte, 1)}
	var q question
	s.handle(nil, pkt, &q, &asker{addr: netip.MustParseAddrPort("192.168.10.20:5353"), conn: c})
	return <-c.out
}

// overUDP asks s as a datagram; now is false if the answer comes later, to
// nobody.
func overUDP(s *Server, sink *udpSocket, pkt []byte) (b []byte, now bool) {
	var q question
	a := &asker{addr: netip.MustParseAddrPort("192.168.10.20:5353"), sock: sink}
	b, later := s.reply(make([]byte, 0, ednsSize+16), pkt, &q, a)
	return bytes.Clone(b), !later
}

// nowhere is a socket that sends to nobody: it is on loopback, the asker is
// not.
func nowhere(t testing.TB, s *Server) *udpSocket {
	t.Helper()
	udp, tcp, err := Listen(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), 1)
	if err != nil {
		t.Fatal(err)
	}
	tcp[0].Close()
	t.Cleanup(func() { udp[0].Close() })
	sink, err := newUDPSocket(udp[0], &s.counters)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// What arrives in bursts at a socket, all kinds of packets in one, is answered
// as each would be alone: questions read together do not mix.
func TestBurstsAnsweredAlike(t *testing.T) {
	out := outside(t)
	s, addr := startWith(t, Options{Upstream: out}, policy(t, "ads.corpus.example"))
	o := &oracle{p: s.policy.Load(), out: out, client: netip.MustParseAddr("127.0.0.1")}
	var pkts [][]byte
	add := func(pkt []byte) {
		if len(pkt) < 2 || o.ask(t, pkt, false).silent {
			return
		}
		pkt = bytes.Clone(pkt)
		binary.BigEndian.PutUint16(pkt, uint16(len(pkts)))
		pkts = append(pkts, pkt)
	}
	for _, pkt := range oddPackets() {
		add(pkt)
	}
	for _, c := range corpus(t) {
		if !c.strange() {
			add(c.packet)
		}
	}
	rand.Shuffle(len(pkts), func(i, j int) {
		pkts[i], pkts[j] = pkts[j], pkts[i]
		binary.BigEndian.PutUint16(pkts[i], uint16(i))
		binary.BigEndian.PutUint16(pkts[j], uint16(j))
	})
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 65536)
	for at := 0; at < len(pkts); at += 64 {
		open := map[uint16][]byte{}
		for _, pkt := range pkts[at:min(at+64, len(pkts))] {
			open[binary.BigEndian.Uint16(pkt)] = pkt
		}
		for try := 0; len(open) > 0; try++ {
			if try == 4 { // a datagram may be lost on a busy machine, not four times
				t.Fatalf("%d packets are not answered: %x", len(open), open)
			}
			for _, pkt := range open {
				if _, err := conn.Write(pkt); err != nil {
					t.Fatal(err)
				}
			}
			conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			for len(open) > 0 {
				n, err := conn.Read(buf)
				if err != nil {
					break
				}
				if pkt := open[binary.BigEndian.Uint16(buf)]; pkt != nil {
					agreed(t, o.ask(t, pkt, false), pkt, bytes.Clone(buf[:n]))
					delete(open, binary.BigEndian.Uint16(buf))
				}
			}
		}
	}
	t.Logf("%d packets", len(pkts))
}

// agreed wants got to be what was said.
func agreed(t *testing.T, want prophecy, pkt, got []byte) {
	t.Helper()
	if want.silent {
		if got != nil {
			t.Fatalf("%x is answered with %x", pkt, got)
		}
		return
	}
	var m dns.Msg
	if err := m.Unpack(got); err != nil || !m.Response {
		t.Fatalf("the answer to %x is %x: %v", pkt, got, err)
	}
	if want.unknown {
		return
	}
	if d := compareAnswers(want.m, &m, time.Hour); len(d) > 0 {
		t.Fatalf("%x, %v:\n%+v\nwanted %v\ngot %v", pkt, want.m.Question, d, want.m, &m)
	}
}

// oddPackets are what no program sends.
func oddPackets() (all [][]byte) {
	plain, _ := new(dns.Msg).SetQuestion("www.corpus.example.", dns.TypeA).Pack()
	with := func(change func(b []byte) []byte) { all = append(all, change(bytes.Clone(plain))) }
	for n := range plain {
		with(func(b []byte) []byte { return b[:n] })
	}
	for at := 2; at < 12; at++ {
		for bit := range 8 {
			with(func(b []byte) []byte { b[at] ^= 1 << bit; return b })
		}
	}
	opt := []byte{0, 0, 41, 4, 208, 0, 0, 128, 0, 0, 0}
	for _, extra := range [][]byte{
		opt, append(bytes.Clone(opt), opt...), opt[:9], append([]byte{1, 'x'}, opt...), append([]byte{0xc0, 12}, opt[1:]...),
		{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 10, 0, 0}, {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 3, 0, 10, 0},
		{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 5, 0, 10, 0, 2, 1}, {0, 0, 41, 0, 0, 255, 7, 0, 0, 0, 0},
		{0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0}, {0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4},
	} {
		for count := range 4 {
			with(func(b []byte) []byte { b[11] = byte(count); return append(b, extra...) })
		}
	}
	with(func(b []byte) []byte { return append(b, "trailing"...) })
	with(func(b []byte) []byte { b[12] = 0xc0; return b })
	with(func(b []byte) []byte { b[12] = 0x40; return b })
	with(func(b []byte) []byte { b[16], b[17] = 0xc0, 12; return b })
	return all
}

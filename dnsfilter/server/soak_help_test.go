package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"monban/dnsfilter/upstream"
)

// everything knows every name, remembers nothing and is never late. What it
// says lives for seconds, so that a day's worth of endings fits into minutes.
type everything struct{}

func (everything) OK() bool { return true }

func (everything) Exchange(_ context.Context, q upstream.Question) (*dns.Msg, error) {
	m := new(dns.Msg).SetQuestion(q.Name, q.Type)
	m.Response, m.RecursionAvailable = true, true
	h := dns.RR_Header{Name: q.Name, Rrtype: q.Type, Class: dns.ClassINET, Ttl: 2 + uint32(len(q.Name)%5)}
	switch {
	case strings.HasPrefix(q.Name, "none"):
		m.Rcode = dns.RcodeNameError
		soa, err := dns.NewRR("mix.example. 3 IN SOA ns.mix.example. who.mix.example. 1 2 3 4 3")
		if err != nil {
			return nil, err
		}
		m.Ns = []dns.RR{soa}
	case strings.HasPrefix(q.Name, "fail"):
		m.Rcode = dns.RcodeServerFailure
	case q.Type == dns.TypeA:
		m.Answer = []dns.RR{&dns.A{Hdr: h, A: net.IPv4(203, 0, 113, 1)}}
	case q.Type == dns.TypeAAAA:
		m.Answer = []dns.RR{&dns.AAAA{Hdr: h, AAAA: net.ParseIP("2001:db8::1")}}
	default:
		m.Answer = []dns.RR{&dns.RFC3597{Hdr: h, Rdata: "0102ff"}}
	}
	return m, nil
}

// A mixer is one client of the soak: it keeps some questions of the mix on
// their way and checks what comes back.
type mixer struct {
	conn  *net.UDPConn
	rnd   *rand.Rand
	cold  uint64 // number of the last name nobody asked for before, of its own range
	kinds [window]byte
	ids   [window]uint16 // of the questions on their way
	open  int

	answered, lost, wrong int
	said                  string
}

const window = 64

func newMixer(t testing.TB, addr string, seed uint64) *mixer {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return &mixer{conn: conn.(*net.UDPConn), rnd: rand.New(rand.NewPCG(seed, 1)), cold: seed << 48}
}

// ask sends the question of slot: 70 of 100 are for a few hundred hot names, 20
// for refused ones, 10 for what nobody asked for before. A few are odd.
func (m *mixer) ask(slot int) error {
	kind, name, typ := byte('h'), "", uint16(dns.TypeA)
	switch n := m.rnd.IntN(1000); {
	case n < 700:
		name = "h" + strconv.Itoa(m.rnd.IntN(300)) + ".mix.example"
		if n < 150 {
			typ = dns.TypeAAAA
		}
	case n < 900:
		kind, name = 'b', "ads"+strconv.Itoa(m.rnd.IntN(soakListed))+".mix.example"
	case n < 985:
		m.cold++
		kind, name = 'c', "c"+strconv.FormatUint(m.cold, 36)+".mix.example"
	case n < 992:
		m.cold++
		kind, name = 'n', "none"+strconv.FormatUint(m.cold, 36)+".mix.example"
	case n < 994:
		m.cold++
		kind, name = 'f', "fail"+strconv.FormatUint(m.cold, 36)+".mix.example"
	case n < 997:
		kind, name = 'l', "monban.home.arpa"
	default:
		kind, name, typ = 'o', "h1.mix.example", 65280
	}
	m.kinds[slot] = kind
	b := make([]byte, headerSize, 96)
	m.ids[slot] = uint16(m.rnd.IntN(1<<16/window)*window + slot)
	binary.BigEndian.PutUint16(b, m.ids[slot])
	b[2], b[5] = 1, 1
	b = append(b, wireName(name)...)
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	if kind != 'b' && m.rnd.IntN(2) == 0 {
		b[11] = 1
		b = append(b, 0, 0, 41, 4, 208, 0, 0, byte(m.rnd.IntN(2))<<7, 0, 0, 0)
	}
	m.open++
	_, err := m.conn.Write(b)
	return err
}

// right says whether b is the answer to a question of that kind.
func right(kind byte, b []byte) bool {
	if len(b) < headerSize {
		return false
	}
	rcode, answers := b[3]&15, binary.BigEndian.Uint16(b[6:])
	switch kind {
	case 'b':
		return rcode == 0 && answers == 1 && string(b[len(b)-4:]) == "\x00\x00\x00\x00"
	case 'n':
		return rcode == dns.RcodeNameError && answers == 0
	case 'f':
		return rcode == dns.RcodeServerFailure
	}
	return rcode == 0 && answers >= 1
}

// run asks n questions and waits for their answers.
func (m *mixer) run(n int) error {
	sent := 0
	for slot := 0; slot < window && sent < n; slot++ {
		if err := m.ask(slot); err != nil {
			return err
		}
		sent++
	}
	buf := make([]byte, 4096)
	for m.open > 0 {
		m.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		size, err := m.conn.Read(buf)
		if err != nil { // as many as are still on their way are lost
			m.lost += m.open
			m.open = 0
			for slot := 0; slot < window && sent < n; slot++ {
				if err := m.ask(slot); err != nil {
					return err
				}
				sent++
			}
			continue
		}
		slot := int(buf[1]) % window
		if binary.BigEndian.Uint16(buf) != m.ids[slot] { // of one given up
			continue
		}
		m.open--
		m.answered++
		if !right(m.kinds[slot], buf[:size]) {
			m.wrong++
			m.said = fmt.Sprintf("%c: %x", m.kinds[slot], buf[:size])
		}
		if sent < n {
			if err := m.ask(slot); err != nil {
				return err
			}
			sent++
		}
	}
	return nil
}

// A weight is what the process takes at one moment.
type weight struct {
	heap, rss       float64 // MiB
	goroutines, fds int
}

func weigh(t testing.TB) weight {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w := weight{heap: float64(m.HeapAlloc) / (1 << 20), goroutines: runtime.NumGoroutine()}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			w.rss = float64(kib) / 1024
		}
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	w.fds = len(fds)
	return w
}

// growth is how much of x is added from the first to the last of all weights,
// by the line between the medians of the first and the last third: what one
// odd weight says does not count.
func growth(all []weight, of func(weight) float64) float64 {
	third := len(all) / 3
	middle := func(ws []weight) float64 {
		var xs []float64
		for _, w := range ws {
			xs = append(xs, of(w))
		}
		slices.Sort(xs)
		return xs[len(xs)/2]
	}
	return (middle(all[len(all)-third:]) - middle(all[:third])) * float64(len(all)) / float64(len(all)-third)
}

package kernel_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"monban/firewall"
)

// A line is one session of a test: who dials from where, and who answers.
type line struct {
	network  string
	from, to string // with ports
	dialer   *netns
	answerer *netns
}

// lines are TCP and UDP sessions in both families, each between ports of its
// own.
func lines(dialer, answerer *netns, from4, to4, from6, to6 string) (out []line) {
	for i, network := range []string{"tcp", "udp"} {
		for _, e := range [][2]string{{from4, to4}, {from6, to6}} {
			at := func(a string, port int) string {
				return netip.AddrPortFrom(netip.MustParseAddr(a), uint16(port+i)).String()
			}
			out = append(out, line{network, at(e[0], 4500), at(e[1], 3389), dialer, answerer})
		}
	}
	return out
}

func (l line) proto() firewall.Proto {
	return map[string]firewall.Proto{"tcp": firewall.TCP, "udp": firewall.UDP}[l.network]
}

func (l line) ends() (from, to netip.AddrPort) {
	return netip.MustParseAddrPort(l.from), netip.MustParseAddrPort(l.to)
}

// answer starts who answers the lines.
func (c *clinic) answer(ls []line) map[string]*talker {
	out := map[string]*talker{}
	for _, l := range ls {
		out[l.to] = l.answerer.serve(c, l.to)
	}
	return out
}

// A call is a session that runs.
type call struct {
	line
	*talker
	conn net.Conn
	err  error
}

// dialAll dials every line at once.
func dialAll(t testing.TB, ls []line) []call {
	out := make([]call, len(ls))
	var wg sync.WaitGroup
	for i, l := range ls {
		wg.Go(func() {
			s, conn, err := l.dialer.dial(t, l.network, l.from, l.to)
			out[i] = call{l, s, conn, err}
		})
	}
	wg.Wait()
	return out
}

// endsByItself opens two windows in a row for the lines. In each all sessions
// run, and are cut at its end in both directions by the kernel alone, whoever
// keeps talking; the second lets the same 5-tuples in again. (The answering side
// first speaks for the old TCP session; SYN is sent again after 1 s.)
func (c *clinic) endsByItself(ls []line, answers map[string]*talker, open func(m firewall.Mark, d time.Duration)) {
	c.Helper()
	for round := range firewall.Mark(2) {
		mark, length := 40+round, map[firewall.Mark]time.Duration{0: 1200 * time.Millisecond, 1: 2500 * time.Millisecond}[round]
		open(mark, length)
		end := c.endOf(mark)
		calls := dialAll(c, ls)
		for _, s := range calls {
			if s.err != nil {
				c.Fatalf("round %d: %s %s: %v", round, s.network, s.to, s.err)
			}
			heard := answers[s.to].n.Load()
			eventually(c, fmt.Sprintf("round %d: %s %s: data flows", round, s.network, s.to), func() bool {
				return s.n.Load() > 5 && answers[s.to].n.Load() > heard+5
			})
		}
		c.over(mark, end)
		for _, s := range calls {
			for who, k := range map[string]*talker{"dialer": s.talker, "answerer": answers[s.to]} {
				if late := k.at().Sub(end); late > 200*time.Millisecond || late < -time.Second {
					c.Errorf("round %d: %s %s: %s last heard %s after the end", round, s.network, s.to, who, late)
				}
			}
			if tcp, ok := s.conn.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			s.conn.Close()
		}
		if n, err := c.k.Sweep(); n != 0 || err != nil {
			c.Errorf("round %d: %d ways are left, %v", round, n, err)
		}
	}
}

// over waits for the window's end, and wants the kernel to have let nothing
// through after it, though both sides kept talking. (When somebody heard what is
// up to the machine's load.)
func (c *clinic) over(m firewall.Mark, end time.Time) {
	c.Helper()
	time.Sleep(time.Until(end) + 30*time.Millisecond)
	at, err := c.k.Counts()
	if err != nil {
		c.Fatal(err)
	}
	time.Sleep(time.Until(end) + 300*time.Millisecond)
	later, err := c.k.Counts()
	if err != nil {
		c.Fatal(err)
	}
	if at.Passed[m] != later.Passed[m] || at.Passed[m].Packets == 0 {
		c.Errorf("window %d: passed %+v by its end, %+v later", m, at.Passed[m], later.Passed[m])
	}
	if later.Dead[m].Packets == 0 {
		c.Errorf("window %d: nobody kept talking", m)
	}
}

// endOf is when an open window ends, as the kernel says.
func (c *clinic) endOf(m firewall.Mark) time.Time {
	c.Helper()
	ls, err := c.k.Live()
	now := time.Now()
	for _, l := range ls {
		if l.Mark == m {
			return now.Add(l.Left)
		}
	}
	c.Fatalf("window %d is not open: %+v, %v", m, ls, err)
	return now
}

// refused wants every line to stay silent. Its answerer must be there.
func (c *clinic) refused(when string, ls []line) {
	c.Helper()
	for _, s := range dialAll(c, ls) {
		if s.err != nil {
			continue
		}
		time.Sleep(30 * time.Millisecond)
		if s.n.Load() > 0 {
			c.Errorf("%s: %s %s was let through", when, s.network, s.to)
		}
		s.conn.Close()
	}
}

func (c *clinic) mustOpen(o firewall.Opening) {
	c.Helper()
	if _, err := c.k.OpenWindow(o); err != nil {
		c.Fatal(err)
	}
}

// anew are the lines from any port: of no earlier flow.
func anew(ls []line) (out []line) {
	for _, l := range ls {
		l.from = netip.MustParseAddrPort(l.from).Addr().String()
		out = append(out, l)
	}
	return out
}

// A device dials the vendor in its window.
func TestOutboundWindow(t *testing.T) {
	c := newClinic(t)
	ls := lines(c.lan, c.out, dev4, vendor4, dev6, vendor6)
	answers := c.answer(ls)
	c.refused("before", anew(ls))
	c.endsByItself(ls, answers, func(m firewall.Mark, d time.Duration) {
		o := firewall.Opening{Mark: m, For: d}
		for _, l := range ls {
			from, to := l.ends()
			o.OutPasses = append(o.OutPasses, firewall.OutPass{Device: from.Addr(), To: to, Proto: l.proto()})
		}
		c.mustOpen(o)
	})
	c.refused("after", anew(ls))
}

// A tool works on a device under answered-only egress: all it begins that the
// name filter did not tell it belongs to the window, and what it was told
// goes on after the end.
func TestToolWindow(t *testing.T) {
	c := newClinic(t)
	c.answeredOnly()
	told := lines(c.lan, c.out, dev4, other4, dev6, other6)
	c.answer(told)
	c.refused("not yet told", anew(told))
	for dev, to := range map[string]string{dev4: other4, dev6: other6} {
		if err := c.k.Admit(netip.MustParseAddr(dev), []netip.Addr{netip.MustParseAddr(to)}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	lasting := dialAll(t, told)
	ls := lines(c.lan, c.out, dev4, stranger4, dev6, stranger6)
	for i := range ls { // the told ones have those ports
		ls[i].from = netip.AddrPortFrom(netip.MustParseAddrPort(ls[i].from).Addr(), uint16(4600+i)).String()
	}
	answers := c.answer(ls)
	c.refused("before", anew(ls))
	n, err := c.k.Counts()
	if err != nil || n.Named[firewall.CountUnanswered].Packets == 0 {
		t.Errorf("refused: %+v, %v", n.Named, err)
	}
	c.endsByItself(ls, answers, func(m firewall.Mark, d time.Duration) {
		c.mustOpen(firewall.Opening{Mark: m, For: d, ByName: true, Egress: []netip.Addr{netip.MustParseAddr(dev4), netip.MustParseAddr(dev6)}})
	})
	c.refused("after", anew(ls))
	for _, s := range lasting {
		if s.err != nil {
			t.Fatalf("told %s %s: %v", s.network, s.to, s.err)
		}
		n := s.n.Load()
		eventually(t, "the session with "+s.to+" goes on", func() bool { return s.n.Load() > n+5 })
	}
}

// answeredOnly puts the clinic's device under answered-only egress.
func (c *clinic) answeredOnly() {
	p := policy()
	c.lan.do(c, func() error { p.Answered = append(p.Answered, mac(c, "eth0")); return nil })
	c.apply(p)
}

// On any other device the addresses of a tool's names are gates: their flows
// end with the window, the rest of what it does is not touched.
func TestGates(t *testing.T) {
	c := newClinic(t)
	ls := lines(c.lan, c.out, dev4, stranger4, dev6, stranger6)
	answers := c.answer(ls)
	others := lines(c.lan, c.out, dev4, other4, dev6, other6)
	c.answer(others)
	gs := gates(dev4, stranger4, dev6, stranger6)
	var during []call
	c.endsByItself(ls, answers, func(m firewall.Mark, d time.Duration) {
		if err := c.k.AddGates(m, gs); err == nil {
			t.Error("gates in a window that is not open")
		}
		c.mustOpen(firewall.Opening{Mark: m, For: d, ByName: true})
		for range 2 { // there already: left
			if err := errors.Join(c.k.AddGates(m, gs), c.k.DropStale()); err != nil {
				t.Fatal(err)
			}
		}
		during = append(during, dialAll(t, anew(others))...)
	})
	for _, s := range during {
		if s.err != nil {
			t.Fatalf("%s %s: %v", s.network, s.to, s.err)
		}
		n := s.n.Load()
		eventually(t, "the session with "+s.to+" goes on", func() bool { return s.n.Load() > n+5 })
	}
}

// A tunnel's own packets reach a port of the box, by UDP. (WireGuard's are
// UDP like any other to the rules.)
func TestOuterWindow(t *testing.T) {
	c := newClinic(t)
	ls := lines(c.out, c.gw, vendor4, wan4, vendor6, wan6)[2:]
	answers := c.answer(ls)
	c.refused("before", anew(ls))
	open := func(m firewall.Mark, d time.Duration) {
		o := firewall.Opening{Mark: m, For: d}
		for _, l := range ls {
			from, to := l.ends()
			o.Outer = append(o.Outer, firewall.Outer{Source: netip.PrefixFrom(from.Addr(), from.Addr().BitLen()), Box: to})
		}
		c.mustOpen(o)
	}
	c.endsByItself(ls, answers, open)
	c.refused("after", anew(ls))
	open(50, time.Minute)
	c.refused("stranger", []line{{"udp", stranger4, ls[0].to, c.out, c.gw}, {"udp", stranger6, ls[1].to, c.out, c.gw}})
	c.refused("another port", []line{{"udp", vendor4, wan4 + ":3391", c.out, c.gw}})
	// The box speaks first after its flow was forgotten, and is cut all the same.
	c.cutAfterSpeakingFirst(50, wan4+":3390", vendor4)
}

// cutAfterSpeakingFirst lets the box dial from a tunnel's port: closing the
// window ends that too.
func (c *clinic) cutAfterSpeakingFirst(m firewall.Mark, box, vendor string) {
	c.Helper()
	answer := c.out.serve(c, vendor+":7000")
	// The server on the box has the port; a second socket of it shares it.
	from := netip.MustParseAddrPort(box)
	r := c.gw.raw(c, false, 17)
	b := make([]byte, 12)
	b[0], b[1], b[2], b[3], b[5] = byte(from.Port()>>8), byte(from.Port()), 7000>>8, 7000&0xff, 12
	speak := func() {
		if err := r.send(from.Addr(), netip.MustParseAddr(vendor), firewall.UDP, b, 6); err != nil {
			c.Fatal(err)
		}
	}
	speak()
	eventually(c, "the vendor hears the box", func() bool { return answer.n.Load() > 0 })
	fs, err := c.k.Flows()
	found := false
	for _, f := range fs {
		found = found || f.Mark == m && f.Source == from && f.Target.Port() == 7000
	}
	if err != nil || !found {
		c.Errorf("the flow has not the window's mark: %+v, %v", fs, err)
	}
	if _, err := c.k.CloseWindow(m); err != nil {
		c.Fatal(err)
	}
	before, err := c.k.Counts()
	if err != nil {
		c.Fatal(err)
	}
	eventually(c, "the vendor's answers are refused", func() bool {
		n, err := c.k.Counts()
		return err == nil && n.Dead[m].Packets > before.Dead[m].Packets
	})
}

// What comes out of a tunnel reaches the device of its window.
func TestTunnelWindow(t *testing.T) {
	c := newClinic(t)
	peer := c.tunnel()
	ls := lines(peer, c.lan, tunPeer4, dev4, tunPeer6, dev6)
	answers := c.answer(ls)
	c.refused("before", anew(ls))
	c.endsByItself(ls, answers, func(m firewall.Mark, d time.Duration) {
		o := firewall.Opening{Mark: m, For: d}
		for _, l := range ls {
			from, to := l.ends()
			o.Passes = append(o.Passes, firewall.Pass{Source: netip.PrefixFrom(from.Addr(), from.Addr().BitLen()), Proto: l.proto(), Inside: to, Direct: true})
		}
		c.mustOpen(o)
	})
	c.refused("after", anew(ls))
	n, err := c.k.Counts()
	if err != nil || n.Named[firewall.CountTunnel].Packets == 0 {
		t.Errorf("refused: %+v, %v", n.Named, err)
	}
}

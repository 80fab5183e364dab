package main

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"monban/gateway"
	"monban/gateway/lab"
	"monban/gateway/text"
	"monban/gateway/window"
)

// theTool is the remote-support tool that lab.ToolName belongs to.
const theTool = "TeamViewer"

// Where things are in the lab's site.
var (
	vendor4, vendor6 = netip.MustParseAddr("198.51.100.10"), netip.MustParseAddr("2001:db8:0:2::10")
	named4, named6   = netip.MustParseAddr("198.51.100.140"), netip.MustParseAddr("2001:db8:0:4::140")
	relay4, relay6   = netip.MustParseAddr("198.51.100.141"), netip.MustParseAddr("2001:db8:0:4::141")
)

// lan is the device's address of a family, for IPv6 its global one.
func (c *clinic) lan(device string, is6 bool) netip.Addr {
	c.t.Helper()
	return netip.MustParseAddrPort(c.addr(device, is6, 1)).Addr()
}

// A conversation goes through a window of a kind, or through none.
type conversation struct {
	what     string
	host     string
	network  string
	from, to netip.AddrPort
	match    func(lab.Caught) bool // its packets at the gateway
	*talk
}

// kinds are windows of every kind and the conversations they let through:
// both protocols, both families.
func (c *clinic) kinds(length time.Duration) (asks []gateway.Ask, talks [][]*conversation) {
	add := func(host string, network string, port uint16, from, dial, to netip.Addr, toPort uint16) {
		k := &conversation{what: fmt.Sprintf("%s %s → %s", network, host, to), host: host, network: network,
			from: netip.AddrPortFrom(from, port), to: netip.AddrPortFrom(dial, toPort)}
		k.match = func(f lab.Caught) bool { // the ports tell them apart; masquerading keeps them
			return f.From.Port() == port && f.To.Port() == toPort || f.From.Port() == toPort && f.To.Port() == port
		}
		talks[len(talks)-1] = append(talks[len(talks)-1], k)
	}
	begin := func(a gateway.Ask) { asks, talks = append(asks, a), append(talks, nil) }
	both := func(f func(network string, is6 bool)) {
		for _, network := range []string{"tcp", "udp"} {
			f(network, false)
			f(network, true)
		}
	}
	pick := func(is6 bool, a4, a6 netip.Addr) netip.Addr {
		if is6 {
			return a6
		}
		return a4
	}
	port := uint16(41000)
	next := func() uint16 { port++; return port }

	begin(inbound(length, "3389/tcp", "3389/udp"))
	both(func(network string, is6 bool) {
		add("vendor", network, next(), pick(is6, vendor4, vendor6), pick(is6, c.WAN[0], c.lan("rececom", true)), c.lan("rececom", is6), 3389)
	})
	out := gateway.Ask{Kind: window.Outbound, Vendor: lab.Vendor, Device: "rececom", Length: length, Reason: "test", Requester: "保守 太郎"}
	both(func(network string, is6 bool) {
		out.Targets = append(out.Targets, window.Target{Addr: pick(is6, vendor4, vendor6), Proto: window.Proto(network), Port: 4500})
	})
	begin(out)
	both(func(network string, is6 bool) {
		to := pick(is6, vendor4, vendor6)
		add("rececom", network, next(), c.lan("rececom", is6), to, to, 4500)
	})
	begin(c.toolAsk("ehr", length))
	both(func(network string, is6 bool) {
		to := pick(is6, relay4, relay6)
		add("ehr", network, next(), c.lan("ehr", is6), to, to, 5938)
	})
	add("ehr", "tcp", next(), c.lan("ehr", false), named4, named4, 5938)
	// A device whose egress is not by answers alone: only what the names led to.
	begin(c.toolAsk("reception", length))
	add("reception", "tcp", next(), c.lan("reception", false), named4, named4, 5938)
	add("reception", "udp", next(), c.lan("reception", true), named6, named6, 5938)
	return asks, talks
}

func (c *clinic) toolAsk(device string, length time.Duration) gateway.Ask {
	return gateway.Ask{Kind: window.Tool, Vendor: lab.Vendor, Device: device, Tool: theTool, Length: length, Reason: "test", Requester: "保守 太郎"}
}

// nameFrom asks the gateway for a name, by the device's own address. On a busy
// machine an answer whose addresses are not let through in time is none, and
// the device asks again.
func (c *clinic) nameFrom(device, name, kind string) lab.Lookup {
	c.t.Helper()
	is6 := kind == "AAAA"
	server := c.LAN[0].String()
	if is6 {
		server = last(c.addrsOf("gateway", true))
	}
	var l lab.Lookup
	for range 5 {
		out, errs, status := c.in(device, "dns", server, name, kind)
		if status != 0 {
			c.t.Fatalf("%s asks for %s: %s%s", device, name, out, errs)
		}
		if l = decoded[lab.Lookup](c.t, out); l.Rcode != "SERVFAIL" {
			break
		}
	}
	return l
}

// Every kind of window ends by the kernel alone, with the daemon dead: not one
// packet passes afterwards, for TCP and UDP, IPv4 and IPv6, while both sides
// keep talking; and so once more in a second window on the same ports. What a
// device was told by name, outside its window, goes on.
func TestEveryKindRunsOut(t *testing.T) {
	c := open(t)
	if l := c.nameFrom("ehr", c.AllowedName, "A"); l.Rcode != "NOERROR" {
		t.Fatalf("%+v", l)
	}
	ordinary := c.talk("ehr", "tcp", "198.51.100.130:7")
	ordinary.wait(3, "echo")
	k := c.watch()
	asks, talks := c.kinds(6 * time.Second)
	for round := range 2 {
		t.Logf("window %d", round+1)
		c.runOut(k, asks, talks, ordinary)
	}
	c.verified()
}

func (c *clinic) runOut(k witness, asks []gateway.Ask, talks [][]*conversation, ordinary *talk) {
	var ws []gateway.Window
	for _, a := range asks {
		ws = append(ws, c.breakOpen(a))
	}
	for _, q := range [][2]string{{"ehr", "A"}, {"reception", "A"}, {"reception", "AAAA"}} {
		if l := c.nameFrom(q[0], lab.ToolName, q[1]); len(l.Answer) != 1 || strings.HasSuffix(l.Answer[0], " 0.0.0.0") || strings.HasSuffix(l.Answer[0], " ::") {
			c.t.Fatalf("%s is told of %s: %+v", q[0], lab.ToolName, l)
		}
	}
	heard := map[*conversation]int{}
	for _, ks := range talks {
		for _, x := range ks {
			if x.talk != nil && x.network == "tcp" {
				x.talk.stop() // a connection does not come back; its ports do
				x.talk = nil
			}
			if x.talk != nil {
				_, heard[x] = x.talk.last("echo", "heard")
				continue
			}
			x.talk = c.talk(x.host, x.network, x.to.String(), "--local", x.from.String())
		}
	}
	for _, ks := range talks {
		for _, x := range ks {
			x.talk.wait(heard[x]+10, "echo", "heard")
		}
	}
	for i, w := range ws {
		if w.Kind == window.Tool { // every flow of it is the window's
			c.hasSessions(w.ID, len(talks[i]))
		}
	}
	c.run("lab", "kill", "--dir", c.dir)
	var ends []time.Time
	for _, w := range ws {
		ends = append(ends, endOf(w))
	}
	time.Sleep(time.Until(ends[len(ends)-1].Add(1500 * time.Millisecond)))
	c.cutAt(k, ends, talks)
	if at, _ := ordinary.last("echo"); time.Since(at) > 300*time.Millisecond {
		c.t.Errorf("a flow to an address told by name stopped %v ago", time.Since(at))
	}
	c.run("lab", "start", "--dir", c.dir)
	for _, w := range ws {
		got := c.reaches(w.ID, window.Closed, 5*time.Second)
		if got.How != window.RanOut || got.Passed.Packets == 0 || got.Dead.Packets == 0 {
			c.t.Errorf("%s: ended %s, %d packets passed, %d refused after the end", w.Kind, got.How, got.Passed.Packets, got.Dead.Packets)
		}
	}
	c.cutAt(k, ends, talks) // a daemon that comes back lets nothing through either
}

// cutAt wants each conversation to have gone on to the end of its window, and
// then nothing, though both sides still try.
func (c *clinic) cutAt(k witness, ends []time.Time, talks [][]*conversation) {
	c.t.Helper()
	s, worst := k.seen(), -cutWithin
	for i, ks := range talks {
		for _, x := range ks {
			out := passed(s, x.match)
			late := lastOf(out).Sub(ends[i])
			if late > endsWithin+busy || late < -cutWithin {
				c.t.Errorf("%s: the last packet passed %v after the end", x.what, late)
			}
			worst = max(worst, late)
			tries := map[string]bool{}
			for _, f := range s.Flows {
				if !f.Out && x.match(f) && time.Unix(0, f.Last).After(ends[i].Add(endsWithin+busy)) {
					tries[f.Dev] = true
				}
			}
			if !tries["wan0"] || !tries["lan0"] {
				c.t.Errorf("%s: after the end only %v still talked", x.what, tries)
			}
		}
	}
	c.t.Logf("last packet %v after the end, of %d conversations at most", worst, len(slices.Concat(talks...)))
}

// busy is what a machine that does other work may add to a time in a test. The
// benchmarks hold what is promised.
const busy = 150 * time.Millisecond

// hasSessions waits until a window has so many flows on record.
func (c *clinic) hasSessions(id int64, n int) {
	c.t.Helper()
	var have []window.Session
	for range 40 {
		if have = c.show(id).Sessions; len(have) >= n {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Errorf("window %d has %d sessions, not %d: %+v", id, len(have), n, have)
}

// The names of a remote-support tool are refused outside a window, and that is
// an event; in a window they are answered to its device alone, and after it
// refused again.
func TestToolIsRefusedByName(t *testing.T) {
	c := open(t)
	refused := func(device string, want bool) {
		t.Helper()
		for kind, nowhere := range map[string]string{"A": "0.0.0.0", "AAAA": "::"} {
			l := c.nameFrom(device, lab.ToolName, kind)
			if got := len(l.Answer) == 1 && strings.HasSuffix(l.Answer[0], " "+nowhere); got != want || len(l.Answer) != 1 {
				t.Errorf("%s, %s: refused %v, want %v: %+v", device, kind, got, want, l)
			}
		}
	}
	refused("ehr", true)
	refused("reception", true)
	if _, ok := c.reach("ehr", "tcp", netip.AddrPortFrom(relay4, 5938).String()); ok {
		t.Error("a device under answered-only egress reaches a relay outside a window")
	}
	for _, label := range []string{"電子カルテ", "受付PC"} {
		found := false
		for range 50 { // it is written a moment later
			for _, l := range c.audited("tool.refused") {
				found = found || l.Args["device"] == label && l.Args["tool"] == theTool && l.Args["name"] == lab.ToolName
			}
			if found {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if !found {
			t.Errorf("the log does not say that %s tried: %+v", label, c.audited("tool.refused"))
		}
	}
	w := c.breakOpen(c.toolAsk("ehr", 8*time.Second))
	if w.ByName {
		t.Error("a device under answered-only egress is said to be blocked by name only")
	}
	refused("ehr", false)
	refused("reception", true)
	if out, ok := c.reach("ehr", "tcp", netip.AddrPortFrom(relay4, 5938).String()); !ok {
		t.Errorf("the window does not lead to the relay:\n%s", out)
	}
	if _, ok := c.reach("ehr", "udp", netip.AddrPortFrom(vendor4, 4433).String()); ok {
		t.Error("a tool's window lets the device dial a vendor")
	}
	c.reaches(w.ID, window.Closed, 12*time.Second)
	refused("ehr", true)
	if _, ok := c.reach("ehr", "tcp", netip.AddrPortFrom(relay4, 5938).String()); ok {
		t.Error("the relay is reached after the window")
	}
	if w := c.breakOpen(c.toolAsk("reception", time.Second)); !w.ByName {
		t.Error("of a device with free egress the window does not say that it blocks by name only")
	}
	c.verified()
}

// Where the kernel has no WireGuard a tunnel's window is refused with that
// reason, and opens nothing.
func TestNoWireGuardIsSaid(t *testing.T) {
	c := open(t)
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Fatal("this test asks the kernel with ip; install the package iproute2")
	}
	if _, _, status := c.try("lab", "exec", "--dir", c.dir, "gateway", "--", ip, "link", "add", "wgtry", "type", "wireguard"); status == 0 {
		t.Log("this kernel has WireGuard: nothing to refuse")
		return
	}
	_, errs, status := c.try("window", "open", "--socket", c.Socket, "--break-glass", "--vendor", c.Vendor, "--device", "rececom",
		"--wireguard", "--port", "3389", "--for", "1m", "--reason", "test")
	if want := text.EN.Say("window.no_wireguard", nil); status == 0 || !strings.Contains(errs, want) {
		t.Errorf("status %d: %s; it should say %s", status, errs, want)
	}
	if live := c.live(); len(live) > 0 {
		t.Errorf("open: %v", live)
	}
}
